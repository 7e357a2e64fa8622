"""The log goes on whatever is in the way of the rest, and what waits for a folder that is away is bounded."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from services.core.clock import SystemClock
from services.core.errors import FiretowerError
from stack.backup import belongings, follow
from stack.backup.belongings import Belongings, unpack
from stack.backup.copies import CopyFolder
from stack.backup.follow import Follower
from stack.backup.sealed import Seal
from stack.state import StateDir

SEGMENT = "00000001000000000000000{}"


class StillServer:
    """A server whose log has come in already."""

    async def written(self):
        return datetime(2026, 11, 28, tzinfo=UTC), "0/3000000", {"all/event": 7}

    async def receives_up_to(self, _lsn, _within_s):
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
    ((_, archive),) = CopyFolder.find(tmp_path / "copies").belongings()
    restored, _ = unpacked(archive, tmp_path)
    assert [path.name for path in restored.rglob("mnt/**/*")] == ["note.txt"]


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
    assert notes[0].endswith(f"was in {maps}: put it back there")
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
