"""Where the embedded servers are looked for."""

from pathlib import Path

from stack.binaries import cache_dirs, find_postgres


def test_a_user_without_a_home_looks_in_the_machines_cache(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FIRETOWER_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_dirs() == [Path("/var/cache/firetower")]


def install(prefix, major, minor=2):
    share, programs = prefix / f"share/postgresql/{major}/extension", prefix / f"lib/postgresql/{major}/bin"
    share.mkdir(parents=True)
    programs.mkdir(parents=True)
    (share / "timescaledb.control").write_text("default_version = '2.19.3'\n")
    (programs / "initdb").touch()
    (programs / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major}.{minor} (Debian)'\n")
    (programs / "postgres").chmod(0o755)


def test_of_two_installations_the_one_that_made_the_data_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("FIRETOWER_CACHE", str(tmp_path))
    monkeypatch.delenv("FIRETOWER_STACK_PREFIX", raising=False)
    for major in (15, 17):
        install(tmp_path / f"postgresql-{major}.2-timescaledb-2.19.3-amd64", major)
    assert [find_postgres(major).version for major in ("", "15", "17", "14")] == ["17.2", "15.2", "17.2", "17.2"]


def test_the_newest_installation_is_taken_by_the_numbers_of_its_version(monkeypatch, tmp_path):
    monkeypatch.setenv("FIRETOWER_CACHE", str(tmp_path))
    monkeypatch.delenv("FIRETOWER_STACK_PREFIX", raising=False)
    for minor in (20, 9):
        install(tmp_path / f"postgresql-15.{minor}-timescaledb-2.19.3-amd64", 15, minor)
    assert find_postgres().version == "15.20"
    install(tmp_path / "postgresql-15.20-timescaledb-2.19.3-amd64", 9, 24)  # too old, beside it
    assert find_postgres().version == "15.20"
