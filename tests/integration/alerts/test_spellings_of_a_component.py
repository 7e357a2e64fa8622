"""One component however it is spelled, from the row of the event to 119: one alarm, no confirmation by its own twin."""

from collections.abc import Callable

import pytest

from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

TWINS = ["3-12 ", "3-12\u00a0", "3-1\u200b2", "３－１２", "3-012", "3 - 12"]


async def fires(county: County, *components: str, **parts: object) -> None:
    """Commit one batch for each, so that the order is theirs."""
    for component in components:
        await county.send_events([{"device": "panel-1", "type": "fire", "component": component, **parts}])


async def test_twin_spellings_are_one_witness_and_two_components_still_confirm(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    site = await county.add_site("县医院")
    await county.add_device("panel-1", site_id=site)
    await county.add_device("panel-2", site_id=site)
    alerts()
    await fires(county, "3-12", *TWINS)
    repeats = "select count(*) from alarm_transition where outcome = 'repeated'"

    async def all_judged() -> bool:
        return bool(await county.conn.fetchval(repeats) == len(TWINS))

    await eventually(all_judged, what="every twin is a repeat")
    (alarm,) = await county.alarms()
    assert (alarm["component"], alarm["component_key"], alarm["confidence"]) == ("3-12", "3-12", "suspected")
    # one batch after the twins, on another site: when it is at the desk, a notice for the twins would be there too
    await county.add_device("panel-9")
    await county.send_events([{"device": "panel-9", "type": "manual_alarm", "component": "9-9"}])
    await eventually(lambda: desk.received(type="fire.confirmed"), what="the other fire")
    assert {one["body"]["device"]["code"] for one in await desk.received()} == {"panel-9"}

    await fires(county, "3-13")
    (told,) = await eventually(
        lambda: county.notices("type = 'fire.confirmed' and alarm_id = $1", alarm["id"]), what="it"
    )
    assert told["json"]["alarm"]["component"] == "3-12"
    assert [row["component"] for row in await county.alarms("d.code = 'panel-1'")] == ["3-12", "3-13"]


@pytest.mark.parametrize("code", ["fire", "fault"])
async def test_over_and_reset_reach_the_alarm_under_another_spelling(
    county: County, desk: DeskControl, alerts: Callable[..., Program], code: str
) -> None:
    await county.add_device("panel-1")
    alerts()
    await fires(county, "3-12 ", "3-13", type=code)
    await eventually(lambda: county.alarms("a.code = $1", code, at_least=2), what="both alarms")
    await fires(county, "３-012", type=code, active=False)
    await eventually(lambda: county.alarms("component = '3-12 ' and cleared_at is not null"), what="it is over")
    await fires(county, "3-12", type=code)
    await eventually(lambda: county.alarms("component = '3-12 ' and cleared_at is null"), what="it is back")
    await fires(county, "3-012", type="reset")
    await eventually(lambda: county.alarms("component = '3-12 ' and cleared_at is not null"), what="it is reset")
    assert await county.alarms("component = '3-13' and cleared_at is null")
    await fires(county, "\u00a0", type="reset")  # only blank: the device as a whole
    await eventually(lambda: county.alarms("component = '3-13' and cleared_at is not null"), what="all is reset")
    assert len(await county.alarms()) == 2


async def test_alarms_opened_before_the_normal_form_still_match(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    await county.add_device("panel-1")
    running = alerts()
    await fires(county, "3-12", "3-13", type="fault")
    await eventually(lambda: county.alarms(at_least=2), what="both alarms")
    running.stop()
    # as an older release left them: no key, and a twin that its migration set beside the oldest
    await county.conn.execute("update alarm set component_key = null where component = '3-12'")
    await county.conn.execute(
        "update alarm set component = '3-012', component_key = '3-12' || chr(31) || id where component = '3-13'"
    )
    alerts()
    await fires(county, "3-12 ", type="fault", active=False)
    await eventually(lambda: county.alarms("component = '3-12' and cleared_at is not null"), what="the oldest is over")
    await fires(county, "", type="reset")
    await eventually(lambda: county.alarms("cleared_at is not null", at_least=2), what="the twin ends with its device")
