"""Events of a device whose clock is known to be behind meet the alarms of its readings."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

BEHIND = timedelta(hours=2)


async def add_device_behind(county: County, code: str, kind: str) -> None:
    number = await county.add_device(code, kind)
    await county.conn.execute(
        "update device_state set clock = $2 where device_id = $1",
        number,
        {"behind_us": BEHIND // timedelta(microseconds=1), "late": [[0, BEHIND // timedelta(microseconds=1), 1]]},
    )


async def read(county: County, kind: str, code: str, **fields: Any) -> None:
    now = datetime.now(UTC)
    reading = {"device": code, "ts": now - BEHIND, "clock_behind": True, **fields}
    await county.send_readings(kind, [reading], received_at=now)


async def tell(county: County, code: str, event_type: str, **fields: Any) -> None:
    now = datetime.now(UTC)
    event = {"device": code, "type": event_type, "ts": now - BEHIND, **fields}
    await county.send_events([event], received_at=now)


async def test_its_reset_ends_what_its_readings_raised(county: County, alerts: Callable[..., Program]) -> None:
    await add_device_behind(county, "e-1", "electrical")
    alerts()
    await read(county, "electrical", "e-1", arc_count=20)
    await eventually(lambda: county.alarms("a.code = 'arc_fault'"), what="arc_fault")
    await tell(county, "e-1", "reset")
    await eventually(lambda: county.alarms("a.code = 'arc_fault' and a.cleared_at is not null"), what="its end")


async def test_its_fault_after_an_end_by_readings_is_a_new_one(county: County, alerts: Callable[..., Program]) -> None:
    await add_device_behind(county, "panel-1", "panel")
    alerts()
    for _ in range(2):
        await read(county, "panel", "panel-1", mains_ok=False)
    await eventually(lambda: county.alarms("a.code = 'power_fault'"), what="power_fault")
    for _ in range(2):
        await read(county, "panel", "panel-1", mains_ok=True)
    over = "a.code = 'power_fault' and a.cleared_at is not null"
    await eventually(lambda: county.alarms(over), what="its end")
    await tell(county, "panel-1", "mains_fault")
    again = "a.code = 'power_fault' and a.cleared_at is null and a.since is not null"
    await eventually(lambda: county.alarms(again), what="the new fault")


@pytest.mark.parametrize("ended_by", ["fire", "reset"])
async def test_an_end_that_is_as_old_ends_no_fire_of_now(
    county: County, alerts: Callable[..., Program], ended_by: str
) -> None:
    """Its clock was put right since: what comes two hours late was held back on the way."""
    await add_device_behind(county, "panel-1", "panel")
    await county.add_device("panel-2", "panel")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}])
    await eventually(lambda: county.alarms("a.code = 'fire'"), what="the fire")
    await tell(county, "panel-1", ended_by, active=ended_by == "reset", component="d1")
    await county.send_events([{"device": "panel-2", "type": "fault"}])  # others are read after fires
    await eventually(lambda: county.alarms("a.code = 'fault'"), what="what came later")
    assert await county.alarms("a.code = 'fire' and a.cleared_at is null")
