"""One bad row, of whatever kind, costs only itself: the next fire reaches the desk and the program goes on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from services.core import db
from services.core.aside import MORE
from tests.integration.alerts.breaking import ERRORS, TABLE, poison, send_poisoned_fire, send_poisoned_reading
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually


@pytest.mark.parametrize("name", TABLE)
async def test_the_next_fire_reaches_the_desk_whatever_stands_broken(
    name: str, county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2", site_id=await county.add_site("新楼"))
    await county.add_device("hydrant-1", "hydrant")
    program = alerts()
    await TABLE[name].make(county)
    if TABLE[name].kind is not None:
        shown = await eventually(
            lambda: county.conn.fetch("select * from set_aside where kind = $1", TABLE[name].kind), what="set aside"
        )
        assert all(row["error"].startswith(ERRORS) for row in shown), shown
        await eventually(lambda: county.alarms("a.code = 'set_aside' and cleared_at is null"), what="the alarm of it")
    for component in ("m1", "m2"):
        await county.send_events([{"device": "panel-2", "type": "manual_alarm", "component": component}])
    told = await eventually(lambda: _told(desk), what="the fire at the desk")
    assert len(told) == 1
    assert program.process.poll() is None
    if name == "an event that the database refuses":
        good = await eventually(lambda: county.alarms("a.code = 'fault'", at_least=2), what="the others of its batch")
        assert {row["component"] for row in good} == {"good-1", "good-2"}
    if name == "a finding that the database refuses":
        await eventually(lambda: county.alarms("a.code = 'hydrant_pressure_low'"), what="the other finding")


async def _told(desk: DeskControl) -> list[dict[str, Any]]:
    return [one for one in await desk.received() if one["type"] == "fire.confirmed"]


async def test_a_fire_that_was_set_aside_is_judged_when_a_person_asks_and_the_cause_is_gone(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    await send_poisoned_fire(county)
    (aside,) = await eventually(lambda: county.conn.fetch("select * from set_aside"), what="set aside")
    assert (aside["fire"], aside["area"], aside["failures"]) == (True, "140931100", 1)
    await eventually(
        lambda: county.alarms("a.code = 'set_aside' and a.severity = 'critical'"), what="the critical alarm of it"
    )
    await county.conn.execute("update set_aside set retry_requested_at = now()")
    await eventually(lambda: county.conn.fetch("select from set_aside where failures = 2"), what="the second failure")
    await county.conn.execute("drop trigger poisoned on alarm; update set_aside set retry_requested_at = now()")
    (fire,) = await eventually(lambda: county.alarms("a.code = 'fire'"), what="the fire")
    assert fire["component"] == "bad"
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")
    await eventually(
        lambda: county.alarms("a.code = 'set_aside' and cleared_at is not null"), what="the end of the alarm"
    )


async def test_four_hundred_bad_events_of_one_batch_neither_end_alerts_nor_hold_up_a_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.add_device("panel-2")
    program = alerts()
    await county.conn.execute(poison("alarm", "new.code = 'fault'"))
    await county.send_events([{"device": "panel-1", "type": "fault", "component": f"c{n}"} for n in range(400)])
    await eventually(lambda: county.conn.fetch("select from set_aside"), what="the group fallen apart")
    await county.send_events([{"device": "panel-2", "type": "manual_alarm", "component": "m1"}])
    await eventually(lambda: _told(desk), what="the fire at the desk")
    aside = "select from set_aside where kind = 'event' and done_at is null"
    await eventually(lambda: _count(county, aside, 400), what="every one of them set aside", timeout_s=180)
    assert program.process.poll() is None


async def _count(county: County, query: str, wanted: int) -> bool:
    return len(await county.conn.fetch(query)) >= wanted


async def test_an_alarm_that_somebody_holds_locked_holds_up_itself_alone(
    county: County, desk: DeskControl, alerts: Callable[..., Program], database: str
) -> None:
    for n in (1, 2):
        await county.add_device(f"panel-{n}")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "held"}])
    await eventually(county.alarms, what="the fault")
    somebody = await db.connect(database, program="psql")
    forgotten = somebody.transaction()
    await forgotten.start()
    await somebody.execute("update alarm set zone = zone")
    await county.send_events([{"device": "panel-1", "type": "fault", "component": "held", "active": False}])
    locked = "select from set_aside where error like 'LockNotAvailableError%'"
    await eventually(lambda: county.conn.fetch(locked), what="set aside for the lock")
    await county.send_events([{"device": "panel-2", "type": "manual_alarm", "component": "m1"}])
    await eventually(lambda: _told(desk), what="the fire at the desk")
    await forgotten.rollback()
    await somebody.close()
    await eventually(lambda: county.alarms("a.code = 'fault' and cleared_at is not null"), what="the end of the fault")
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")


async def test_a_fire_that_was_set_aside_is_judged_by_itself_once_the_cause_is_gone(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    program = alerts()
    await send_poisoned_fire(county)
    await eventually(lambda: county.conn.fetch("select from set_aside"), what="set aside")
    await county.conn.execute("drop trigger poisoned on alarm")
    program.kill()
    program.restart()  # a start looks at once; the minute is for those that run on
    await eventually(lambda: county.alarms("a.code = 'fire'"), what="the fire")


async def test_a_year_that_no_driver_holds_stops_no_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", site_id=await county.add_site("校", test_window_until=None))
    far = "'20000-01-01'"
    await county.conn.execute(f"update device set out_of_service_until = {far}")  # noqa: S608
    await county.conn.execute(f"update site set test_window_until = {far}")  # noqa: S608
    alerts()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    await eventually(lambda: _told(desk), what="the fire at the desk")


async def test_a_fire_received_at_the_end_of_all_years_is_a_fire(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "m1"}])
    await county.conn.execute("update event set received_at = '294276-12-31'")
    alerts()
    await eventually(lambda: _told(desk), what="the fire at the desk")
    assert await county.conn.fetchval("select count(*) from set_aside") == 0, "judged as it stands"


async def test_of_a_fire_that_cannot_be_judged_as_it_stands_device_and_component_are_told_at_once(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.conn.execute(poison("alarm", "new.reason like '%broken%'"))
    alerts()
    fire = {"device": "panel-1", "type": "manual_alarm", "component": "m1", "description": "broken"}
    await county.send_events([fire])
    await eventually(lambda: _told(desk), what="the fire at the desk")
    (line,) = await eventually(lambda: county.conn.fetch("select error, fire from set_aside"), what="set aside")
    assert "poisoned row" in line["error"]
    assert line["fire"]


async def test_a_fires_clock_runs_on_at_once_when_the_timers_can_be_read_again(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("fire_clocks", suspected_s=3600)
    await county.add_device("panel-1")
    alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}])
    await eventually(county.alarms, what="the fire")
    await county.conn.execute("alter table alarm_timer rename to mislaid")
    aside = "select from set_aside where kind = 'stage' and name = 'clocks' and fire"
    await eventually(lambda: county.conn.fetch(aside), what="the clocks set aside, as what may hide a fire")
    await county.conn.execute("alter table mislaid rename to alarm_timer")
    await county.conn.execute("update alarm set escalates_at = now(), due_at = now()")
    await eventually(lambda: county.notices("type = 'alarm.escalated'"), what="its escalation", timeout_s=20)


async def test_a_line_of_the_list_that_names_nothing_holds_up_no_other_retry(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.conn.execute(
        """insert into set_aside (program, kind, name, fire, error, first_at, last_at)
           values ('alerts', 'event', 'by hand', true, 'x', now(), now())"""
    )
    alerts()
    await send_poisoned_fire(county)
    await eventually(lambda: county.conn.fetch("select from set_aside where name like 'panel-1%'"), what="set aside")
    await county.conn.execute("drop trigger poisoned on alarm; update set_aside set retry_requested_at = now()")
    await eventually(lambda: county.alarms("a.code = 'fire'"), what="the fire")
    tried = "select from set_aside where name = 'by hand' and error like 'KeyError%'"
    await eventually(lambda: county.conn.fetch(tried), what="its own error")


async def test_a_site_without_a_test_window_is_in_none_and_its_fires_clock_runs(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1", site_id=await county.add_site("校", test_window_until=None))
    await county.add_device("panel-2")  # at no site at all
    alerts()
    await county.send_events([{"device": panel, "type": "fire", "component": "1"} for panel in ("panel-1", "panel-2")])
    fires = await eventually(lambda: county.alarms("a.code = 'fire'", at_least=2), what="both fires")
    assert all(fire["escalates_at"] is not None and not fire["test_window"] for fire in fires)
    assert await county.conn.fetchval("select count(*) from fire_scope where test_until is not null") == 0


async def test_a_fire_held_by_a_window_that_is_gone_gets_a_fresh_clock(
    county: County, alerts: Callable[..., Program]
) -> None:
    far = datetime(9000, 1, 1, tzinfo=UTC)
    site = await county.add_site("校", test_window_until=far)
    await county.add_device("panel-1", site_id=site)
    program = alerts()
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "1"}])
    held = await eventually(lambda: county.alarms("a.code = 'fire'"), what="the fire in test")
    assert held[0]["escalates_at"] is None
    program.kill()
    await county.conn.execute("update site set test_window_until = null")
    program.restart()
    await eventually(lambda: county.alarms("a.code = 'fire' and escalates_at is not null"), what="its clock")


@pytest.mark.parametrize("pressure", [0.01, 0.3])
async def test_what_a_rule_found_while_somebody_held_its_alarm_is_judged_by_itself_afterwards(
    county: County, alerts: Callable[..., Program], database: str, pressure: float
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()

    async def read(mpa: float, number: int) -> None:
        for _ in range(number):
            await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": mpa}])

    async def low(where: str) -> None:
        await eventually(lambda: county.alarms(f"a.code = 'hydrant_pressure_low' and {where}"), what=where)

    await read(0.01, 3)
    await low("cleared_at is null")
    if pressure < 0.1:  # it is over and nobody has taken it: it begins anew on its row
        await read(0.3, 3)
        await low("cleared_at is not null")
    somebody = await db.connect(database, program="psql")
    forgotten = somebody.transaction()
    await forgotten.start()
    await somebody.execute("update alarm set zone = zone where code = 'hydrant_pressure_low'")
    await read(pressure, 3)
    locked = "select from set_aside where kind = 'finding' and error like 'LockNotAvailableError%'"
    await eventually(lambda: county.conn.fetch(locked), what="set aside for the lock")
    await forgotten.rollback()
    await somebody.close()
    await low(f"cleared_at is {'null' if pressure < 0.1 else 'not null'}")
    struck_off = "select from set_aside where kind = 'finding' and result = 'done'"
    await eventually(lambda: county.conn.fetch(struck_off), what="struck off")


async def test_what_a_rule_found_and_could_not_be_raised_is_kept_over_a_restart(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("hydrant-1", "hydrant")
    program = alerts()
    await send_poisoned_reading(county)
    await eventually(lambda: county.conn.fetch("select from set_aside where kind = 'finding'"), what="set aside")
    await county.conn.execute("drop trigger poisoned on alarm")
    program.kill()
    program.restart()
    (tilt,) = await eventually(lambda: county.alarms("a.code = 'hydrant_tilt'"), what="the alarm")
    assert tilt["value"] == 41
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")


async def test_the_line_that_counts_the_rest_is_struck_off_when_a_person_has_it_tried(
    county: County, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    await county.send_events([{"device": "panel-1", "type": "fault"}])
    alerts()
    await eventually(county.alarms, what="the fault")
    await county.conn.execute(
        """insert into set_aside (program, kind, name, error, first_at, last_at, retry_requested_at, detail)
           select 'alerts', 'event', $1, 'x', now(), now(), now(), jsonb_build_object(
               'batch_id', batch_id, 'ts', ts, 'digest', encode(digest, 'hex')) from event""",
        MORE,
    )
    await eventually(lambda: county.conn.fetch("select from set_aside where result = 'done'"), what="struck off")
    await eventually(lambda: county.alarms("(a.life ->> 'repeats')::integer = 1"), what="the newest of it tried")
