"""Copies of a server: to a moment, proved, damaged, encrypted, with a hole in the log."""

import asyncio
import shutil

import asyncpg
import pytest

from services.core import migrate
from services.core.clock import SystemClock
from services.core.errors import FiretowerError
from services.core.settings import BackupSettings
from stack.backup.command import Asked, backup
from stack.backup.copies import CopyFolder, NoCopy
from stack.backup.follow import SLOT
from stack.backup.keeper import Keeper
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal, Unreadable
from stack.backup.server import Server
from stack.backup.verify import verify
from stack.postgres import Postgres
from stack.state import StartFailed, StateDir
from tests.support.scratch import scratch_dir
from tests.support.servers import run_in_thread
from tests.support.waiting import eventually


class Origin:
    """A migrated server with a keeper beside it."""

    def __init__(self, folder):
        self.state = StateDir.open(folder / "origin")
        self.server = Postgres(self.state, durable=False)
        self.server.start()
        run_in_thread(migrate.upgrade(self.server.dsn))

    def keeper(self, copies, secret=None, slot=SLOT):
        settings = BackupSettings(backup_passphrase_file=secret, backup_keep=2)
        server = Server(self.server.copier_dsn, self.server.dsn, self.server.binaries)
        return Keeper(settings, copies, server, self.state, SystemClock(), slot=slot)

    async def add_area(self, code):
        connection = await asyncpg.connect(self.server.dsn)
        await connection.execute("insert into area (code, name) values ($1, 'made by a test')", code)
        at = await connection.fetchval("select clock_timestamp()")
        await connection.close()
        return at


@pytest.fixture(scope="module")
def origin():
    folder = scratch_dir()
    found = Origin(folder)
    yield found
    found.server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_copy_elsewhere_asks_the_running_server_and_leaves_its_port_alone(origin, scratch, monkeypatch, capsys):
    monkeypatch.delenv("FIRETOWER_DATABASE_URL", raising=False)
    assert backup(Asked(scratch / "copies", origin.state.path)) == 0
    assert "is whole" in capsys.readouterr().out
    assert origin.state.known_port("postgres") == origin.server.port


async def areas_of(server):
    connection = await asyncpg.connect(server.dsn)
    rows = await connection.fetch("select code from area where name = 'made by a test' order by code")
    await connection.close()
    return [row["code"] for row in rows]


async def keep_two_areas(origin, keeper):
    """Keep copies while one area is made, then another; the moment between the two."""
    stopping, folder = asyncio.Event(), keeper.folder
    running = asyncio.create_task(keeper.run(stopping))
    await eventually(folder.copies, what="a base copy", timeout_s=180, every_s=0.2)
    before = await origin.add_area("990001")
    later = await origin.add_area("990002")
    await eventually(lambda: (until := folder.until()) and until.at > later, what="it is shipped", timeout_s=180)
    stopping.set()
    await running
    return before


@pytest.mark.timeout(600)
def test_kept_copies_become_any_moment_since_the_first(origin, scratch):
    secret, wrong, said = scratch / "secret", scratch / "wrong", []
    secret.write_text("correct horse\n")
    wrong.write_text("incorrect horse\n")
    keeper = origin.keeper(scratch / "copies", secret)
    moment = asyncio.run(keep_two_areas(origin, keeper))
    assert (keeper.status.error, keeper.status.phase) == ("", "following")

    folder = CopyFolder.find(scratch / "copies")
    assert all(path.suffix == ".gpg" for path in (*folder.log_path.iterdir(), *folder.belongings_path.iterdir()))
    source = Source(folder, Seal(secret), folder.choose(None), None, folder.until())
    findings = verify(source, scratch, said.append)
    assert findings.faults == []
    assert findings.counts["area"] >= 14
    assert not list(scratch.glob("firetower-verify-*"))

    state = StateDir.open(scratch / "then")
    then = Source(folder, Seal(secret), folder.choose(moment), moment, None)
    with state.held():
        server = restore(then, state, said.append).postgres
        server.start()
        try:
            assert asyncio.run(areas_of(server)) == ["990001"]
            assert state.identity != origin.state.identity
        finally:
            server.stop()
        with pytest.raises(StartFailed, match="is not empty"):
            restore(then, state, said.append)

    for name, seal, refusal in (("x", Seal(None), "name its passphrase file"), ("y", Seal(wrong), "gpg --decrypt")):
        with pytest.raises(Unreadable, match=refusal):
            restore(Source(folder, seal, source.copy, None, None), StateDir.open(scratch / name), said.append)
    base = folder.base(source.copy)
    content = bytearray(base.read_bytes())
    content[len(content) // 2] ^= 1
    base.write_bytes(content)
    assert "SHA-256 differs" in verify(source, scratch, said.append).faults[0]


@pytest.mark.timeout(400)
def test_a_copy_by_hand_leaves_nothing_in_the_server_and_a_hole_is_named(origin, scratch):
    keeper = origin.keeper(scratch / "copies", slot="by_hand")
    copy = asyncio.run(keeper.copy_once())
    slots = "select count(*) from pg_replication_slots where slot_name = 'by_hand'"
    assert origin.server.run_sql("postgres", slots).strip() == "0"
    assert keeper.folder.copies() == [copy]
    assert keeper.folder.log_after(copy)[0].number == copy.first_segment
    for segment in keeper.folder.segments(copy.segment_bytes):
        segment.path.unlink()
    with pytest.raises(NoCopy, match="gap"):
        keeper.folder.log_after(copy)


def test_who_names_the_wrong_folder_is_told(scratch):
    with pytest.raises(NoCopy, match="holds no copy of a system"):
        CopyFolder.find(scratch)
    (scratch / "empty").write_text("\n")
    with pytest.raises(FiretowerError, match="empty first line"):
        Seal(scratch / "empty")
