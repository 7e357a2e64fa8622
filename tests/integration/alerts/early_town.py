"""The small town of the detectors, stored as ingest stores it, and early warning on a clock of the test."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from services.alerts import evaluate
from services.alerts.bench import LEASE, Bench
from services.alerts.early.watch import EarlyWatch
from services.alerts.health import Health
from services.core import db, lease
from services.core.alarms.policies import load_policies
from services.core.aside import Asides
from services.core.rules.catalog_early import EARLY
from tests.support.county import AREA, County
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
            (county.id_of(code), at, step, at + timedelta(seconds=2), 0, pressure, celsius)
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
    """A clock that the test sets; it may be ahead of the time that has passed."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.at + self.ahead

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
        while self.clock.at < moment:
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
