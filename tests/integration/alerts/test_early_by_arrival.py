"""Early warning sees what comes after its time, what a clock that is behind says, and goes on after ours was ahead."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.alerts.detectors.finding import EarlyWarning
from services.alerts.early import late
from services.alerts.early.cells import Cell, Row
from services.core import db
from tests.integration.alerts.early_town import BEGIN, Live, store, told_by_evaluate, told_live, town
from tests.support.county import County
from tests.unit.alerts.detectors.town import DAY, HYDRANTS, SLOT_S

STATEMENTS = late.SQL
FAILS = "select 1 / (cardinality($1::bigint[]) * 0), $2::timestamptz, $3::timestamptz"


async def bring(
    county: County,
    readings: Sequence[Any],
    at: datetime,
    behind: timedelta = timedelta(),
    *,
    conn: asyncpg.Connection | None = None,
    held: timedelta = timedelta(),
) -> int:
    """Commit one batch of ingest, held back for so long; the clocks of its devices are behind by this, if any."""
    conn = conn or county.conn
    batch: int = await conn.fetchval(
        "insert into ingest_batch (writer, number, owner, lane, committed_at, min_ts, max_ts, hydrant)"
        " select $5, count(*) + 1, gen_random_uuid(), 'telemetry', $1, $2, $3, $4 from ingest_batch"
        " returning id",
        at, min(one[0] for one in readings) - behind, at, len(readings),
        "all/telemetry" if conn is county.conn else "another/telemetry",
    )  # fmt: skip
    await conn.executemany(
        "insert into reading_hydrant (device_id, ts, seq, received_at, clock_behind, batch_id, pressure_mpa)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        [(county.id_of(code), ts - behind, round(ts.timestamp()), at - held, bool(behind), batch, p)
         for ts, code, p, _ in readings],
    )  # fmt: skip
    return batch


def note_taken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, datetime]]:
    """Return a list of the readings that are walked from now on."""
    taken: list[tuple[str, datetime]] = []
    take = Cell.take

    def noted(cell: Cell, row: Row) -> list[EarlyWarning]:
        taken.append((row["code"], row["ts"]))
        return take(cell, row)

    monkeypatch.setattr(Cell, "take", noted)
    return taken


@pytest.fixture
async def walked(hydrants: County, live: Live) -> datetime:
    """A day was stored and walked; until when it was."""
    rows, water = town()
    await store(hydrants, BEGIN, rows[:DAY], water[:DAY])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * DAY + 120))
    return live.watch._cells["hydrant:H00"].walked_until  # noqa: SLF001


@pytest.mark.parametrize("slow", [HYDRANTS, 6], ids=["all", "half"])
@pytest.mark.parametrize(
    ("lag", "behind"), [(timedelta(minutes=3), timedelta()), (timedelta(seconds=2), timedelta(hours=8))]
)
async def test_readings_that_come_minutes_late_or_by_a_clock_that_is_behind_warn_as_others_do(  # noqa: PLR0917
    hydrants: County, live: Live, tmp_path: Path, lag: timedelta, behind: timedelta, slow: int
) -> None:
    rows, water = town()
    known, shown = 15 * DAY + 28, 15 * DAY + 44
    stored = await store(hydrants, BEGIN, rows[:known], water[:known])
    later = [
        (BEGIN + timedelta(seconds=SLOT_S * step + number), f"H{number:02d}", float(value), None)
        for step in range(known, shown)
        for number, value in enumerate(rows[step])
    ]
    expected = {one for one in told_by_evaluate(tmp_path, stored + later) if one[1] == "water_burst"}
    assert len(expected) == 1
    if behind:
        await hydrants.conn.execute(
            "update device_state set clock = $1", {"behind_us": behind // timedelta(microseconds=1)}
        )
    await live.until(BEGIN + timedelta(seconds=SLOT_S * known))
    slowed = {f"H{number:02d}" for number in range(slow)}
    waiting = sorted((at + (lag if code in slowed else timedelta(seconds=2)), at, code, p) for at, code, p, _ in later)
    while waiting:
        live.clock.at += timedelta(minutes=1)
        here = [one for one in waiting if one[0] <= live.clock.at]
        waiting = waiting[len(here) :]
        for clock, of in ((behind, slowed), (timedelta(), {one[2] for one in here} - slowed)):
            if readings := [(at, code, p, None) for _, at, code, p in here if code in of]:
                await bring(hydrants, readings, live.clock.at, clock)
        await live.walk()
    told = {one for one in await told_live(hydrants) if one[1] == "water_burst"}
    assert {(one[0], one[4]) for one in told} == {(one[0], one[4]) for one in expected}
    (was,), (said,) = expected, told
    assert abs(said[2] - was[2]) <= timedelta(minutes=1)  # received a little after it was measured


@pytest.mark.parametrize("restarted", [False, True])
async def test_early_warning_goes_on_at_once_after_our_own_clock_was_weeks_ahead(
    hydrants: County, live: Live, *, restarted: bool
) -> None:
    rows, water = town()
    known, shown = 15 * DAY + 28, 15 * DAY + 36
    await store(hydrants, BEGIN, rows[:known], water[:known])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * (known - 12)))
    live.clock.ahead = timedelta(weeks=3)
    await live.until(BEGIN + timedelta(seconds=SLOT_S * known), step_s=3600)
    saved = await hydrants.conn.fetchval("select walked_until from early_cell")
    assert saved > live.clock.at + timedelta(weeks=2)
    live.clock.ahead = timedelta()
    if restarted:
        live.start_again()
    await store(hydrants, BEGIN + timedelta(seconds=SLOT_S * known), rows[known:shown], water[known:shown])
    await live.until(BEGIN + timedelta(seconds=SLOT_S * shown + 120), step_s=300)
    assert {one[1] for one in await told_live(hydrants)} == {"water_burst"}


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_set_back_by_minutes_costs_early_warning_nothing_that_it_learned(
    hydrants: County, live: Live, *, restarted: bool
) -> None:
    rows, water = town()
    await store(hydrants, BEGIN, rows[:DAY], water[:DAY])
    live.clock.ahead = timedelta(minutes=10)
    await live.until(BEGIN + timedelta(seconds=SLOT_S * DAY))
    query = "select devices, walked_until, memory from early_cell"
    saved, cells = await hydrants.conn.fetch(query), dict(live.watch._cells)  # noqa: SLF001 - it must be the same one
    assert len(saved) == len(cells) == 1
    assert saved[0]["walked_until"] > live.clock.at + timedelta(minutes=3)
    live.clock.ahead = timedelta()
    if restarted:
        live.start_again()
    await live.until(live.clock.at + timedelta(seconds=60), step_s=10)
    assert await hydrants.conn.fetch(query) == saved
    if not restarted:
        assert live.watch._cells["hydrant:H00"] is cells["hydrant:H00"]  # noqa: SLF001
    await live.until(live.clock.at + timedelta(minutes=20), step_s=60)
    assert live.watch._cells["hydrant:H00"].walked_until > saved[0]["walked_until"]  # noqa: SLF001 - goes on by itself


async def test_a_batch_that_is_committed_after_one_with_a_higher_number_is_walked_too(
    hydrants: County, live: Live, database: str, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    slow, quick = walked - timedelta(minutes=4), walked - timedelta(minutes=3)
    other = await db.connect(database, program="test")
    try:
        async with other.transaction():
            lower = await bring(hydrants, [(slow, "H01", 0.35, None)], live.clock.at, conn=other)
            higher = await bring(hydrants, [(quick, "H02", 0.35, None)], live.clock.at)
            assert lower < higher
            # both were committed just now; everything else here has a time of its own
            await hydrants.conn.execute(
                "update ingest_batch set committed_at = clock_timestamp() where id = $1", higher
            )
            await other.execute("update ingest_batch set committed_at = clock_timestamp() where id = $1", lower)
            await live.walk()
    finally:
        await other.close()
    await hydrants.conn.execute("update ingest_batch set committed_at = $1", live.clock.at)  # that was a while ago
    await live.walk()
    assert sorted(taken) == [("H01", slow), ("H02", quick)]


async def test_what_was_walked_before_its_batch_is_looked_at_is_not_walked_again(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    at = walked + timedelta(seconds=30)
    await bring(hydrants, [(at, "H01", 0.35, None)], live.clock.at)
    await hydrants.conn.execute("update ingest_batch set committed_at = clock_timestamp()")
    await live.until(live.clock.at + timedelta(minutes=2), step_s=20)
    assert taken == [("H01", at)]
    await hydrants.conn.execute("update ingest_batch set committed_at = $1", live.clock.at)
    await live.until(live.clock.at + timedelta(minutes=2), step_s=20)
    assert taken == [("H01", at)]


async def test_a_look_at_what_came_behind_that_fails_is_done_again_and_keeps_no_cell_from_walking(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    behind, in_time = walked - timedelta(minutes=3), walked + timedelta(minutes=2)
    long_ago = walked - timedelta(minutes=20)
    brought = [(at, "H01", 0.35, None) for at in (long_ago, behind, in_time)]
    batch = await bring(hydrants, brought, live.clock.at)
    await hydrants.conn.execute(
        "update reading_hydrant set late = true where batch_id = $1 and ts = $2", batch, long_ago
    )
    monkeypatch.setattr(late, "SQL", {**STATEMENTS, "late_rows": FAILS})
    await live.until(live.clock.at + timedelta(minutes=4), step_s=300)
    assert taken == [("H01", in_time)]
    query = "select kind, name from set_aside where done_at is null"
    assert [tuple(row) for row in await hydrants.conn.fetch(query)] == [("early", "arrived")]
    monkeypatch.setattr(late, "SQL", STATEMENTS)
    await live.until(live.clock.at + timedelta(seconds=20))
    assert taken == [("H01", in_time), ("H01", behind)]
    assert live.watch._late._rows["hydrant:H00"][0] == 1  # noqa: SLF001 - the late one is counted, once
    assert await hydrants.conn.fetch(query) == []


async def test_what_cannot_be_looked_at_is_passed_over_in_the_end(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    lost, found = walked - timedelta(minutes=20), walked - timedelta(minutes=3)
    await bring(hydrants, [(lost, "H01", 0.35, None)], live.clock.at)
    monkeypatch.setattr(late, "SQL", {**STATEMENTS, "late_rows": FAILS})
    await live.until(live.clock.at + timedelta(minutes=2), step_s=15)
    await bring(hydrants, [(found, "H02", 0.35, None)], live.clock.at)
    monkeypatch.setattr(late, "SQL", STATEMENTS)
    await live.until(live.clock.at + timedelta(minutes=1), step_s=15)
    assert taken == [("H02", found)]
    assert await hydrants.conn.fetch("select from set_aside where done_at is null") == []


async def test_what_a_clock_that_is_behind_said_and_was_held_back_is_walked_once_by_its_receive_time(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    behind = timedelta(hours=8)
    await hydrants.conn.execute(
        "update device_state set clock = $1", {"behind_us": behind // timedelta(microseconds=1)}
    )
    live.clock.at += timedelta(minutes=5)
    await live.walk()
    at = live.clock.at
    await bring(hydrants, [(at, "H01", 0.35, None)], at, behind, held=timedelta(minutes=3))
    await bring(hydrants, [(at, "H02", 0.35, None)], at, behind)
    await live.until(at + timedelta(minutes=4), step_s=15)
    assert taken == [("H01", at - timedelta(minutes=3)), ("H02", at)]


async def test_what_came_behind_from_another_device_or_place_is_not_walked(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    moved = walked - timedelta(minutes=3)
    await hydrants.conn.execute("update early_device set since = $1 where device_id = $2", moved, hydrants.id_of("H01"))
    live.start_again()
    await live.until(live.clock.at + timedelta(minutes=5), step_s=15)
    taken.clear()
    brought = [(moved + timedelta(seconds=number), "H01", 0.35, None) for number in (-1, 1)]
    await bring(hydrants, brought, live.clock.at)
    await live.until(live.clock.at + timedelta(minutes=2), step_s=15)
    assert taken == [("H01", moved + timedelta(seconds=1))]


async def test_late_readings_are_counted_only_where_a_batch_may_hold_some_and_homes_are_kept_while_cells_stay(
    hydrants: County, live: Live, walked: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = note_taken(monkeypatch)
    monkeypatch.setattr(late, "SQL", {**STATEMENTS, "late_rows": FAILS})  # whoever counts fails
    homes = []
    for minutes in (4, 3):
        await bring(hydrants, [(walked - timedelta(minutes=minutes), "H01", 0.35, None)], live.clock.at)
        await live.walk()
        homes.append(live.watch._late._homes)  # noqa: SLF001
    assert taken == [("H01", walked - timedelta(minutes=minutes)) for minutes in (4, 3)]
    assert homes[0] is homes[1]
    await hydrants.conn.execute(
        "update early_device set since = $1 where device_id = $2", walked, hydrants.id_of("H01")
    )
    await live.until(live.clock.at + timedelta(minutes=5), step_s=15)  # the cell begins anew
    await bring(hydrants, [(walked + timedelta(minutes=1), "H01", 0.35, None)], live.clock.at)
    await live.walk()
    assert taken[-1] == ("H01", walked + timedelta(minutes=1))
    assert live.watch._late._homes is not homes[0]  # noqa: SLF001
