"""Where the embedded servers are looked for."""

from pathlib import Path

from stack.binaries import cache_dirs


def test_a_user_without_a_home_looks_in_the_machines_cache(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("FIRETOWER_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert cache_dirs() == [Path("/var/cache/firetower")]
