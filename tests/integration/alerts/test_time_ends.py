"""What time alone ends, and the wrong clocks that are counted, over a restart of alerts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)


async def send_wrong_clocks(county: County, device: str, *, count: int, kind: str = "operation") -> None:
    await county.send_events(
        [{"device": device, "type": kind, "component": f"b{n}", "device_ts": LONG_AGO} for n in range(count)]
    )


async def counted(county: County, device: str) -> int:
    """How many wrong clocks the saved state of the device knows."""
    state = await county.conn.fetchval("select state from rule_state where device_id = $1", county.id_of(device))
    return 0 if state is None else len(state["clock"]["marks"])


async def test_a_wrong_clock_of_a_panel_without_readings_ends_after_a_restart(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    program = alerts()
    await send_wrong_clocks(county, "panel-1", count=3)
    await eventually(county.alarms, what="clock_wrong")
    program.kill()
    state = await county.conn.fetchval("select state from rule_state")
    state["clock"]["marks"] = [(datetime.now(UTC) - timedelta(hours=25)).isoformat()]
    await county.conn.execute("update rule_state set state = $1", state)
    program.restart()
    await eventually(lambda: county.alarms("a.cleared_at is not null"), what="its end")


async def test_a_rule_switched_off_while_alerts_was_away_ends_what_a_silent_hydrant_raised(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    program = alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "tilt_deg": 30.0} for _ in range(2)])
    await eventually(county.alarms, what="hydrant_tilt")
    program.kill()
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ('hydrant_tilt', 'device', 'h-1', '{"enabled": 0}', now(), 'test')
        """
    )
    program.restart()
    (ended,) = await eventually(lambda: county.alarms("a.cleared_at is not null"), what="its end")
    assert ended["code"] == "hydrant_tilt"


async def test_wrong_clocks_of_events_and_of_refused_readings_are_counted_over_restarts(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    program = alerts()
    for number, of_event in enumerate((True, False), 1):
        if of_event:
            await send_wrong_clocks(county, "panel-1", count=1)
        else:
            await county.refuse("panel-1", "clock_implausible")

        async def is_kept(number: int = number) -> bool:
            return await counted(county, "panel-1") == number

        await eventually(is_kept, what="its count")
        program.kill()
        program.restart()
    assert await county.alarms() == []
    await send_wrong_clocks(county, "panel-1", count=1)
    (alarm,) = await eventually(county.alarms, what="clock_wrong")
    assert alarm["code"] == "clock_wrong"


async def test_a_reset_with_a_wrong_clock_counts_once(county: County, alerts: Callable[..., Program]) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    alerts()
    await send_wrong_clocks(county, "panel-1", count=2, kind="reset")
    await send_wrong_clocks(county, "panel-2", count=3)
    (alarm,) = await eventually(county.alarms, what="clock_wrong of the other")
    assert alarm["device"] == "panel-2"
    assert await counted(county, "panel-1") == 2
