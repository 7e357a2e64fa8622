"""Copies of a system whose clock was years ahead, or years behind, and was set right."""

from datetime import UTC, datetime, timedelta

import pytest

from stack.backup.belongings import Belongings, unpack
from stack.backup.copies import STAMP, CopyFolder, Until
from stack.backup.follow import Follower
from stack.backup.restore import Source
from stack.backup.sealed import Seal
from stack.state import StateDir
from tests.unit.test_backup_folder import START, add_copy
from tests.unit.test_backup_follow import StillServer


@pytest.fixture
def folder(tmp_path):
    return CopyFolder.make(tmp_path, "a1")


def add_belongings(folder, at):
    (folder.belongings_path / f"{at.strftime(STAMP)}.tar.gz").touch()


def taken(folder, at, until=None):
    """The day of the belongings, and of the map, that a restoration would take."""
    source = Source(folder, Seal(), folder.choose(at), at, until)
    return tuple(
        path.name.removesuffix(".tar.gz").removesuffix("-map") for path in (source.belongings(), source.named())
    )


def test_what_a_clock_brought_that_was_years_ahead_is_neither_restored_beside_todays_database_nor_kept_for_ever(folder):
    ahead = START + timedelta(days=4000)
    early, late = START + timedelta(hours=1), START + timedelta(days=1, hours=2)
    add_copy(folder, 4000, 1)  # the oldest: its clock was set right after it
    add_copy(folder, 0, 5)
    add_copy(folder, 1, 9)
    for at in (ahead, START, early, late):
        add_belongings(folder, at)
        (folder.named_path / f"{at.strftime(STAMP)}-map.tar.gz").touch()
    now = START + timedelta(days=2)
    assert folder.prune(3, now) == []
    of_a_day = {at: (at.strftime(STAMP),) * 2 for at in (ahead, START, early, late)}
    assert taken(folder, START + timedelta(minutes=30)) == of_a_day[START]
    assert taken(folder, early + timedelta(minutes=5)) == of_a_day[early]
    assert taken(folder, None, Until(now, "0/1", {}, now)) == of_a_day[late]
    assert taken(folder, None, Until(now, "0/1", {})) == of_a_day[late]  # as earlier releases wrote it
    assert taken(folder, None, Until(ahead, "0/1", {}, ahead)) == of_a_day[ahead]  # lost before it was set right
    assert folder.prune(2, now) == [ahead.strftime(STAMP)]
    assert ahead not in [at for at, _, _ in (*folder.belongings(), *folder.named())]


def test_a_clock_that_begins_years_behind_costs_no_belongings(folder):
    add_copy(folder, 0, 1)
    times = [START, START + timedelta(hours=3), START + timedelta(hours=23)]
    for at in times:
        add_belongings(folder, at)
    assert folder.prune(1, START - timedelta(days=2000)) == []
    assert [at for at, _, _ in folder.belongings()] == times


class Clock:
    def __init__(self, now):
        self.at = now

    def now(self):
        return self.at


async def test_belongings_and_maps_are_shipped_once_more_when_a_clock_that_was_ahead_is_set_right(
    tmp_path,
):
    county = tmp_path / "county.pmtiles"
    county.write_bytes(b"PMTiles")
    state, folder = StateDir.open(tmp_path / "state"), CopyFolder.make(tmp_path / "copies", "a1")
    follower = Follower(StillServer(), folder, Seal(), Belongings(state, {}, (county,)), "slot")
    today = datetime(2026, 11, 28, tzinfo=UTC)
    clock = Clock(today)
    await follower.ship(clock)
    clock.at = ahead = today + timedelta(days=4000)
    (tmp_path / "state/accounts").write_text("changed")
    county.write_bytes(b"PMTiles of a larger county")
    await follower.ship(clock)
    for seconds in (20, 40, 60):  # each of which shipped the whole map, and nothing that the accounts can be told by
        clock.at = right = today + timedelta(seconds=seconds)
        until = await follower.ship(clock)
        assert until.shipped_at == right
    times = [today, today + timedelta(seconds=20), ahead]
    assert [at for at, _, _ in folder.belongings()] == [at for at, _, _ in folder.named()] == times
    restored = StateDir.open(tmp_path / "restored")
    with Seal().open(folder.belongings()[1][2]) as packed:
        unpack(packed, restored)
    assert (restored.path / "accounts").read_text() == "changed"
