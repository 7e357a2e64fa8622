import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.alerts.rules.flooding import CODE
from services.core.alarms.ledger import acts
from services.core.rules.parameters import DEFAULTS
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

MOST_FIRES = int(DEFAULTS[CODE]["fires"])


async def send_fires(county: County, device: str, components: Iterable[str], type_: str = "fire") -> None:
    names = list(components)
    for start in range(0, len(names), 20):
        await county.send_events(
            {"device": device, "type": type_, "component": name} for name in names[start : start + 20]
        )


# how many batches stood before the end of the log for a cursor in the moment when the fire of a device was opened
NOTE = """
    create table noted (behind bigint);
    create function note() returns trigger language plpgsql as $$ begin
        insert into noted select (select max(number) from ingest_batch)
            - coalesce((select number from feed_cursor where writer = '{cursor}'), 0);
        return null;
    end $$;
    create trigger note after insert on alarm for each row when (new.device_id = {device}) execute function note()
"""


#           how many batches of a hundred, and whose cursor stands before them
CHATTER = {"fault": (200, "all/event"), "fire": (40, "all/event fires"), "reset": (40, "all/event fires")}


async def stop_outside_its_lease(county: County, worker: Program) -> None:
    """Stop it where it has no transaction in which it holds its lease: that one would stay locked."""

    async def is_outside() -> bool:
        worker.process.send_signal(signal.SIGSTOP)
        try:
            async with county.conn.transaction():
                await county.conn.execute("select from lease for update nowait")
        except asyncpg.LockNotAvailableError:
            worker.process.send_signal(signal.SIGCONT)
            return False
        return True

    await eventually(is_outside, what="it stands still between two transactions")


@pytest.mark.parametrize("chatter", CHATTER)
async def test_a_fire_behind_thousands_of_events_of_a_chattering_panel_is_open_before_they_are_judged(
    county: County, desk: DeskControl, alerts: Callable[..., Program], chatter: str
) -> None:
    batches, cursor_name = CHATTER[chatter]
    await county.add_device("chatter")
    quiet = await county.add_device("quiet")
    await county.conn.execute(NOTE.format(cursor=cursor_name, device=quiet))
    worker = alerts()
    await county.send_events([{"device": "chatter", "type": "tamper", "component": "c0"}])
    await eventually(county.alarms, what="the worker at work")
    await stop_outside_its_lease(county, worker)  # the backlog is there before it looks again
    for batch in range(batches):
        await county.send_events(
            {"device": "chatter", "type": chatter, "component": f"c{n % 50}", "active": bool((batch + n) % 2)}
            for n in range(100)
        )
    await county.send_events([{"device": "quiet", "type": "manual_alarm", "component": "m1"}])
    await county.conn.execute("update lease set expires_at = clock_timestamp() + interval '3 s'")
    worker.process.send_signal(signal.SIGCONT)
    await eventually(lambda: county.alarms("a.code = 'fire' and d.code = 'quiet'"), what="the fire")
    assert await county.conn.fetchval("select behind from noted") > 10, "there was nothing to wait behind"


