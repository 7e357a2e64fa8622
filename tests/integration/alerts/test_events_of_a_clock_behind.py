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


async def tell(
    county: County,
    code: str,
    event_type: str,
    *,
    ago: timedelta = timedelta(),
    held: timedelta = timedelta(),
    **fields: Any,
) -> None:
    """Send an event that happened `ago` and came `held` later."""
    happened = datetime.now(UTC) - ago
    event = {"device": code, "type": event_type, "ts": happened - BEHIND, **fields}
    await county.send_events([event], received_at=happened + held)


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


async def test_an_end_that_was_held_back_ends_what_came_at_once(county: County, alerts: Callable[..., Program]) -> None:
    await add_device_behind(county, "panel-1", "panel")
    alerts()
    await tell(county, "panel-1", "fault", ago=timedelta(minutes=9))
    await eventually(lambda: county.alarms("a.code = 'fault'"), what="the fault")
    await tell(county, "panel-1", "fault", active=False, ago=timedelta(minutes=5), held=timedelta(minutes=2))
    await eventually(lambda: county.alarms("a.code = 'fault' and a.cleared_at is not null"), what="its end")


async def test_a_fault_that_was_held_back_is_a_new_one_if_it_began_after_the_end_of_the_last_and_not_if_before(
    county: County, alerts: Callable[..., Program]
) -> None:
    await add_device_behind(county, "panel-1", "panel")
    alerts()
    await tell(county, "panel-1", "mains_fault", ago=timedelta(minutes=40))
    await eventually(lambda: county.alarms("a.code = 'power_fault'"), what="power_fault")
    await tell(county, "panel-1", "mains_fault", active=False, ago=timedelta(minutes=20))
    over = "a.code = 'power_fault' and a.cleared_at is not null"
    await eventually(lambda: county.alarms(over), what="its end")
    await tell(county, "panel-1", "mains_fault", ago=timedelta(minutes=30), held=timedelta(minutes=29))
    await tell(county, "panel-1", "fault")
    await eventually(lambda: county.alarms("a.code = 'fault'"), what="what came later")
    assert await county.alarms(over), "of before the end"
    await tell(county, "panel-1", "mains_fault", ago=timedelta(minutes=15), held=timedelta(minutes=14))
    await eventually(lambda: county.alarms("a.code = 'power_fault' and a.cleared_at is null"), what="the new fault")


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
