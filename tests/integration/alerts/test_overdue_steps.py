"""The auditor of escalation: finds a step that no healthy clock would have left behind, and nothing else."""

from datetime import timedelta

from services.alerts import clocks
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Place
from services.core.alarms.life.happenings import Finding, Reset, Tick
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START

WHY = Reason("测试", "test")
LATER = START + timedelta(hours=1)


async def happen(county: County, site: int | None, happening: Finding | Reset | Tick, minute: float = 0) -> None:
    device_id = await county.conn.fetchval("select id from device")
    place = Place(f"device:{device_id}", device_id, "panel-1", site, AREA)
    async with county.conn.transaction():
        page = Page(county.conn, START + timedelta(minutes=minute), await load_policies(county.conn))
        await page.load_scope(place.scope, [device_id])
        await page.take_fire(place.scope, happening, "test", place)
        await page.write()


def fire() -> Finding:
    return Finding(
        "fire", Category.FIRE, Severity.CRITICAL, WHY, device="panel-1", area=AREA, component="d1", cause="fire",
        confidence=Confidence.SUSPECTED, part=Part.DETECTOR,
    )  # fmt: skip


async def burning_site(county: County) -> int:
    site = await county.add_site("学校")
    await county.add_device("panel-1", site_id=site)
    return site


async def test_a_clock_that_somebody_stopped_is_found(county: County) -> None:
    site = await burning_site(county)
    await county.set_policy("escalation", steps=[])
    await happen(county, site, fire())
    assert await clocks.count_overdue(county.conn, START + timedelta(minutes=3)) == 0
    await county.conn.execute("update alarm set escalates_at = null, due_at = null")
    assert await clocks.count_overdue(county.conn, LATER) == 1


async def test_a_clock_nobody_looked_at_and_a_call_nobody_made_are_found(county: County) -> None:
    site = await burning_site(county)
    await happen(county, site, fire())
    assert await clocks.count_overdue(county.conn, LATER) == 3, "the fire's clock and its two calls"
    await happen(county, site, Tick(), minute=60)
    assert await clocks.count_overdue(county.conn, LATER) == 2


async def test_a_fire_that_began_and_ended_in_a_test_is_not_overdue(county: County) -> None:
    site = await burning_site(county)
    await county.set_policy("escalation", steps=[])
    until = START + timedelta(minutes=10)
    await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=START)
    await happen(county, site, fire(), minute=1)
    await happen(county, site, Reset("panel-1", "", WHY), minute=2)
    await happen(county, site, Tick(), minute=10)
    assert await clocks.count_overdue(county.conn, LATER) == 0
    await happen(county, site, fire(), minute=20)
    assert await clocks.count_overdue(county.conn, START + timedelta(minutes=20)) == 0
    assert await clocks.count_overdue(county.conn, LATER) == 1


async def test_a_fire_leaves_the_test_window_of_the_site_that_its_device_leaves(county: County) -> None:
    site = await burning_site(county)
    until = START + timedelta(hours=8)
    await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=START)
    await happen(county, site, fire(), minute=1)
    assert [row["escalates_at"] for row in await county.alarms()] == [None]
    await county.conn.execute("update device set site_id = null")
    await happen(county, None, fire(), minute=2)
    (alarm,) = await county.alarms()
    assert alarm["escalates_at"] == START + timedelta(minutes=5), "180 s after the report outside any window"
