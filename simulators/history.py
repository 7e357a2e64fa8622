"""The past of a simulated county: what its devices would have stored in the two weeks before they began to report.

Called by `firetower demo` on a new state folder, so that detectors know the county at once. Promises that a county with
devices is left alone; what a scenario says of times before 0 happens in it.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from services.core import db
from services.core.areas import ADD_UNKNOWN
from services.core.statements import load_queries
from services.core.topics import Kind
from simulators.fleet import FleetPlan, build_twins
from simulators.mains import county
from simulators.player import Player
from simulators.scenario import find_scenario, read_scenario
from simulators.twin import Twin

SQL = load_queries(__file__)
CIRCUIT_DAYS: Final = 9  # detectors of circuits learn for 7
CIRCUITS: Final = 8  # the first: more would keep a newcomer waiting
STEP_S: Final = 300
UPLINK: Final = timedelta(seconds=2)
NO_BATCH: Final = 0  # no message brought them: nothing judges them by arrival
_COLUMNS: Final = {
    Kind.HYDRANT: ("pressure_mpa", "flow_lps", "cap_open", "water_present", "water_temp_c", "battery_pct"),
    Kind.ELECTRICAL: (
        "residual_current_ma", "temp_a_c", "temp_b_c", "temp_c_c", "temp_n_c", "current_a_a", "current_b_a",
        "current_c_a",
    ),
}  # fmt: skip


def seed(database_url: str, hydrants: int, electrical: int, scenario: Path) -> int:
    """Store the past of a new county; return how many readings that is, 0 where there are devices already."""
    plan = FleetPlan(
        {Kind.HYDRANT: hydrants, Kind.ELECTRICAL: electrical}, scenario=read_scenario(find_scenario(scenario))
    )
    return asyncio.run(_seed(database_url, plan, datetime.now(UTC).timestamp()))


async def _seed(database_url: str, plan: FleetPlan, now_s: float) -> int:
    conn = await db.connect(database_url, program="history", statement_timeout_s=600)
    try:
        if not await conn.fetchval(SQL["is_new"]):
            return 0
        twins = remembered(plan, now_s)
        stored = 0
        async with conn.transaction():  # nobody sees the devices without their past
            await conn.execute(ADD_UNKNOWN, sorted({twin.place.area for twin in twins}))
            for twin in twins:
                device_id = await conn.fetchval(SQL["add_device"], twin.code, twin.kind, twin.place.area)
                stored += await _copy(conn, device_id, twin, plan, now_s)
        return stored
    finally:
        await conn.close()


def remembered(plan: FleetPlan, now_s: float) -> list[Twin]:
    """Return the devices that have a past, with what befell them before `now_s`."""
    start_s = now_s - plan.scenario.past_days * 86_400
    everybody = build_twins(plan, start_s)
    most = {Kind.HYDRANT: county.hydrants(), Kind.ELECTRICAL: CIRCUITS}
    twins = [twin for twin in everybody if twin.number <= most.get(twin.kind, 0)]
    for cue in Player(plan.scenario, everybody, plan.seed).cues_of_round(0):
        if cue.at_s < 0 and (cue.step.change or cue.step.mains):
            cue.twin.effects.append(cue.effect(now_s))
    return twins


def readings(twin: Twin, past_days: int, now_s: float) -> Iterator[dict[str, Any]]:
    """Yield a device's readings up to `now_s`, one every five minutes."""
    days = past_days if twin.kind is Kind.HYDRANT else CIRCUIT_DAYS
    steps = days * 86_400 // STEP_S
    for step in range(steps, 0, -1):
        at_s = now_s - step * STEP_S
        yield twin.read(at_s, at_s)


async def _copy(conn: asyncpg.Connection, device_id: int, twin: Twin, plan: FleetPlan, now_s: float) -> int:
    columns = _COLUMNS[twin.kind]
    records = [
        (device_id, at, reading["seq"], at + UPLINK, NO_BATCH, *(reading[name] for name in columns))
        for reading in readings(twin, plan.scenario.past_days, now_s)
        for at in (datetime.fromtimestamp(reading["ts"] / 1000, UTC),)
    ]
    await conn.copy_records_to_table(
        f"reading_{twin.kind}",
        records=records,
        columns=("device_id", "ts", "seq", "received_at", "batch_id", *columns),
    )
    return len(records)
