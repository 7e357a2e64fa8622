"""A copy, and a machine whose TimescaleDB is another than that of the server that was copied."""

import shutil
from dataclasses import replace

import pytest

from services.core import migrate
from stack.backup import restore as restoring
from stack.backup.command import Asked, backup
from stack.backup.copies import CopyFolder
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal
from stack.postgres import Postgres
from stack.state import StateDir
from tests.integration.test_timescale import Installation, version_in
from tests.support.scratch import scratch_dir
from tests.support.servers import run_in_thread


@pytest.fixture
def copied(monkeypatch):
    """The folder of a copy, made with the TimescaleDB that is here."""
    monkeypatch.delenv("FIRETOWER_DATABASE_URL", raising=False)
    folder = scratch_dir()
    state = StateDir.open(folder / "origin")
    server = Postgres(state, durable=False)
    server.start()
    run_in_thread(migrate.upgrade(server.dsn))
    assert backup(Asked(folder / "copies", state.path)) == 0
    server.kill()
    yield CopyFolder.find(folder / "copies")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(600)
def test_a_copy_of_an_older_one_becomes_a_system_where_only_the_newer_one_is(copied, scratch, monkeypatch):
    installation = Installation(scratch)
    installation.bring_newer(keep_old=False)
    newer = replace(installation.binaries, timescaledb=installation.new)
    monkeypatch.setattr(restoring, "find_postgres", lambda _major: newer)
    source = Source(copied, Seal(None), copied.choose(None), None, copied.until())
    state = StateDir.open(scratch / "restored")
    with state.held():
        server = restore(source, state, print).postgres
        server.start()
        try:
            assert run_in_thread(version_in(server.dsn)) == installation.new
        finally:
            server.stop()
