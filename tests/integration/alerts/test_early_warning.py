"""What detectors say in the running system: the same as `firetower evaluate`, and once."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import orjson
import pytest

from services.alerts import evaluate, incidents
from services.alerts.bench import LEASE, Bench
from services.alerts.detectors.cooling import CoolingDetector
from services.alerts.detectors.finding import EarlyWarning
from services.alerts.early import rows as early_rows
from services.alerts.early.alarms import Said
from services.alerts.early.watch import EarlyWatch
from services.alerts.health import Health
from services.core import db, lease
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.aside import Asides
from services.core.rules.catalog_early import EARLY
from services.core.words import Category, Reason, Severity
from tests.support.county import AREA, County
from tests.support.poison import cure, poison
from tests.support.servers import Program
from tests.support.waiting import eventually
from tests.unit.alerts.detectors.town import DAY, HYDRANTS, SLOT_S, pressures

DAYS = 18
BEGIN = datetime(2026, 5, 31, 16, tzinfo=UTC)


def town() -> tuple[np.ndarray, np.ndarray]:
    """Pressures with a burst, a draw and a stuck sensor; the water of H00 freezes one night."""
    rows = pressures(DAYS)
    rows[15 * DAY + 30 : 15 * DAY + 42, 3:8] -= np.array([0.015, 0.025, 0.035, 0.025, 0.015])
    rows[16 * DAY + 20 : 16 * DAY + 30, 9] -= 0.03
    rows[16 * DAY + 40 : 16 * DAY + 80, 1] = rows[16 * DAY + 40, 1]
    water = np.full(len(rows), 6.0)
    water[17 * DAY : 17 * DAY + 40] -= np.arange(40) * 0.15
    return rows, water


async def store(
    county: County, begin: datetime, rows: np.ndarray, water: np.ndarray
) -> list[tuple[datetime, str, Any, Any]]:
    """Store the town as ingest would have, each reading in time; return it."""
    stored = [
        (
            begin + timedelta(seconds=SLOT_S * step + number),
            f"H{number:02d}",
            float(value),
            float(water[step]) if number == 0 else None,
        )
        for step, row in enumerate(rows)
        for number, value in enumerate(row)
    ]
    await county.conn.copy_records_to_table(
        "reading_hydrant",
        records=[
            (county.id_of(code), at, step, at + timedelta(seconds=2), 1, pressure, celsius)
            for step, (at, code, pressure, celsius) in enumerate(stored)
        ],
        columns=("device_id", "ts", "seq", "received_at", "batch_id", "pressure_mpa", "water_temp_c"),
    )
    return stored


@pytest.fixture
async def hydrants(county: County) -> County:
    for number in range(HYDRANTS):
        place = {"lon": round(111.1 + 0.002 * number, 6), "lat": 39.0, "expected_interval_s": SLOT_S}
        await county.add_device(f"H{number:02d}", "hydrant", **place)
    return county


class StoodClock:
    """A clock that the test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody sleeps here, least of all {seconds} s")


class Live:
    """The watch and the bench's stage, on a clock of the test."""

    def __init__(self, bench: Bench, pool: Any, clock: StoodClock) -> None:
        self.bench, self.pool, self.clock = bench, pool, clock
        self.start_again()

    def start_again(self) -> None:
        """Go on as a new process would: with nothing but the database."""
        self.bench.early.waiting.clear()
        self.watch = EarlyWatch(self.pool, self.clock, self.bench.early)

    async def walk(self) -> None:
        """Walk as far as there is to walk, and raise what was said."""
        while await self.watch.take_turn() == 0.0 or await self.bench.early.judge_waiting(self.bench.border):
            pass

    async def until(self, moment: datetime, step_s: float = 6 * 3600) -> None:
        while self.clock.now() < moment:
            self.clock.at = min(moment, self.clock.at + timedelta(seconds=step_s))
            await self.walk()


@pytest.fixture
async def live(database: str, tmp_path: Path) -> AsyncIterator[Live]:
    clock, owner = StoodClock(BEGIN - timedelta(minutes=5)), uuid.uuid4()
    conn = await db.connect(database, program="test")
    pool = await db.create_pool(database, program="test", size=2)
    try:
        assert await lease.take(conn, LEASE, owner)
        health = Health(tmp_path, has_desk=False, since=clock.now())
        asides = Asides("alerts", clock)
        bench = Bench(conn, owner, clock, await load_policies(conn), health, lambda: None, asides)
        yield Live(bench, pool, clock)
    finally:
        await pool.close()
        await conn.close()


