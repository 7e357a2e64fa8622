from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import AREA, County
from tests.support.servers import PostgresServer, Program
from tests.support.waiting import PATIENCE_S, eventually


async def test_two_low_readings_raise_at_the_desk_and_two_good_ones_clear(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()
    now = datetime.now(UTC)
    for n, pressure in enumerate([0.20, 0.12, 0.12]):
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": pressure, "seq": n, "ts": now}])
    raised = (await eventually(lambda: desk.received(type="alarm.raised"), what="alarm.raised"))[0]
    alarm = raised["body"]["alarm"]
    assert (alarm["code"], alarm["severity"], alarm["category"]) == ("hydrant_pressure_low", "major", "water")
    assert (alarm["value"], alarm["limit"]) == (0.12, 0.14)
    assert raised["body"]["device"]["code"] == "h-1"
    assert raised["body"]["nearest_water"] == []
    for n in (3, 4):
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.20, "seq": n}])
    await eventually(lambda: desk.received(type="alarm.cleared"), what="alarm.cleared")
    (row,) = await county.alarms()
    assert row["state"] == "returned"
    assert [one["type"] for one in await desk.received()] == ["alarm.raised", "alarm.cleared"]


async def test_a_count_of_readings_goes_on_after_a_restart(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    first = alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.12}])
    await eventually(lambda: county.conn.fetch("select from feed_cursor where writer = 'all/telemetry'"), what="it")
    first.kill()
    assert await county.alarms() == []
    first.restart()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.12}])
    await eventually(county.alarms, what="the alarm")
    assert len(await county.alarms()) == 1


async def test_a_backfill_of_a_day_raises_nothing(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()
    now = datetime.now(UTC)
    day = [now - timedelta(minutes=minute) for minute in range(1440, 15, -5)]
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.01, "ts": ts} for ts in day])
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.30}])
    await eventually(
        lambda: county.conn.fetch("select from feed_cursor where writer = 'all/telemetry' and number = 2"), what="it"
    )
    assert await county.alarms() == []


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=30)])
async def test_what_a_person_cleared_is_raised_again_by_the_next_readings(
    county: County, desk: DeskControl, alerts: Callable[..., Program], late: timedelta
) -> None:
    """Late: the clock of the API is behind, or its commit took its time."""
    await county.add_device("h-1", "hydrant")
    alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    (first,) = await eventually(county.alarms, what="the alarm")
    await another_second(county, "h-1")
    await acts.clear(county.conn, first["id"], actor="user:test", now=datetime.now(UTC) - late)

    async def raised_again() -> bool:
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
        return len(await county.alarms()) == 2

    await eventually(raised_again, what="a second alarm", every_s=0.3)
    assert [row["state"] for row in await county.alarms()] == ["closed", "unacknowledged"]
    # a note on the first changes nothing for the second, and no later look forgets that it stands
    await acts.add_note(county.conn, first["id"], note="夜班已知", actor="user:test", now=datetime.now(UTC))
    await another_second(county, "h-1")
    for _ in range(2):
        await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.3}])
    await eventually(lambda: county.alarms("state = 'returned'"), what="the end of the second")


@pytest.mark.parametrize("ago", [timedelta(), timedelta(days=2)])
async def test_what_a_person_cleared_before_the_device_was_heard_again_after_a_start_is_raised_by_its_next_reading(
    county: County, desk: DeskControl, alerts: Callable[..., Program], ago: timedelta
) -> None:
    """People act while alerts is away, for a moment or for days, and some devices are not heard for hours after."""
    await county.add_device("h-1", "hydrant")
    worker = alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    (first,) = await eventually(county.alarms, what="the alarm")
    worker.stop()
    await acts.clear(county.conn, first["id"], actor="user:test", now=datetime.now(UTC) - ago)
    alerts()
    await another_second(county, "h-1")
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    await eventually(lambda: county.alarms("state = 'unacknowledged'"), what="the second alarm", timeout_s=20)


async def test_what_a_reset_ended_is_raised_by_the_next_reading_though_alerts_ended_before_the_device_was_heard(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    first = alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    await eventually(county.alarms, what="the alarm")
    first.stop()
    second = alerts()
    await county.send_events([{"device": "h-1", "type": "reset"}])
    await eventually(lambda: county.alarms("state = 'returned'"), what="the reset")
    await another_second(county, "h-1")
    second.stop()
    alerts()
    await another_second(county, "h-1")
    await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.04}])
    await eventually(lambda: county.alarms("state = 'unacknowledged'"), what="the alarm again", timeout_s=20)


async def another_second(county: County, device: str) -> None:
    """Wait until the worker has judged an event and then done its duties of a second once more."""
    asked = await county.conn.fetchval("select clock_timestamp()")
    await county.send_events([{"device": device, "type": "silence"}])
    judged = """
        select updated_at > $1 and clock_timestamp() - updated_at > interval '1.2 s'
        from feed_cursor where writer = $2
    """
    await eventually(lambda: county.conn.fetchval(judged, asked, "all/event"), what="a second after the event")


