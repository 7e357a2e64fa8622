"""Two transactions that touch the same alarms never wait for each other crosswise."""

from services.core import db
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START

WHY = Reason("测试", "test")


async def test_what_a_reset_ends_does_not_wait_for_a_person_who_judges_the_devices_fire(
    county: County, database: str
) -> None:
    device_id = await county.add_device("panel-1")
    place = Place(f"device:{device_id}", device_id, "panel-1", area=AREA)
    policies = await load_policies(county.conn)
    fault = Finding("fault", Category.DEVICE, Severity.MINOR, WHY, device="panel-1", cause="fault")
    fire = Finding(
        "fire", Category.FIRE, Severity.CRITICAL, WHY, device="panel-1", component="d1", cause="fire",
        confidence=Confidence.SUSPECTED, part=Part.DETECTOR,
    )  # fmt: skip
    async with county.conn.transaction():
        page = Page(county.conn, START, policies)
        key = Key(place.subject, "fault")
        await page.load([key])
        page.take(key, fault, "test", place)
        await page.load_scope(place.scope)
        await page.take_fire(place.scope, fire, "event", place)
        await page.write()
    person = await db.connect(database, program="test")
    async with person.transaction(), county.conn.transaction():
        judged = Page(person, START, policies)
        await judged.load_scope(place.scope)
        await county.conn.execute("set local lock_timeout = '2 s'")
        entries = await Page(county.conn, START, policies).load_devices([device_id])
    assert [entry.key.code for entry in entries] == ["fault"]
    await person.close()