def told_by_evaluate(folder: Path, stored: list[tuple[datetime, str, Any, Any]]) -> set[Any]:
    ledger = "".join(f"H{n:02d},hydrant,{AREA},{round(111.1 + 0.002 * n, 6)},39.0,{SLOT_S}\n" for n in range(HYDRANTS))
    (folder / "devices.csv").write_text("code,kind,area,lon,lat,expected_interval_s\n" + ledger)
    lines = "".join(f"{at.isoformat()},{code},{p!r},{'' if c is None else repr(c)}\n" for at, code, p, c in stored)
    (folder / "readings.csv").write_text("ts,code,pressure_mpa,water_temp_c\n" + lines)
    evaluate.main(folder / "devices.csv", folder / "readings.csv", folder / "out.json")
    found = orjson.loads((folder / "out.json").read_bytes())["findings"]
    return {
        (f["device"], f["code"], datetime.fromisoformat(f["raised_at"]),
         f["cleared_at"] and datetime.fromisoformat(f["cleared_at"]), tuple(f["members"]), f["location"]["lon"])
        for f in found
        if f["code"] in EARLY
    }  # fmt: skip


async def told_live(county: County) -> set[Any]:
    rows = await county.conn.fetch("select device, code, began_at, ended_at, members, lon from early_warning")
    return {(*list(row.values())[:4], tuple(row["members"]), row["lon"]) for row in rows}


async def test_the_running_system_says_what_evaluate_says_also_after_a_kill(
    hydrants: County, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_rows, "MOST_ROWS", 500)  # less than it would read at once
    stored = await store(hydrants, BEGIN, *town())
    expected = told_by_evaluate(tmp_path, stored)
    assert {code for _, code, *_ in expected} >= {"water_burst", "water_draw", "sensor_fault", "freeze_forecast"}
    await live.until(BEGIN + timedelta(days=15))
    before = await hydrants.conn.fetchrow("select * from early_cell")
    await live.until(BEGIN + timedelta(days=16, hours=12))
    assert await hydrants.alarms("a.code = 'water_burst'", at_least=1)
    # killed a day after it had saved: it says all of that day again
    await hydrants.conn.execute(
        "update early_cell set walked_until = $1, told = $2, memory = $3",
        before["walked_until"], before["told"], before["memory"],
    )  # fmt: skip
    live.start_again()
    await live.until(BEGIN + timedelta(days=DAYS, minutes=5))
    assert await told_live(hydrants) == expected
    alarms = await hydrants.alarms()
    assert sorted((a["device"], a["code"]) for a in alarms if a["device"]) == sorted(
        (device, code) for device, code, *_ in expected if device
    )
    (burst,) = [alarm for alarm in alarms if alarm["code"] == "water_burst"]
    assert (burst["subject"], burst["severity"]) == (f"area:{AREA}", "major")
    assert burst["cleared_at"] is not None
    kept = await hydrants.conn.fetch(
        "select at, expected, spread from early_expected e join device d on d.id = e.device_id"
        " where d.code = (select members[1] from early_warning where code = 'water_burst') order by at"
    )
    begins = next(began for _, code, began, *_ in expected if code == "water_burst")
    assert kept[0]["at"] < begins - timedelta(hours=1) < begins < kept[-1]["at"]
    assert all(0 < row["spread"] < 0.05 < row["expected"] < 1 for row in kept)
    assert len(await hydrants.notices("type = 'alarm.raised'")) == 1  # of a minor warning nothing is sent


async def test_a_killed_process_tells_what_still_stands_once_and_goes_on(
    hydrants: County, alerts: Callable[..., Program]
) -> None:
    rows, water = town()
    shown = 15 * DAY + 34  # the burst stands, and nobody was there when it began
    begin = datetime.now(UTC) - timedelta(seconds=SLOT_S * shown + 120)
    await store(hydrants, begin, rows[:shown], water[:shown])
    watcher = alerts()

    async def saved() -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await hydrants.conn.fetch("select from early_cell")
        return found

    query = "select cell, alarm_id from early_warning where code = 'water_burst' and alarm_id is not null"
    raised = await eventually(lambda: hydrants.conn.fetch(query), what="the burst that stands", timeout_s=180)
    await eventually(saved, what="what was learned")
    watcher.kill()
    await hydrants.conn.execute("delete from early_cell")  # as if it had been killed before it saved
    alerts()
    await eventually(saved, what="what was learned again, saved once all it said was heard", timeout_s=180)
    assert await hydrants.conn.fetch(query) == raised
    assert [alarm["id"] for alarm in await hydrants.alarms("a.code = 'water_burst'")] == [raised[0]["alarm_id"]]
    assert len(await hydrants.notices("type = 'alarm.raised'")) == 1
    assert [alarm["cleared_at"] for alarm in await hydrants.alarms("a.code = 'water_burst'")] == [None]