async def test_a_device_with_hundreds_of_fires_is_bounded_named_and_counted_and_its_neighbour_is_not(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site("聚福楼饭店")
    for panel in ("flood", "neighbour"):
        await county.add_device(panel, site_id=site)
    alerts()
    sent = MOST_FIRES + 60
    await send_fires(county, "flood", [f"c{n}" for n in range(sent)])
    await county.send_events([{"device": "neighbour", "type": "fire", "component": "n1"}])
    await eventually(lambda: county.alarms("d.code = 'neighbour'"), what="the neighbour's fire")
    (told,) = await eventually(lambda: county.alarms("a.code = 'device_flooding'"), what="the flood")
    assert (told["severity"], told["category"]) == ("major", "device")
    await eventually(
        lambda: county.conn.fetch("select from device_flood where fires = $1", sent - MOST_FIRES), what="a count"
    )
    fires = await county.alarms("a.code = 'fire' and d.code = 'flood'")
    assert len(fires) == MOST_FIRES
    assert min(row["component"] for row in fires) == "c0", "its own first fire counts"
    await eventually(lambda: county.notices("type = 'fire.confirmed'"), what="the site's confirmation")


async def test_a_call_point_pressed_amid_thousands_of_surplus_fires_is_an_alarm_at_the_desk(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("flood")
    alerts()
    await send_fires(county, "flood", [f"c{n}" for n in range(MOST_FIRES)])
    await eventually(lambda: county.alarms("a.code = 'fire'", at_least=MOST_FIRES), what="a full device")
    for start in range(0, 3000, 100):
        pressed = {"device": "flood", "type": "manual_alarm", "component": f"m{start}"}
        surplus = [{"device": "flood", "type": "fire", "component": f"s{n}"} for n in range(start, start + 99)]
        await county.send_events([*surplus, pressed] if start % 1000 == 500 else surplus)
    await eventually(lambda: county.conn.fetch("select from device_flood where fires = $1", 30 * 99), what="a count")
    pressed_ones = await county.alarms("a.code = 'fire' and a.component like 'm%'")
    assert {row["component"] for row in pressed_ones} == {"m500", "m1500", "m2500"}
    assert {row["confidence"] for row in pressed_ones} == {"confirmed"}
    assert len(await county.alarms("a.code = 'fire'")) == MOST_FIRES + 3


async def test_a_call_point_and_a_detector_after_a_test_of_two_hundred_detectors_reach_the_desk(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site("聚福楼饭店")
    await county.add_device("panel-1", site_id=site)
    alerts()
    now = datetime.now(UTC)
    window: dict[str, Any] = {"reason": "年检", "actor": "user:t"}
    await acts.set_test_window(county.conn, site, until=now + timedelta(minutes=10), now=now, **window)
    tested = MOST_FIRES + 10
    await send_fires(county, "panel-1", [f"t{n}" for n in range(tested)])
    await eventually(
        lambda: county.conn.fetch("select from device_flood where fires = $1", tested - MOST_FIRES),
        what="the surplus of the test",
    )
    # that the device floods may be told by now
    assert {one["type"] for one in await desk.received()} <= {"alarm.raised"}
    await send_fires(county, "panel-1", ["m1"], "manual_alarm")
    await eventually(lambda: desk.received(type="fire.confirmed"), what="the call point, in the window")
    now = datetime.now(UTC)
    await acts.set_test_window(county.conn, site, until=None, now=now, **window)
    await eventually(
        lambda: county.conn.fetch("select from fire_scope where test_until is null"), what="the end of the window"
    )
    await send_fires(county, "panel-1", ["d1"])
    (real,) = await eventually(lambda: county.alarms("a.component = 'd1'"), what="a detector after the test")
    assert not real["test_window"]
    assert real["confidence"] == "confirmed", "the call point is its second witness"


async def test_a_fire_of_a_device_with_hundreds_of_old_fires_that_nobody_judged_is_an_alarm(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    await send_fires(county, "panel-1", [f"c{n}" for n in range(MOST_FIRES)])
    await send_fires(county, "panel-1", ["surplus"])
    await eventually(lambda: county.conn.fetch("select from device_flood where fires = 1"), what="a full device")
    await eventually(lambda: desk.received(type="fire.confirmed"), what="the flood at the desk")
    await county.conn.execute(
        """
        update alarm set opened_at = opened_at - interval '1 hour',
            life = jsonb_set(life, '{last_at}', to_jsonb(opened_at - interval '1 hour'))
        """
    )
    await send_fires(county, "panel-1", ["surplus", "new"])
    found = await eventually(
        lambda: county.alarms("a.component = any($1::text[])", ["surplus", "new"], at_least=2), what="new alarms"
    )
    old = await county.alarms("a.component = 'c0'")
    assert {row["incident_id"] for row in found}.isdisjoint({row["incident_id"] for row in old})
    incidents = {row["incident_id"] for row in found}

    async def confirmed() -> list[dict[str, Any]]:
        received = await desk.received(type="fire.confirmed")
        return [one for one in received if one["body"]["alarm"]["incident_id"] in incidents]

    assert len(await eventually(confirmed, what="the new fire at the desk")) == 1


async def test_a_flood_that_ingest_counted_is_told_and_over_after_five_quiet_minutes(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    number = await county.add_device("h-1", kind="hydrant")
    await county.conn.execute("insert into device_flood values ($1, now(), now(), 123456)", number)
    alerts()
    (told,) = await eventually(lambda: county.alarms("a.code = 'device_flooding'"), what="the alarm")
    assert told["value"] == 123456
    assert "123456" in told["reason"]
    await county.conn.execute("update device_flood set last_at = now() - interval '6 minutes'")
    await eventually(lambda: county.alarms("a.code = 'device_flooding' and a.cleared_at is not null"), what="the end")


async def test_a_condition_flapping_a_thousand_times_is_one_alarm_with_the_right_end(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    alerts()
    now = datetime.now(UTC)
    for start in range(0, 1000, 100):
        await county.send_events(
            {
                "device": "panel-1",
                "type": "mains_fault",
                "active": n % 2 == 0,
                "ts": now + timedelta(milliseconds=n),
            }
            for n in range(start, start + 100)
        )
    await eventually(
        lambda: county.conn.fetch("select from feed_cursor where writer = 'all/event' and number = 10"), what="the end"
    )
    (alarm,) = await county.alarms()
    assert (alarm["code"], alarm["state"]) == ("power_fault", "returned")
    assert alarm["cleared_at"] is not None
    assert len(await county.notices()) <= 4
    await county.send_events([{"device": "panel-1", "type": "mains_fault"}])
    await eventually(lambda: county.alarms("state = 'unacknowledged' and cleared_at is null"), what="the last word")
    assert len(await county.alarms()) == 1


async def test_a_kitchen_fire_is_one_incident_with_one_confirmation_and_the_rest_are_updates(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site("聚福楼饭店")
    await county.add_device("panel-1", site_id=site)
    await county.add_device("utd-1", site_id=site)
    alerts()
    told = [
        {"device": "panel-1", "type": "fire", "component": "d1", "component_type": 40},
        {"device": "panel-1", "type": "fire", "system_type": 1},
        {"device": "utd-1", "type": "fire"},
        {"device": "panel-1", "type": "fire", "component": "d2", "component_type": 40},
        {"device": "panel-1", "type": "manual_alarm", "component": "m1"},
    ]
    for event in told:
        await county.send_events([event])
    alarms = await eventually(lambda: county.alarms("a.code = 'fire'", at_least=5), what="five alarms")
    assert len({row["incident_id"] for row in alarms}) == 1
    await eventually(lambda: county.notices("state = 'delivered'", at_least=5), what="all told")
    types = sorted(one["type"] for one in await desk.received() if one["first"])
    assert types == ["alarm.updated"] * 4 + ["fire.confirmed"]
    assert len(await county.conn.fetch("select from incident")) == 1


async def test_the_brokers_drop_counter_and_a_lost_session_are_alarms_of_our_own(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_watermark(datetime.now(UTC))
    alerts()
    await eventually(lambda: county.conn.fetch("select from broker_drops"), what="it")
    await county.conn.execute("update ingest_lane set broker_dropped = 7, session_lost_at = now()")
    alarms = await eventually(lambda: county.alarms(at_least=3), what="three alarms")
    assert sorted((row["code"], row["component"]) for row in alarms) == [
        ("queue_dropped", ""),
        ("session_lost", "all/event"),
        ("session_lost", "all/telemetry"),
    ]


async def test_a_new_fire_at_a_site_whose_old_one_nobody_closed_is_an_incident_of_its_own(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("fire_clocks", incident_gap_s=1)
    site = await county.add_site("聚福楼饭店")
    await county.add_device("panel-1", site_id=site)
    await county.add_device("panel-2", site_id=site)
    alerts()
    for count, device in ((1, "panel-1"), (2, "panel-2"), (2, "panel-1")):
        await county.send_events([{"device": device, "type": "manual_alarm", "component": "m1"}])
        before = await eventually(lambda count=count: county.alarms(at_least=count), what="the fire")
        past = max(row["opened_at"] for row in before)
        await eventually(lambda past=past: datetime.now(UTC) - past > timedelta(seconds=1.2), what="a long silence")
    await eventually(lambda: desk.received(type="fire.confirmed"), what="confirmations")
    await eventually(lambda: county.notices("state = 'delivered'", at_least=3), what="all three")
    assert [one["type"] for one in await desk.received() if one["first"]] == ["fire.confirmed"] * 3
    incidents = await county.conn.fetch("select cause, closed_at from incident order by id")
    assert len(incidents) == 3
    assert {row["cause"] for row in incidents} == {f"site:{site}"}
