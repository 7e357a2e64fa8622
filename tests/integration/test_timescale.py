"""`firetower migrate` and the TimescaleDB it finds: older than the server's files, of another edition, not ours."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from services.core import db, migrate, timescale
from services.core.errors import FiretowerError
from stack.binaries import PostgresBinaries, find_postgres
from stack.postgres import OWNER, Postgres
from stack.state import StateDir
from tests.support.scratch import scratch_dir
from tests.support.servers import run_in_thread

NEWER_SCRIPT = "update pg_proc set probin = '$libdir/timescaledb-{new}' where probin = '$libdir/timescaledb-{old}';\n"


def _link_or_copy(source: str, to: str) -> None:
    try:
        os.link(source, to)
    except OSError:  # another file system, or another user's files
        shutil.copy2(source, to)


class Installation:
    """A copy of the server's files that a newer TimescaleDB can be put into: the same library under another version."""

    def __init__(self, folder: Path) -> None:
        self.found = find_postgres()
        source = self.found.bin_dir
        while not (source / "share").is_dir():
            source = source.parent
        self._root = folder / "prefix"
        for part in ("bin", "lib/postgresql", "share/postgresql"):  # of /usr too, where nothing else is wanted
            if (source / part).is_dir() and (part != "bin" or self.found.bin_dir == source / part):
                shutil.copytree(source / part, self._root / part, copy_function=_link_or_copy, symlinks=True)
        self.binaries = PostgresBinaries(
            self._root / self.found.bin_dir.relative_to(source), self.found.version, self.found.timescaledb
        )
        self.old = self.found.timescaledb
        self.new = self.old[:-1] + str((int(self.old[-1]) + 1) % 10 or 1)

    def bring_newer(self, *, keep_old: bool) -> None:
        """Do what a package does that brings the next version."""
        (library,) = self._root.rglob(f"timescaledb-{self.old}.so")
        (control,) = self._root.rglob("timescaledb.control")
        newer = library.with_name(f"timescaledb-{self.new}.so")
        newer.write_bytes(library.read_bytes().replace(self.old.encode(), self.new.encode()))
        script = control.with_name(f"timescaledb--{self.old}--{self.new}.sql")
        script.write_text(NEWER_SCRIPT.format(old=self.old, new=self.new))
        text = control.read_text().replace(self.old, self.new)
        control.unlink()  # a link to the file that everybody uses
        control.write_text(text)
        if not keep_old:
            library.unlink()


@pytest.fixture
def installation(scratch: Path) -> Installation:
    return Installation(scratch)


@pytest.fixture
def server(installation: Installation) -> Iterator[Postgres]:
    folder = scratch_dir()
    server = Postgres(StateDir.open(folder), durable=False, binaries=installation.binaries)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def version_in(dsn: str) -> str:
    connection = await db.connect(dsn, program="test")
    try:
        await connection.fetch("select drop_chunks('event', older_than => interval '1 year')")  # the library answers
        version: str = await connection.fetchval("select extversion from pg_extension where extname = 'timescaledb'")
        return version
    finally:
        await connection.close()


def test_an_older_timescaledb_is_updated_also_when_its_library_is_gone_and_whose_it_is_not_is_told(
    installation: Installation, server: Postgres
) -> None:
    foreign = server.dsn_of("foreign_extension")
    server.run_sql("postgres", f"create database foreign_extension owner {OWNER} template template0")
    server.run_sql("foreign_extension", "create extension timescaledb")
    for dsn in (server.dsn, foreign):
        run_in_thread(migrate.upgrade(dsn))
    server.stop()
    installation.bring_newer(keep_old=True)
    server.start()
    run_in_thread(migrate.upgrade(server.dsn))
    assert run_in_thread(version_in(server.dsn)) == installation.new
    with pytest.raises(timescale.ExtensionBehind) as told:
        run_in_thread(migrate.upgrade(foreign))
    line = str(told.value)
    assert "\n" not in line
    assert f"has {installation.old}, the server brings {installation.new}" in line
    assert 'psql -X -d foreign_extension -c "alter extension timescaledb update"' in line
    for library in installation.binaries.bin_dir.parent.rglob(f"timescaledb-{installation.old}.so"):
        library.unlink()
    server.stop()
    server.start()
    with pytest.raises(timescale.ExtensionBehind, match="could not access file"):
        run_in_thread(migrate.upgrade(foreign))
    server.run_sql("foreign_extension", timescale.UPDATE)
    run_in_thread(migrate.upgrade(foreign))
    assert run_in_thread(version_in(foreign)) == installation.new


async def test_an_apache_server_refuses_chunks_of_the_columnstore_in_one_line(postgres, database):
    connection = await db.connect(database, program="test")
    await connection.execute(
        "insert into reading_water (device_id, ts, seq, received_at, batch_id) values (1, now(), 1, now(), 0)"
    )
    postgres.sql("update _timescaledb_catalog.chunk set status = 1", database.rpartition("/")[2])
    await connection.close()
    with pytest.raises(FiretowerError, match="Community edition") as told:
        await migrate.upgrade(database)
    assert "\n" not in str(told.value)


async def test_a_database_whose_text_is_sorted_otherwise_by_now_is_told_with_the_cure(postgres, database, monkeypatch):
    """As after an upgrade of the system below a server: what is there is in the old order."""
    said = CapturingLogger()
    monkeypatch.setattr(timescale, "log", said)
    name = database.rpartition("/")[2]
    await migrate.upgrade(database)
    assert "database_sorts_otherwise" not in [call.args[0] for call in said.calls]
    postgres.sql("update pg_database set datcollversion = '1' where datname = current_database()", name)
    await migrate.upgrade(database)
    (told,) = [call for call in said.calls if call.args[0] == "database_sorts_otherwise"]
    assert f'reindex database "{name}"' in told.kwargs["cure"]
