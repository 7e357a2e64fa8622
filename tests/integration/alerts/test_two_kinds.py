"""A device whose kind no person has set may speak as two kinds; it is judged by what its own kind says."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


async def test_readings_of_another_kind_with_the_same_time_and_number_hide_none_of_the_devices_own(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("w-1", "water", registered=False)
    await county.add_device("h-1", "hydrant", registered=False)
    now = datetime.now(UTC)
    for number in range(4):
        at = now - timedelta(seconds=10 - number)
        both = [{"device": code, "ts": at, "seq": number} for code in ("w-1", "h-1")]
        await county.send_readings("water", [{**one, "level_pct": 10} for one in both], received_at=at)
        await county.send_readings("hydrant", [{**one, "pressure_mpa": 0.02} for one in both], received_at=at)
    alerts()
    await eventually(lambda: county.alarms("a.code = 'hydrant_pressure_low'"), what="the hydrant's alarm")
    await eventually(lambda: county.alarms("a.code = 'water_level_low'"), what="the tank's alarm")
    raised = {(one["device"], one["code"]) for one in await county.alarms()}
    assert raised == {("w-1", "water_level_low"), ("h-1", "hydrant_pressure_low")}
