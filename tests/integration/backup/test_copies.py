"""Copies of a server: to a moment, proved, damaged, encrypted, with a hole in the log."""

import asyncio
import os
import shutil
from datetime import timedelta

import asyncpg
import pytest

from services.core import migrate
from services.core.clock import SystemClock
from services.core.errors import FiretowerError
from services.core.settings import BackupSettings
from stack.backup.command import Asked, backup
from stack.backup.copies import CopyFolder, NoCopy
from stack.backup.follow import ONCE, SLOT, forget_ended
from stack.backup.keeper import Keeper
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal, Unreadable
from stack.backup.server import Server
from stack.backup.verify import verify
from stack.holding import Hold
from stack.postgres import Postgres
from stack.state import StartFailed, StateDir
from tests.support.scratch import scratch_dir
from tests.support.servers import run_in_thread, until
from tests.support.waiting import PATIENCE_S, eventually

SHIP_EVERY_S = 2.0  # in the place of 20: so long a test waits for each thing that it wants to see shipped


class Origin:
    """A migrated server with a keeper beside it."""

    def __init__(self, folder):
        self.state = StateDir.open(folder / "origin")
        self.server = Postgres(self.state, durable=False)
        self.server.start()
        run_in_thread(migrate.upgrade(self.server.dsn))

    def keeper(self, copies, secret=None, slot=SLOT, clock=None, every_s=SHIP_EVERY_S):
        settings = BackupSettings(backup_passphrase_file=secret, backup_keep=2)
        server = Server(self.server.copier_dsn, self.server.dsn, self.server.binaries)
        clock = clock or SystemClock()
        return Keeper(settings, copies, server, self.state, clock, slot=slot, ship_every_s=every_s)

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


def damage(path):
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


async def areas_of(server):
    connection = await asyncpg.connect(server.dsn)
    rows = await connection.fetch("select code from area where name = 'made by a test' order by code")
    await connection.close()
    return [row["code"] for row in rows]


async def keep_two_areas(origin, keeper, codes=("990001", "990002")):
    """Keep copies while one area is made, then another; the moment between the two."""
    stopping, folder = asyncio.Event(), keeper.folder
    running = asyncio.create_task(keeper.run(stopping))
    await eventually(folder.copies, what="a base copy", timeout_s=180, every_s=0.2)
    before = await origin.add_area(codes[0])
    later = await origin.add_area(codes[1])
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
    damage(folder.base(source.copy))
    assert "SHA-256 differs" in verify(source, scratch, said.append).faults[0]


async def keep_areas_in_segments_of_their_own(origin, keeper, codes):
    """Keep copies while areas are made; the moment after each, and the segment of the log that it is in."""
    stopping, folder, made = asyncio.Event(), keeper.folder, []
    running = asyncio.create_task(keeper.run(stopping))
    await eventually(folder.copies, what="a base copy", timeout_s=180, every_s=0.2)
    for code in codes:
        at = await origin.add_area(code)
        await origin.add_area(f"98{code[2:]}")  # a moment is reached when something was committed after it
        name = origin.server.run_sql("postgres", "select pg_walfile_name(pg_current_wal_lsn())")
        origin.server.run_sql("postgres", "select pg_switch_wal()")
        made.append((at, name.strip()))
    end = (await origin.add_area("990019")) and made[-1][1]
    await eventually((folder.log_path / f"{end}.gz").exists, what="it is shipped", timeout_s=180)
    stopping.set()
    await running
    return made


@pytest.mark.timeout(600)
def test_what_is_lost_of_the_log_costs_only_the_moments_behind_it(origin, scratch):
    keeper, said = origin.keeper(scratch / "copies"), []
    codes = ("990011", "990012", "990013")
    (first, _), (_, spoiled), (third, _) = asyncio.run(keep_areas_in_segments_of_their_own(origin, keeper, codes))
    folder = CopyFolder.find(scratch / "copies")
    segment = folder.log_path / f"{spoiled}.gz"

    def then(at, name):
        return Source(folder, Seal(None), folder.choose(at), at, None), StateDir.open(scratch / name)

    segment.write_bytes(segment.read_bytes()[:-9])
    source, state = then(first, "before")
    with state.held():
        server = restore(source, state, said.append).postgres
        server.start()
        try:
            assert set(codes) & set(asyncio.run(areas_of(server))) == {"990011"}
        finally:
            server.stop()
    with pytest.raises(Unreadable, match=spoiled):
        restore(*then(None, "end"), said.append)
    segment.unlink()
    with pytest.raises(NoCopy, match=r"gap of 1 segments.*the last commit before it was at"):
        restore(*then(third, "behind"), said.append)


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


