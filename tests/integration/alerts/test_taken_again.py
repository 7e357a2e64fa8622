"""What people did to an alarm belongs to the occurrence they saw: not to the next one, and not after its end."""

from datetime import datetime, timedelta

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START

NEXT_DAY = START + timedelta(days=1)


async def burn(county: County, now: datetime) -> None:
    device_id = await county.conn.fetchval("select id from device")
    place = Place(f"device:{device_id}", device_id, "panel-1", area=AREA)
    finding = Finding(
        "fire", Category.FIRE, Severity.CRITICAL, Reason("火警", "fire"), device="panel-1", area=AREA, component="d1",
        cause="fire", confidence=Confidence.SUSPECTED, part=Part.DETECTOR,
    )  # fmt: skip
    async with county.conn.transaction():
        page = Page(county.conn, now, await load_policies(county.conn))
        await page.load_scope(place.scope, [device_id])
        await page.take_fire(place.scope, finding, "test", place)
        await page.write()


async def test_who_took_yesterdays_fire_is_not_named_as_who_took_todays(county: County) -> None:
    await county.add_device("panel-1")
    await burn(county, START)
    (fire,) = await county.alarms()
    await acts.acknowledge(county.conn, fire["id"], actor="user:yesterday", now=START)
    await burn(county, NEXT_DAY)
    (fire,) = await county.alarms()
    assert (fire["state"], fire["acknowledged_at"], fire["acknowledged_by"]) == ("unacknowledged", None, None)
    done = await acts.acknowledge(county.conn, fire["id"], actor="user:today", now=NEXT_DAY)
    assert (done.row["acknowledged_at"], done.row["acknowledged_by"]) == (NEXT_DAY, "user:today")


async def test_a_note_or_another_verdict_does_not_move_the_end_of_what_is_over(county: County) -> None:
    await county.add_device("panel-1")
    await burn(county, START)
    (fire,) = await county.alarms()
    await acts.verify(county.conn, fire["id"], outcome="false", note="", actor="user:t", now=START)

    async def ended_at() -> datetime:
        found: datetime = await county.conn.fetchval("select closed_at from incident")
        return found

    assert await ended_at() == START
    await acts.add_note(county.conn, fire["id"], note="报告已归档", actor="user:t", now=NEXT_DAY)
    await acts.correct(county.conn, fire["id"], outcome="test", reason="补报", actor="user:t", now=NEXT_DAY)
    assert await ended_at() == START
