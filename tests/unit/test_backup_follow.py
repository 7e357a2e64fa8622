"""The log goes on whatever is in the way of the rest, and what waits for a folder that is away is bounded."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime

import pytest

from services.core.clock import SystemClock
from services.core.errors import FiretowerError
from services.core.settings import BackupSettings
from stack.backup import belongings, follow
from stack.backup.belongings import Belongings, unpack
from stack.backup.copies import CopyFolder
from stack.backup.follow import Follower
from stack.backup.keeper import Keeper
from stack.backup.sealed import Seal
from stack.state import StateDir
from tests.support.processes import runs
from tests.support.waiting import eventually

SEGMENT = "00000001000000000000000{}"


class StillServer:
    """A server whose log has come in already; its tools note that they run, and do nothing."""

    def __init__(self, pid_file=None):
        self.pid_file = pid_file

    def tool(self, _name, *_arguments, application):
        said = f"import os, time; open({str(self.pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
        return [sys.executable, "-c", said], dict(os.environ) | {"APPLICATION": application}

    async def has_slot(self, _slot):
        return True

    async def note(self, *_values):
        return

    async def written(self):
        return datetime(2026, 11, 28, tzinfo=UTC), "0/3000000", {"all/event": 7}

    async def receives_up_to(self, _slot, _lsn, _within_s):
        return True


@pytest.fixture
def follower(tmp_path):
    state = StateDir.open(tmp_path / "state")
    folder = CopyFolder.make(tmp_path / "copies", "a1")
    made = Follower(StillServer(), folder, Seal(), Belongings(state, {}), "slot")
    spool = state.path / "backup/slot"
    for number in (1, 2):
        (spool / SEGMENT.format(number)).write_bytes(b"whole")
    (spool / f"{SEGMENT.format(3)}.partial").write_bytes(b"part")
    return made


def shipped(folder):
    return sorted(path.name for path in folder.log_path.iterdir())


async def test_whole_segments_go_and_the_one_at_work_stays_here_too(follower, tmp_path):
    folder = CopyFolder.find(tmp_path / "copies")
    until = await follower.ship(SystemClock())
    assert shipped(folder) == [
        *(f"{SEGMENT.format(number)}.gz" for number in (1, 2)),
        f"{SEGMENT.format(3)}.partial.gz",
    ]
    assert [path.name for path in (tmp_path / "state/backup/slot").iterdir()] == [f"{SEGMENT.format(3)}.partial"]
    assert folder.until() == until
    assert len(folder.belongings()) == 1
    await follower.ship(SystemClock())
    assert len(folder.belongings()) == 1  # nothing changed


async def test_another_disk_in_its_place_gets_the_belongings_too(follower, tmp_path):
    await follower.ship(SystemClock())
    folder = CopyFolder.find(tmp_path / "copies")
    folder.path.rename(tmp_path / "first disk")
    CopyFolder.make(tmp_path / "copies", "a1")
    await follower.ship(SystemClock())  # and nothing of the state folder has changed
    assert len(folder.belongings()) == 1


def segment_of(cluster):
    return bytes.fromhex("10d1 0600 01000000") + bytes(16) + cluster.to_bytes(8, "little") + bytes(99)


async def test_the_log_of_a_database_that_was_made_anew_is_not_mixed_with_that_of_the_first(follower, tmp_path):
    spool = tmp_path / "state/backup/slot"
    (spool / SEGMENT.format(4)).write_bytes(segment_of(11))
    await follower.ship(SystemClock())
    folder = CopyFolder.find(tmp_path / "copies")
    kept = (folder.log_path / f"{SEGMENT.format(4)}.gz").read_bytes()
    (spool / SEGMENT.format(4)).write_bytes(segment_of(12))
    with pytest.raises(FiretowerError, match="of another database"):
        await follower.ship(SystemClock())
    assert (folder.log_path / f"{SEGMENT.format(4)}.gz").read_bytes() == kept


async def test_a_machine_that_was_put_back_with_its_state_folder_overwrites_nothing_of_its_later_past(
    follower, tmp_path
):
    await follower.ship(SystemClock())
    log_path, spool = CopyFolder.find(tmp_path / "copies").log_path, tmp_path / "state/backup/slot"
    again = spool / f"{SEGMENT.format(2)}.partial"
    again.write_bytes(b"who\0\0")  # it comes once more, as after a loss of the spool
    await follower.ship(SystemClock())
    kept = (log_path / f"{SEGMENT.format(2)}.gz").read_bytes()
    again.write_bytes(b"what\0")
    with pytest.raises(FiretowerError, match="with other records: it was put back"):
        await follower.ship(SystemClock())
    assert (log_path / f"{SEGMENT.format(2)}.gz").read_bytes() == kept
    (log_path / f"{SEGMENT.format(2)}.gz").write_bytes(kept[:-9])
    (spool / SEGMENT.format(2)).write_bytes(b"whole")
    again.unlink()
    await follower.ship(SystemClock())
    assert (log_path / f"{SEGMENT.format(2)}.gz").read_bytes() == kept


async def test_a_segment_of_an_earlier_passphrase_that_comes_again_is_replaced(follower, tmp_path, monkeypatch):
    secret, spool = tmp_path / "secret", tmp_path / "state/backup/slot"
    for words in ("correct horse", "incorrect horse"):
        secret.write_text(words)
        monkeypatch.setattr(follower, "_seal", Seal(secret))
        (spool / SEGMENT.format(2)).write_bytes(b"whole")
        await follower.ship(SystemClock())
    kept = CopyFolder.find(tmp_path / "copies").log_path / f"{SEGMENT.format(2)}.gz.gpg"
    with Seal(secret).open(kept) as content:
        assert content.read() == b"whole"


class PutBackServer(StillServer):
    """A server at an earlier place than what was received from it."""

    def tool(self, _name, *_arguments, application):
        said = "requested starting point 0/4000000 is ahead of the WAL flush position of this server 0/2000000"
        return ["/bin/sh", "-c", f"echo '{said}'; exit 1"], {"APPLICATION": application}

    async def place_in_log(self):
        return 1, "0/2000000"

    async def receives_up_to(self, _slot, _lsn, _within_s):
        raise TimeoutError


async def test_a_server_that_was_put_back_is_told_while_its_copies_go_further_and_followed_in_a_new_folder(
    follower, tmp_path, monkeypatch
):
    monkeypatch.setattr(follow, "_PAUSES_S", (0.0,))
    monkeypatch.setattr(follower, "_server", PutBackServer())
    folder = CopyFolder.find(tmp_path / "copies")
    beyond = folder.log_path / f"{SEGMENT.format(4)}.gz"
    beyond.touch()
    assert await follower.ship(SystemClock()) is None
    assert shipped(folder) == [beyond.name]  # what waits may be of the other log

    async def told():
        try:
            await follower.receive()
        except FiretowerError as error:
            return str(error)
        return ""

    said = await eventually(told, what="it is told")
    assert "was put back to an earlier state" in said
    beyond.unlink()  # as in a new folder

    async def begins_anew():
        await follower.receive()
        return not list((tmp_path / "state/backup/slot").iterdir())

    await eventually(begins_anew, what="what waited is let go")
    follower.stop()


async def test_a_folder_that_hangs_does_not_make_what_waits_for_it_grow_without_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "_MOST_WAITING", 2)
    state, tool = StateDir.open(tmp_path / "state"), tmp_path / "tool"
    keeper = Keeper(BackupSettings(), tmp_path / "copies", StillServer(tool), state, SystemClock())
    spool = state.path / "backup/firetower_backup"
    (spool / SEGMENT.format(1)).write_bytes(b"whole")
    hanging = keeper.folder.log_path / f"{SEGMENT.format(1)}.gz.part"
    os.mkfifo(hanging)  # whoever opens it for writing waits for a reader, as for a file server that is away
    stopping = asyncio.Event()
    running = asyncio.create_task(keeper.run(stopping))
    pid = int(await eventually(lambda: tool.exists() and tool.read_text(), what="the log is received"))
    try:
        for number in (2, 3, 4):
            (spool / SEGMENT.format(number)).write_bytes(b"whole")
        await eventually(lambda: not runs(pid), what="receiving has paused")
    finally:
        os.close(os.open(hanging, os.O_RDONLY | os.O_NONBLOCK))
        stopping.set()
        await running


async def test_a_damaged_journal_is_told_and_holds_up_no_row(follower, tmp_path):
    folder = CopyFolder.find(tmp_path / "copies")
    (tmp_path / "state/journal.sqlite3").write_bytes(b"SQLite format 3\0 and then garbage")
    with pytest.raises(FiretowerError, match="the belongings cannot be copied, the log is: "):
        await follower.ship(SystemClock())
    assert len(shipped(folder)) == 3
    assert folder.until() is None  # so that it is overdue
    (tmp_path / "state/journal.sqlite3").unlink()
    assert await follower.ship(SystemClock()) is not None


def unpacked(archive, tmp_path):
    state = StateDir.open(tmp_path / "unpacked")
    with Seal().open(archive) as packed:
        notes = unpack(packed, state)
    return state.path, notes


async def test_copies_that_are_kept_in_the_state_folder_are_no_part_of_what_is_copied(follower, tmp_path):
    inside = CopyFolder.make(tmp_path / "state/mnt", "a1")
    (inside.copies_path / "base.tar.gz").write_bytes(b"a copy of everything")
    (tmp_path / "state/mnt/note.txt").write_text("mine")
    await follower.ship(SystemClock())
    ((_, _, archive),) = CopyFolder.find(tmp_path / "copies").belongings()
    restored, _ = unpacked(archive, tmp_path)
    assert [path.name for path in restored.rglob("mnt/**/*")] == ["note.txt"]


async def test_a_journal_is_copied_though_the_folder_for_temporary_files_is_gone(follower, tmp_path, monkeypatch):
    with closing(sqlite3.connect(tmp_path / "state/journal.sqlite3")) as made:
        made.executescript("create table kept as select 7 as n")
    (tmp_path / "state/lost+found").mkdir(mode=0o700)
    (tmp_path / "state/lost+found/#12").write_text("of the disk")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tidied away"))
    await follower.ship(SystemClock())
    restored, _ = unpacked(CopyFolder.find(tmp_path / "copies").belongings()[0][2], tmp_path)
    with closing(sqlite3.connect(restored / "journal.sqlite3")) as read:
        assert read.execute("select n from kept").fetchone() == (7,)
    assert not (restored / "lost+found").exists()


async def test_a_certificate_that_is_a_link_is_copied_as_what_it_names(follower, tmp_path, monkeypatch):
    archive, live = tmp_path / "archive", tmp_path / "live"
    archive.mkdir()
    live.mkdir()
    (archive / "privkey1.pem").write_text("a key")
    (live / "privkey.pem").symlink_to("../archive/privkey1.pem")
    (live / "gone.pem").symlink_to("../archive/gone.pem")
    (live / "round").symlink_to(".")
    (tmp_path / "state/linked.json").symlink_to(archive / "privkey1.pem")
    monkeypatch.setattr(follower, "_belongings", Belongings(StateDir.open(tmp_path / "state"), {}, (live,)))
    await follower.ship(SystemClock())
    folder = CopyFolder.find(tmp_path / "copies")
    ((_, _, named),) = folder.named()
    restored, _ = unpacked(named, tmp_path)
    assert [path.name for path in (restored / "also/0/live").iterdir()] == ["privkey.pem"]
    assert (restored / "also/0/live/privkey.pem").read_text() == "a key"
    ((_, _, rest),) = folder.belongings()
    assert (unpacked(rest, tmp_path)[0] / "linked.json").read_text() == "a key"


@pytest.mark.parametrize("name", ["mosquitto/sessions.sqlite3", "journal.sqlite3"])
async def test_a_file_of_the_broker_that_was_large_once_holds_up_nothing(follower, tmp_path, monkeypatch, name):
    monkeypatch.setattr(belongings, "_MOST_BYTES", 2**20)
    path = tmp_path / "state" / name
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.execute("create table queued (content blob)")
        made.executemany("insert into queued values (?)", [(bytes(2**16),)] * 32)
        made.execute("delete from queued")
        made.commit()
    assert path.stat().st_size > 2**20
    assert await follower.ship(SystemClock()) is not None
    with closing(sqlite3.connect(path)) as made:
        made.executemany("insert into queued values (?)", [(bytes(2**16),)] * 32)
        made.commit()
    with pytest.raises(FiretowerError, match="too large to belong"):
        await follower.ship(SystemClock())


async def test_a_map_is_shipped_when_it_changed_and_not_with_each_change_of_the_rest(follower, tmp_path, monkeypatch):
    maps = tmp_path / "maps"
    maps.mkdir()
    county = maps / "county.pmtiles"
    county.write_bytes(b"PMTiles" * 1000)
    folder = CopyFolder.find(tmp_path / "copies")
    own = Belongings(StateDir.open(tmp_path / "state"), {}, (maps, tmp_path / "gone"))
    monkeypatch.setattr(follower, "_belongings", own)
    monkeypatch.setattr(belongings, "_MOST_BYTES", 5000)  # which bounds the state folder's own files
    for content in (b"one", b"two"):
        (tmp_path / "state/journal").write_bytes(content)
        await follower.ship(SystemClock())
    ((_, _, archive),) = folder.named()
    restored, notes = unpacked(archive, tmp_path)
    assert (restored / "also/0/maps/county.pmtiles").read_bytes() == county.read_bytes()
    assert notes[0].endswith(f"was in {maps}: put it back there, and remove this")
    county.write_bytes(b"PMTiles" * 2000)
    await follower.ship(SystemClock())
    assert len({look for _, look, _ in folder.named()}) == 2


async def test_receiving_pauses_while_too_much_waits_for_a_folder_that_is_away(follower, tmp_path, monkeypatch):
    monkeypatch.setattr(follow, "_MOST_WAITING", 2)
    folder = CopyFolder.find(tmp_path / "copies")
    folder.path.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        await follower.ship(SystemClock())
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as tool:  # noqa: ASYNC220
        monkeypatch.setattr(follower, "_process", tool)
        await follower.receive()
        assert tool.poll() is not None
    await follower.receive()  # and it is not begun again
    assert not follower.receives
    (tmp_path / "away").rename(folder.path)
    await follower.ship(SystemClock())
    assert len(shipped(folder)) == 3
