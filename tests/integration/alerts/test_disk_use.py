"""In how many days a disk is full is known by its pace of the last week, and said with `storage_low`."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from services.alerts import room
from services.alerts.disk_use import SQL, DiskUse, days_left
from services.alerts.room import Disks
from services.core import db
from services.core.alarms.policies import read_policies
from tests.support.hand_clock import HandClock

GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("free_gb", "gb_a_day", "days"), [(100, 10, 10), (100, 0, None), (100, -5, None), (100, None, None), (0, 1, 0)]
)
def test_the_days_that_are_left(free_gb, gb_a_day, days):
    assert days_left(free_gb * GIGABYTE, None if gb_a_day is None else gb_a_day * GIGABYTE) == days


async def test_a_disk_that_fills_is_told_with_its_days(database, tmp_path, monkeypatch):
    now = datetime.now(UTC)
    usage = SimpleNamespace(used=85 * GIGABYTE, free=15 * GIGABYTE)
    monkeypatch.setattr(room, "shutil", SimpleNamespace(disk_usage=lambda _: usage))
    async with await db.create_pool(database, program="test", size=1) as pool:
        for day in range(7, 0, -1):  # 3 GB a day
            at, used = now - timedelta(days=day), (85 - 3 * day) * GIGABYTE
            await pool.execute(SQL["note"], "", at, used, 100 * GIGABYTE - used)
        await pool.execute(SQL["note"], "", now - timedelta(days=31), 0, 1)
        await pool.execute(SQL["note"], "", now + timedelta(days=900), 0, 1)  # by a clock that was ahead
        disk_use = DiskUse(pool, HandClock(now), [tmp_path])
        await disk_use.take_turn()
        [newest] = await pool.fetch("select full_in_days from disk_use where at = $1", now)
        kept = await pool.fetchval("select count(*) from disk_use")
    assert disk_use.full_in_days == {"": pytest.approx(5, abs=0.01)}
    assert newest["full_in_days"] == pytest.approx(5, abs=0.01)
    assert kept == 9
    [shortage] = Disks([tmp_path], disk_use.full_in_days).look(read_policies({}))
    assert shortage.severity == "major"
    assert "约 5.0 天后写满" in shortage.reason.zh
    assert "full in about 5.0 days" in shortage.reason.en