class AheadClock(SystemClock):
    def now(self):
        return super().now() + timedelta(days=400)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("change", ["passphrase", "clock"])
def test_another_passphrase_or_a_clock_set_back_begins_a_new_copy_at_once(origin, scratch, change):
    secret = scratch / "secret"
    secret.write_text("correct horse\n")
    clock = AheadClock() if change == "clock" else SystemClock()
    first = asyncio.run(origin.keeper(scratch / "copies", secret, slot="by_hand", clock=clock).copy_once())
    if change == "passphrase":
        secret.write_text("incorrect horse\n")

    async def keep():
        stopping, keeper = asyncio.Event(), origin.keeper(scratch / "copies", secret)
        running = asyncio.create_task(keeper.run(stopping))
        await eventually(lambda: len(keeper.folder.copies()) == 2, what="a second copy", timeout_s=180, every_s=0.2)
        stopping.set()
        await running
        return keeper.folder

    folder = asyncio.run(keep())
    newest = folder.choose(None)
    assert newest != first
    source = Source(folder, Seal(secret), newest, None, folder.until())
    older = folder.base(first)  # an earlier moment would be restored from it
    if change == "passphrase":
        damage(older)
        fault = f"{older} is not what was written: its SHA-256 differs"
    else:
        os.truncate(older, older.stat().st_size - 1)
        fault = f"{older.parent} is no longer whole: its file is missing or shorter than it was written"
    assert verify(source, scratch, [].append).faults == [fault]  # the newest restores, and nothing is wrong but this


@pytest.mark.timeout(400)
def test_what_is_kept_of_a_log_that_the_server_never_wrote_holds_up_nothing(origin, scratch):
    keeper = origin.keeper(scratch / "copies")
    spool = origin.state.path / "backup" / SLOT
    (spool / "0000000100000FFF00000001.partial").write_bytes(bytes(2**24))
    asyncio.run(keep_two_areas(origin, keeper, ("990003", "990004")))
    assert not list(keeper.folder.log_path.glob("*00000FFF*"))


def slots_of(origin):
    said = origin.server.run_sql("postgres", "select slot_name from pg_replication_slots")
    return {name.strip() for name in said.splitlines() if name.strip()}


def test_a_copy_by_hand_that_was_ended_has_the_server_keep_nothing(origin, scratch, program, monkeypatch):
    monkeypatch.delenv("FIRETOWER_DATABASE_URL", raising=False)
    one = program("backup", str(scratch / "copies"), "--state-dir", str(origin.state.path))
    until(lambda: any(name.startswith(ONCE) for name in slots_of(origin)), what="it has its slot")
    one.process.terminate()
    one.process.wait(PATIENCE_S)
    assert not any(name.startswith(ONCE) for name in slots_of(origin))

    dead, alive = f"{ONCE}{os.getpid()}", f"{ONCE}1f"  # the number of one that lives says nothing
    hold = Hold(origin.state.path / "backup" / f"{alive}.lock")
    for name in (dead, alive):
        (origin.state.path / "backup" / name).mkdir()
        origin.server.run_sql("postgres", f"select pg_create_physical_replication_slot('{name}')")
    hold.take()
    server = Server(origin.server.copier_dsn, origin.server.dsn, origin.server.binaries)
    asyncio.run(forget_ended(server, origin.state))
    assert {dead, alive} & slots_of(origin) == {alive}
    hold.release()
    asyncio.run(forget_ended(server, origin.state))
    assert not {dead, alive} & slots_of(origin)


def test_a_disk_that_is_not_mounted_is_told_and_nothing_is_written_in_its_place(origin, scratch, program, monkeypatch):
    monkeypatch.delenv("FIRETOWER_DATABASE_URL", raising=False)
    root = scratch / "disk"
    origin.keeper(root)  # copies were kept there once
    shutil.rmtree(root)
    root.mkdir()
    program("backup", str(root), "--follow", "--state-dir", str(origin.state.path))

    def told():
        said = origin.server.run_sql("firetower", "select error from backup_status")
        return said.strip().splitlines()

    until(lambda: "mount its disk" in "".join(told()), what="it is told")
    assert list(root.iterdir()) == []
    folder = CopyFolder.make(root, origin.state.identity)  # as `firetower backup` does
    until(folder.copies, what="it begins anew", timeout_s=180)


def test_who_names_the_wrong_folder_is_told(scratch):
    with pytest.raises(NoCopy, match="holds no copy of a system"):
        CopyFolder.find(scratch)
    (scratch / "empty").write_text("\n")
    with pytest.raises(FiretowerError, match="empty first line"):
        Seal(scratch / "empty")
