"""A fire that outlasts its test window is one, also where what ends the fire is judged before the end of the window."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.alerts.events import read_event
from services.alerts.fires import FireJudge
from services.alerts.registry import Device, Registry
from services.alerts.rules.events import weigh_event
from services.alerts.rules.model import Event
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Place
from services.core.alarms.life.happenings import Finding, Tick
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County

MINUTE = timedelta(minutes=1)
NO_BOUND = {"device_flooding": {"enabled": 0.0}}


async def burn_in_a_test(county: County, now: datetime) -> None:
    """Let a detector have fired five minutes ago, in a test window that was over a minute ago."""
    site = await county.add_site("学校")
    number = await county.add_device("panel-1", site_id=site)
    until = now - MINUTE
    await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=now - 10 * MINUTE)
    fire = Finding(
        "fire", Category.FIRE, Severity.CRITICAL, Reason("火警", "fire"), device="panel-1", area=AREA, component="d1",
        cause="fire", confidence=Confidence.SUSPECTED, part=Part.DETECTOR,
    )  # fmt: skip
    place = Place(f"device:{number}", number, "panel-1", site, AREA)
    await take(county, now - 5 * MINUTE, lambda page: page.take_fire(place.scope, fire, "event", place))


async def take(county: County, now: datetime, step: Callable[[Page], Awaitable[object]]) -> None:
    """Take the fires of the site one step on, in a transaction of its own."""
    async with county.conn.transaction():
        page = Page(county.conn, now, await load_policies(county.conn))
        scope = await county.conn.fetchval("select 'site:' || id from site")
        await page.load_scope(scope, [county.id_of("panel-1")])
        await step(page)
        await page.write()


async def judge(page: Page, device: Device, event: Event) -> None:
    await FireJudge(page, lambda _device, _at: NO_BOUND).judge(
        device, weigh_event(event, device.profile), event.received_at
    )


@pytest.mark.parametrize("end", [{"type": "reset"}, {"type": "fire", "component": "d1", "active": False}])
@pytest.mark.parametrize(("ended", "in_earnest"), [(MINUTE / 2, True), (2 * MINUTE, False)])
async def test_what_ends_a_fire_after_its_window_leaves_it_a_clock(
    county: County, end: dict[str, Any], ended: timedelta, *, in_earnest: bool
) -> None:
    now = datetime.now(UTC)
    await burn_in_a_test(county, now)
    await county.send_events([{"device": "panel-1", **end}], received_at=now - ended)
    number = county.id_of("panel-1")
    registry = Registry()
    await registry.load(county.conn, {number})
    (row,) = await county.conn.fetch("select * from event")
    event = read_event(row)
    await take(county, now, lambda page: judge(page, registry[number], event))
    await take(county, now, lambda page: page.take_fire(registry[number].place.scope, Tick(), "clock", None))
    (fire,) = await county.alarms()
    assert (fire["verification"], fire["state"], fire["test_window"]) == ("pending", "returned", not in_earnest)
    assert (fire["escalates_at"] is not None) is in_earnest


@pytest.mark.parametrize(("received", "is_tested"), [(3 * MINUTE, False), (MINUTE, True)])
async def test_a_fire_that_was_received_before_its_window_was_opened_is_none_of_the_test(
    county: County, received: timedelta, *, is_tested: bool
) -> None:
    now = datetime.now(UTC)
    site = await county.add_site("学校")
    number = await county.add_device("panel-1", site_id=site)
    await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}], received_at=now - received)
    for ago in (2 * MINUTE, MINUTE / 2):  # opened, and prolonged
        until = now + 10 * MINUTE - ago
        await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=now - ago)
    registry = Registry()
    await registry.load(county.conn, {number})
    (row,) = await county.conn.fetch("select * from event")
    await take(county, now, lambda page: judge(page, registry[number], read_event(row)))
    (fire,) = await county.alarms()
    assert (fire["verification"], fire["test_window"]) == ("pending", is_tested)
    assert (fire["escalates_at"] is None) is is_tested