async def test_a_reset_of_one_component_leaves_what_the_panel_measures(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    for _ in range(2):
        await county.send_readings("panel", [{"device": "panel-1", "mains_ok": False}])
    await eventually(lambda: county.alarms("a.code = 'power_fault'"), what="the power fault")
    await county.send_events([{"device": "panel-1", "type": "reset", "component": "d1"}])
    await another_second(county, "panel-1")
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": True}])
    await eventually(lambda: county.alarms("a.code = 'power_fault' and cleared_at is not null"), what="its end")


async def test_three_hydrants_of_an_area_losing_pressure_are_one_mains_event(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    for n in range(5):
        await county.add_device(f"h-{n}", "hydrant")
    alerts()
    for n in range(5):
        await county.send_readings("hydrant", [{"device": f"h-{n}", "pressure_mpa": 0.04}])
        await eventually(
            lambda n=n: county.alarms("a.code = 'hydrant_pressure_low' and d.code = $1", f"h-{n}"), what=f"alarm {n}"
        )
    await eventually(lambda: county.notices("state = 'delivered' and type = 'alarm.raised'"), what="it")
    mains = (await eventually(lambda: county.alarms("a.code = 'mains_event'"), what="mains"))[0]
    assert (mains["severity"], mains["area"], mains["subject"]) == ("major", AREA, f"area:{AREA}")
    members = await county.alarms("a.code = 'hydrant_pressure_low'")
    assert {row["incident_id"] for row in members} == {mains["incident_id"]}
    by_alarm: dict[int, list[str]] = {}
    for notice in await county.notices():
        by_alarm.setdefault(notice["alarm_id"], []).append(notice["type"])
    assert by_alarm.pop(mains["id"]) == ["alarm.raised"]
    assert by_alarm == {members[0]["id"]: ["alarm.raised"], members[1]["id"]: ["alarm.raised"]}

    for n in range(5):
        for _ in range(2):
            await county.send_readings("hydrant", [{"device": f"h-{n}", "pressure_mpa": 0.30}])
    await eventually(lambda: county.alarms("a.code = 'mains_event' and cleared_at is not null"), what="its end")

    for n in range(3):  # it happens again before anybody has looked at the first time
        await county.send_readings("hydrant", [{"device": f"h-{n}", "pressure_mpa": 0.04}])
    await eventually(lambda: county.alarms("a.code = 'mains_event' and cleared_at is null"), what="the second time")
    assert len(await county.conn.fetch("select from incident")) == 1


async def test_a_new_parameter_counts_from_its_time_on_without_a_restart(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("h-1", "hydrant")
    alerts()
    await county.send_readings("hydrant", [{"device": "h-1", "tilt_deg": 12}])
    await county.conn.execute(
        """
        insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
        values ('hydrant_tilt', 'device', 'h-1', '{"tilt_deg": 10}', now(), 'user:test')
        """
    )

    async def raised() -> bool:
        await county.send_readings("hydrant", [{"device": "h-1", "tilt_deg": 12}])
        return bool(await county.alarms())

    await eventually(raised, what="the alarm", every_s=0.2)
    (alarm,) = await county.alarms()
    assert (alarm["code"], alarm["limit_value"]) == ("hydrant_tilt", 10)


async def test_three_events_with_unbelievable_times_say_that_the_clock_is_wrong(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    await county.send_events(
        [{"device": "panel-1", "type": "operation", "component": f"b{n}", "device_ts": datetime(2019, 1, 1, tzinfo=UTC)}
         for n in range(3)]
    )  # fmt: skip
    (alarm,) = await eventually(county.alarms, what="clock_wrong")
    assert (alarm["code"], alarm["severity"]) == ("clock_wrong", "info")


def test_a_secret_that_cannot_sign_ends_the_program_with_one_line(program: Callable[..., Program]) -> None:
    started = program("alerts", DISPATCH_URL="http://127.0.0.1:9", DISPATCH_SECRET="whsec_")
    assert started.process.wait(PATIENCE_S) == 2
    assert started.log_text().strip() == "firetower: FIRETOWER_DISPATCH_SECRET: must look like whsec_ and base64"


async def test_a_worker_that_starts_before_its_database_waits_for_it(
    county: County, desk: DeskControl, program: Callable[..., Program], postgres: PostgresServer, database: str
) -> None:
    await county.add_device("panel-1")
    await county.send_events([{"device": "panel-1", "type": "fault"}])
    postgres.kill()
    started = program("alerts", DATABASE_URL=database)
    await eventually(lambda: "database_away" in started.log_text(), what="its complaint")
    postgres.start()
    again = await County.open(database)
    await eventually(again.alarms, what="the alarm")
    await again.close()
