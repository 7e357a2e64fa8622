"""What makes an event: every step of an alarm and every change of a device's status, in its own transaction."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Reset
from services.core.alarms.policies import load_policies
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.words import Category, Confidence, Part, Reason, Severity
from services.push.numbering import AT_ONCE
from tests.integration.alerts.calls import run_clocks
from tests.integration.push.conftest import Subscribe
from tests.support.county import AREA, County
from tests.support.hand_clock import START
from tests.support.servers import Program
from tests.support.stepped import Stepped
from tests.support.waiting import eventually

Push = Callable[..., Program]


def told(rows: list[asyncpg.Record]) -> list[str]:
    return [row["type"] for row in rows]


async def events(county: County) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await county.conn.fetch("select * from subscription_event order by id")
    return found


async def fire(
    county: County, device_id: int, component: str = "d1", confidence: Any = Confidence.SUSPECTED,
    now: datetime | None = None,
) -> None:  # fmt: skip
    place = Place(f"device:{device_id}", device_id, "panel-1", area=AREA)
    how = {"device": "panel-1", "area": AREA, "component": component, "part": Part.DETECTOR, "confidence": confidence}
    finding = Finding("fire", Category.FIRE, Severity.CRITICAL, Reason("火", "fire"), cause="fire", **how)
    async with county.conn.transaction():
        page = Page(county.conn, now or datetime.now(UTC), await load_policies(county.conn))
        await page.load_scope(place.scope)
        await page.take_fire(place.scope, finding, "event", place)
        await page.write()


async def pressure(county: County, device_id: int, *, active: bool) -> None:
    place = Place(f"device:{device_id}", device_id, "h-1", area=AREA)
    key = Key(place.subject, "hydrant_pressure_low")
    how = {"device": "h-1", "area": AREA, "value": 0.05, "limit": 0.14, "active": active}
    finding = Finding(key.code, Category.WATER, Severity.MAJOR, Reason("低", "low"), cause=key.code, **how)
    page = Page(county.conn, datetime.now(UTC), await load_policies(county.conn))
    await page.load([key])
    page.take(key, finding, "rule", place)
    await page.write()


async def test_each_step_of_an_alarm_is_told_by_its_own_transaction(county: County) -> None:
    device = await county.add_device("h-1", "hydrant")
    transaction = county.conn.transaction()
    await transaction.start()
    await pressure(county, device, active=True)
    await transaction.rollback()
    assert await events(county) == []
    for active in (True, True, False):
        async with county.conn.transaction():
            await pressure(county, device, active=active)
    (alarm,) = await county.alarms()
    await acts.acknowledge(county.conn, alarm["id"], actor="user:t", now=datetime.now(UTC))
    found = await events(county)
    assert told(found) == ["alarm.raised", "alarm.cleared", "alarm.closed"]  # nothing for a repetition
    assert [row["data"]["alarm"]["state"] for row in found] == ["unacknowledged", "returned", "closed"]
    assert [row["cap"] for row in found] == [True, True, False]
    assert {row["subject"] for row in found} == {"h-1"}


async def test_a_fire_is_told_as_it_grows_surer_and_when_it_is_judged(county: County) -> None:
    device = await county.add_device("panel-1")
    await fire(county, device)
    await fire(county, device, confidence=Confidence.CONFIRMED)
    (alarm,) = await county.alarms()
    await acts.verify(county.conn, alarm["id"], outcome="false", note="", actor="user:t", now=datetime.now(UTC))
    assert told(await events(county)) == ["alarm.raised", "fire.confirmed", "alarm.cleared", "alarm.closed"]


@pytest.mark.parametrize("burns", [True, False])
async def test_a_fire_that_outlasts_its_test_is_told_again_and_one_that_is_over_is_not(
    county: County, *, burns: bool
) -> None:
    site = await county.add_site("学校")
    device = await county.add_device("panel-1", site_id=site)
    one = Stepped(county.conn, "panel-1", device, AREA, site)
    window = START + timedelta(minutes=10)
    await acts.set_test_window(county.conn, site, until=window, reason="周检", actor="user:t", now=START)
    await one.fire(START)
    if not burns:
        await one.fire(START + timedelta(minutes=1), active=False)
    before = await events(county)
    await run_clocks(county, window)
    anew = (await events(county))[len(before) :]
    marks = [(row["type"], row["cap"], row["data"]["alarm"]["test_window"]) for row in anew]
    assert marks == [("alarm.updated", True, False)] * burns
    assert {row["data"]["alarm"]["version"] for row in (*before[:1], *anew)} == {1}, "a version speaks of other things"


@pytest.mark.parametrize("is_reset", [True, False])
async def test_a_new_fire_on_the_row_of_one_that_nobody_judged_is_told_as_one(
    county: County, *, is_reset: bool
) -> None:
    await county.set_policy("fire_clocks", incident_gap_s=60)
    device = await county.add_device("panel-1")
    now = datetime.now(UTC)
    for seconds in (0, 10):  # the same fire
        await fire(county, device, confidence=Confidence.CONFIRMED, now=now + timedelta(seconds=seconds))
    if is_reset:
        place = Place(f"device:{device}", device, "panel-1", area=AREA)
        async with county.conn.transaction():
            page = Page(county.conn, now + timedelta(seconds=20), await load_policies(county.conn))
            await page.load_scope(place.scope)
            reset = Reset("panel-1", "", Reason("复位", "reset"))
            await page.take_fire(place.scope, reset, "event", place)
            await page.write()
    before = await events(county)
    assert told(before) == ["alarm.raised", "fire.confirmed"] + ["alarm.cleared"] * is_reset
    await fire(county, device, confidence=Confidence.CONFIRMED, now=now + timedelta(minutes=5))
    await fire(county, device, confidence=Confidence.SUSPECTED, now=now + timedelta(minutes=10))
    anew = (await events(county))[len(before) :]
    assert told(anew) == ["alarm.raised", "fire.confirmed", "alarm.raised", "alarm.updated"]
    assert all(row["cap"] for row in anew)
    versions = [row["data"]["alarm"]["version"] for row in (*before, *anew)]
    assert versions[-5] < versions[-4] == versions[-3] < versions[-2] == versions[-1]
    assert len(await county.alarms()) == 1
    assert len(await county.conn.fetch("select from notice where type = 'fire.confirmed'")) == 2


async def test_status_is_told_when_it_changes_and_not_with_every_reading(county: County) -> None:
    device = await county.add_device("h-1", "hydrant")
    run = county.conn.execute
    await run("update device_state set last_seen = now(), online = true")
    await run("update device_state set online = false, offline_since = now()")
    await run("update device_state set last_seen = now(), online = true, offline_since = null")
    await run("update device set name = 'x', version = version + 1")
    await run("update device set out_of_service_until = now() + interval '1 hour'")
    await run("update device_state set online = false")  # nobody sees it: it is out of service
    await run("update device set out_of_service_until = null")
    await run("update device_state set unreadable_since = now(), online = true")
    await run("insert into device (code, kind, area) values ('new', 'panel', $1)", AREA)
    found = await events(county)
    assert [(row["subject"], row["data"]["status"]) for row in found] == [
        ("h-1", "offline"), ("h-1", "online"), ("h-1", "out_of_service"), ("h-1", "offline"), ("new", "discovered"),
    ]  # fmt: skip
    assert {row["type"] for row in found} == {"device.status"}
    assert found[0]["device_id"] == device


async def test_the_end_of_out_of_service_is_told_although_nothing_is_written(
    county: County, push: Push, subscribe: Subscribe
) -> None:
    await county.add_device("h-1", "hydrant", name="东关 1 号", lon=111.09, lat=39.02)
    subscriber, _ = await subscribe(types=["device.status"])
    push()
    until = datetime.now(UTC) + timedelta(seconds=2)
    await county.conn.execute("update device set out_of_service_until = $1", until)
    await eventually(lambda: len(subscriber.took) == 2, what="its beginning and its end")
    before, after = (one.event.get_data()["device"] for one in subscriber.took)
    assert before["status"] == "out_of_service"
    assert after == {
        "code": "h-1", "kind": "hydrant", "name": "东关 1 号", "area": AREA, "status": "online",
        "location": {"lon": 111.09, "lat": 39.02, "datum": "WGS84"},
    }  # fmt: skip


async def test_two_changes_at_once_leave_the_last_word_to_what_the_device_is(
    county: County, push: Push, subscribe: Subscribe, database: str
) -> None:
    await county.add_device("h-1", "hydrant")
    await county.conn.execute("update device_state set online = false")
    subscriber, _ = await subscribe(types=["device.status"])
    person = await asyncpg.connect(database)
    try:
        async with person.transaction():
            await person.execute("update device set out_of_service_until = now() + interval '1 hour'")
            # ingest hears it, and does not see what the person has not committed
            await county.conn.execute("update device_state set online = true, last_seen = now()")
    finally:
        await person.close()
    push()
    await eventually(lambda: subscriber.took, what="what was told")
    await eventually(lambda: _last(subscriber) == "out_of_service", what="the last word")


def _last(subscriber: Any) -> str:
    status: str = subscriber.took[-1].event.get_data()["device"]["status"]
    return status


async def test_events_of_one_step_are_one_cap_message_also_at_the_edge_of_a_turn(
    county: County, push: Push, subscribe: Subscribe
) -> None:
    _, number = await subscribe(format="cap")
    now = datetime.now(UTC)

    def step(alarm: int, *, test_window: bool = False) -> Event:
        data = {"alarm": {"id": alarm, "version": 2, "test_window": test_window}}
        return Event(EventType.UPDATED, "panel-1", AREA, now, data, alarm_id=alarm, cap=True)

    before = [Event(EventType.UPDATED, f"d-{n}", AREA, now, {}) for n in range(AT_ONCE - 2)]
    async with county.conn.transaction():  # the steps of two alarms, one among the other
        await write_events(county.conn, [*before, step(1), step(2), step(1), step(2)])
        await write_events(county.conn, [step(3, test_window=True), step(3)])  # and one that outlasts its test
    push()
    unnumbered = "select count(*) from subscription_event where number is null"

    async def all_numbered() -> bool:
        return await county.conn.fetchval(unnumbered) == 0

    await eventually(all_numbered, what="a number for each")
    of_it = "select count(*) from subscription_delivery where subscription_id = $1"
    assert await county.conn.fetchval(of_it, number) == 4


async def test_a_pressed_call_point_reaches_a_subscriber(
    county: County, push: Push, subscribe: Subscribe, program: Callable[..., Program], database: str
) -> None:
    """Through the alerts program, as in life."""
    site = await county.add_site("百货大楼", address="府前街 1 号")
    await county.add_device("panel-1", site_id=site)
    subscriber, _ = await subscribe(types=["fire.confirmed"])
    by_cap = [await subscribe(types=types, format="cap") for types in (["fire.confirmed"], ["*"])]
    alerts = program("alerts", DATABASE_URL=database)
    alerts.wait_ready()
    await county.send_events([{"device": "panel-1", "type": "manual_alarm", "component": "1-1"}])
    await eventually(lambda: events(county), what="the event")
    assert told(await events(county)) == ["alarm.raised", "fire.confirmed"], "one step, two events"
    push()
    await eventually(lambda: subscriber.took, what="the fire")
    data = subscriber.took[0].event.get_data()
    assert data["alarm"]["confidence"] == "confirmed"
    assert data["site"] == {"id": site, "name": "百货大楼", "address": "府前街 1 号"}
    for one, number in by_cap:  # and one message, whichever of the two was asked for
        await eventually(lambda one=one: one.took, what="the message")
        assert (
            await county.conn.fetchval("select count(*) from subscription_delivery where subscription_id = $1", number)
            == 1
        )


async def test_fires_that_open_in_one_transaction_are_numbered_in_the_order_of_their_reports(county: County) -> None:
    device = await county.add_device("panel-1")
    place = Place(f"device:{device}", device, "panel-1", area=AREA)
    async with county.conn.transaction():
        page = Page(county.conn, datetime.now(UTC), await load_policies(county.conn))
        await page.load_scope(place.scope)
        for component in ("d3", "d1", "d2"):
            how = {"device": "panel-1", "area": AREA, "component": component, "part": Part.DETECTOR}
            reason = Reason("火", "fire")
            finding = Finding("fire", Category.FIRE, Severity.CRITICAL, reason, cause=component, **how)
            await page.take_fire(place.scope, finding, "event", place)
        await page.write()
    assert [row["component"] for row in await county.alarms()] == ["d3", "d1", "d2"]  # by id: the first-out leads
