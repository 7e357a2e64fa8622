"""What time alone ends, and the wrong clocks that are counted, over a restart of alerts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.alerts.events import EventFeed
from services.alerts.readings import Breath, ReadingFeed
from services.alerts.registry import Registry
from services.alerts.rule_states import NO_BOUND, SAVE_AT_ONCE, RuleStates
from services.alerts.time_ends import TimeEnds
from tests.integration.alerts.calls import border_at
from tests.support.county import County
from tests.support.hand_clock import START, HandClock
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


async def no_look() -> None:
    """Look for no fires."""


async def ends_of(county: County) -> tuple[TimeEnds, RuleStates, EventFeed]:
    registry, clock = Registry(), HandClock()
    states = RuleStates(registry)
    readings, events = ReadingFeed(registry, states, clock), EventFeed(registry, states.parameters, clock)
    await readings.feed.find_writers(county.conn)
    return TimeEnds(registry, states, readings, events, clock, partial(Breath, clock, no_look)), states, events


async def test_what_was_judged_is_known_though_a_batch_of_another_writer_with_a_lower_number_waits(
    county: County,
) -> None:
    """Of two readings that raise, the first is judged and the second waits."""
    number, writer = await county.add_device("panel-1"), "b/telemetry"
    await county.add_device("panel-2")
    await county.send_readings("panel", [{"device": "panel-2", "mains_ok": True}], writer="a/telemetry")
    for fine in (True, False, False):
        reading = {"device": "panel-1", "mains_ok": fine}
        await county.send_readings("panel", [reading], writer=writer, received_at=START)
    await county.conn.execute("insert into feed_cursor (writer, number) values ($1, 2)", writer)
    ends, states, events = await ends_of(county)
    events.bad_clocks.append((number, START))
    await ends.let_end(border_at(county, START))
    rows = await county.conn.fetch("select * from reading_panel where not mains_ok order by batch_id desc limit 1")
    assert [finding.code for finding in states.walk(number, rows, START, 0.0)] == ["power_fault"]


async def test_wrong_clocks_are_counted_once_though_the_database_failed_or_more_were_read_meanwhile(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [await county.add_device(f"panel-{n}") for n in range(2)]
    ends, states, events = await ends_of(county)
    border, load = border_at(county, START), states.load
    events.bad_clocks.append((devices[0], START))

    async def fail(*_: Any) -> None:
        raise ConnectionResetError

    async def read_more(*arguments: Any) -> None:
        await load(*arguments)
        events.bad_clocks.append((devices[1], START))

    monkeypatch.setattr(states, "load", fail)
    with pytest.raises(ConnectionResetError):
        await ends.let_end(border)
    monkeypatch.setattr(states, "load", read_more)
    await ends.let_end(border)
    monkeypatch.setattr(states, "load", load)
    for _ in range(2):
        await ends.let_end(border)
    assert [await counted(county, f"panel-{n}") for n in range(2)] == [1, 1]


async def test_of_many_devices_whose_wrong_clocks_were_counted_some_are_saved_at_once(county: County) -> None:
    devices = [await county.add_device(f"panel-{n}") for n in range(SAVE_AT_ONCE + 20)]
    registry = Registry()
    await registry.load(county.conn, devices)
    states = RuleStates(registry)
    await states.load(county.conn, dict.fromkeys(devices, NO_BOUND), START, no_look)
    for device_id in devices:
        states.note_bad_clock(device_id, START)
    named: list[int] = []
    for most in (SAVE_AT_ONCE, 20, 0):
        due = states.due_for_saving(0.0)
        assert len(due) == most
        await states.save(county.conn, due, START)
        named += due
    assert sorted(named) == sorted(devices)


async def test_what_time_ends_is_looked_at_within_a_minute_however_many_devices_there_are(county: County) -> None:
    devices = [await county.add_device(f"panel-{n}") for n in range(90)]
    registry = Registry()
    await registry.load(county.conn, devices)
    states = RuleStates(registry)
    await states.load(county.conn, dict.fromkeys(devices, NO_BOUND), START, no_look)
    for device_id in devices:
        for _ in range(3):
            states.note_bad_clock(device_id, START)
    ended = [device.id for _ in range(60) for device, _ in states.tick(START + timedelta(hours=25))]
    assert sorted(ended) == sorted(devices)
