"""A condition that comes back on the record of an alarm is raised again, for who hears only of raised and cleared."""

import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

from tests.integration.push.conftest import Subscribe
from tests.integration.push.test_browsers import GREETING, Night
from tests.integration.push.test_events import Push, events, told
from tests.support.county import AREA, County
from tests.support.hand_clock import START
from tests.support.stepped import Stepped
from tests.support.waiting import eventually

RAISED_AND_CLEARED = ["alarm.raised", "alarm.cleared"]


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


async def test_an_alarm_that_comes_back_is_raised_again_and_in_cap_an_alert(
    county: County, push: Push, subscribe: Subscribe
) -> None:
    by_events, _ = await subscribe(types=RAISED_AND_CLEARED)
    by_cap, _ = await subscribe(types=RAISED_AND_CLEARED, format="cap")
    hydrant = Stepped(county.conn, "h-1", await county.add_device("h-1", "hydrant"), AREA)
    for number, low in enumerate((True, True, False, True, False)):  # the second is a repetition
        await hydrant.condition("hydrant_pressure_low", minute(number), active=low)
    push()
    await eventually(lambda: len(by_events.took) == len(by_cap.took) == 4, what="all four")
    types = [one.event.get_type().removeprefix("cn.firetower.").removesuffix(".v1") for one in by_events.took]
    assert types == RAISED_AND_CLEARED * 2
    sinces = [one.event.get_data()["alarm"]["since"] for one in by_events.took]
    assert sinces[:2] == [None, None]
    assert datetime.fromisoformat(sinces[2]) == minute(3)
    kinds = [re.findall(rb"<msgType>(\w+)<", one.body) for one in by_cap.took]
    assert kinds == [[b"Alert"], [b"Cancel"]] * 2
    assert len(await county.alarms()) == 1


async def test_the_return_of_a_condition_is_an_update_too(county: County) -> None:
    hydrant = Stepped(county.conn, "h-1", await county.add_device("h-1", "hydrant"), AREA)
    for number, low in enumerate((True, False, True)):
        await hydrant.condition("hydrant_pressure_low", minute(number), active=low)
    assert told(await events(county)) == ["alarm.raised", "alarm.cleared", "alarm.raised", "alarm.updated"]


async def test_a_fire_whose_panel_was_reset_is_raised_again_when_it_reports_once_more(county: County) -> None:
    panel = Stepped(county.conn, "panel-1", await county.add_device("panel-1"), AREA)
    for number, burns in enumerate((True, False, True)):
        await panel.fire(minute(number), active=burns)
    assert told(await events(county)) == ["alarm.raised", "alarm.cleared", "alarm.raised", "alarm.updated"]


async def test_a_phone_does_not_ring_again_for_a_fire_that_goes_on_after_a_reset(county: County, push: Push) -> None:
    async with AsyncExitStack() as stack:
        night = Night(county, push, stack)
        service = await night.service()
        await night.begin()
        await night.turn_on("here", service, (AREA,))
        await eventually(lambda: service.titles("here") == [GREETING], what="the greeting")
        panel = Stepped(county.conn, "panel-1", await county.add_device("panel-1"), AREA)
        await panel.fire(datetime.now(UTC))
        await eventually(lambda: len(service.titles("here")) == 2, what="the fire")
        for active in (False, True):
            await panel.fire(datetime.now(UTC), active=active)
        other = Stepped(county.conn, "panel-2", await county.add_device("panel-2"), AREA)
        await other.fire(datetime.now(UTC))
        await eventually(lambda: len(service.titles("here")) == 3, what="the next fire, and nothing between")
        assert service.titles("here")[2] == "新火警：panel-2"