async def test_a_detector_that_fails_costs_its_own_group_only(
    hydrants: County, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hydrants.add_device("E1", "electrical")
    await store(hydrants, BEGIN, *(part[: DAY // 2] for part in town()))

    def fail(*_: object) -> None:
        raise ValueError("nobody foresaw this reading")

    monkeypatch.setattr(CoolingDetector, "take", fail)
    await live.until(BEGIN + timedelta(days=1))
    assert [row["name"] for row in await hydrants.conn.fetch("select name from early_cell")] == ["electrical:E1"]
    (aside,) = await hydrants.conn.fetch("select kind, name, error from set_aside where done_at is null")
    assert (aside["kind"], aside["name"]) == ("early", "hydrant:H00")
    assert "nobody foresaw" in aside["error"]
    monkeypatch.undo()
    await live.until(BEGIN + timedelta(days=1, hours=1), step_s=300)
    assert len(await hydrants.conn.fetch("select from early_cell")) == 2
    assert await hydrants.conn.fetch("select from set_aside where done_at is null") == []


async def test_what_is_set_aside_is_told_later_and_its_end_after_it(hydrants: County, live: Live) -> None:
    await poison(hydrants.conn, "early_warning", "new.code = 'water_draw'")
    began, ended = BEGIN, BEGIN + timedelta(hours=1)
    drawn = EarlyWarning(
        "water_draw", began, Severity.MINOR, AREA, Reason("取水", "a draw"), True, "H01", ("H01",), None, sure="high"
    )
    early, border = live.bench.early, live.bench.border
    early.waiting.append(Said("hydrant:H00", hydrants.id_of("H01"), drawn))
    assert await early.judge_waiting(border)
    over = drawn._replace(active=False, at=ended)
    early.waiting.append(Said("hydrant:H00", hydrants.id_of("H01"), over))
    assert not await early.judge_waiting(border)  # behind its beginning
    assert early.has_of("hydrant:H00")
    await cure(hydrants.conn, "early_warning")
    live.clock.at += timedelta(minutes=2)
    while await early.judge_waiting(border):
        pass
    (row,) = await hydrants.conn.fetch("select began_at, ended_at from early_warning")
    assert (row["began_at"], row["ended_at"]) == (began, ended)
    (alarm,) = await hydrants.alarms("a.code = 'water_draw'")
    assert alarm["cleared_at"] is not None
    assert await hydrants.conn.fetch("select from set_aside where done_at is null") == []
    assert not early.has_of("hydrant:H00")


@pytest.mark.parametrize("first", ["burst", "limit"])
async def test_a_burst_and_the_mains_event_of_its_hydrants_are_one_incident(
    hydrants: County, live: Live, first: str
) -> None:
    bench, codes = live.bench, ("H03", "H04", "H05")
    ids = [hydrants.id_of(code) for code in codes]
    await bench.registry.load(bench.conn, ids)
    low = Finding("hydrant_pressure_low", Category.WATER, Severity.MAJOR, Reason("低", "low"), cause="low", area=AREA)
    pressures = [(bench.registry[number], replace(low, device=code)) for number, code in zip(ids, codes, strict=True)]
    burst = EarlyWarning(
        "water_burst", BEGIN, Severity.MAJOR, AREA, Reason("爆管", "a burst"), True, None, codes, None, "net-1",
        sure="high",
    )  # fmt: skip

    async def see(what: str) -> None:
        if what == "limit":
            await bench.readings.judge(bench.border, pressures)
        else:
            bench.early.waiting.append(Said("hydrant:H00", None, burst))
            assert await bench.early.judge_waiting(bench.border)

    for what in (first, "limit" if first == "burst" else "burst"):
        await see(what)
        await incidents.end_parents(bench.border)
    alarms = await hydrants.alarms("a.cleared_at is null")
    assert {alarm["code"] for alarm in alarms} == {"water_burst", "mains_event", "hydrant_pressure_low"}
    assert len({alarm["incident_id"] for alarm in alarms}) == 1
    back = [(device, replace(finding, active=False)) for device, finding in pressures]
    await bench.readings.judge(bench.border, back)
    assert await incidents.end_parents(bench.border) == [AREA]
    assert [alarm["code"] for alarm in await hydrants.alarms("a.cleared_at is null")] == ["water_burst"]
