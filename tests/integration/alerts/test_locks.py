"""Two transactions that touch the same alarms never wait for each other crosswise."""

import asyncio
from datetime import timedelta

from services.alerts.moves import follow_devices
from services.core import db
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Situation
from services.core.alarms.policies import load_policies
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.integration.alerts.calls import border_at
from tests.support.county import AREA, County
from tests.support.hand_clock import START
from tests.support.stepped import Stepped
from tests.support.waiting import eventually

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


async def test_an_incident_whose_last_members_are_taken_at_once_is_over(county: County, database: str) -> None:
    devices = [await county.add_device(f"panel-{number}") for number in (1, 2)]
    policies = await load_policies(county.conn)
    async with county.conn.transaction():
        page = Page(county.conn, START, policies)
        places = [Place(f"device:{d}", d, f"panel-{n}", area=AREA) for n, d in enumerate(devices, start=1)]
        await page.load([Key(place.subject, "fault") for place in places])
        group = Situation(incident_id=str(await page.begin_incident("silence", AREA, WHY, AREA)), grouped=True)
        for place in places:
            for active in (True, False):
                fault = Finding(
                    "fault", Category.DEVICE, Severity.MINOR, WHY, active, device=place.device, cause="fault"
                )
                page.take(Key(place.subject, "fault"), fault, "test", place, group)
        await page.write()
    one, other = await county.alarms()
    person = await db.connect(database, program="test")
    pid = person.get_server_pid()
    async with county.conn.transaction():
        await acts.acknowledge(county.conn, one["id"], actor="user:t", now=START)
        second = asyncio.create_task(acts.acknowledge(person, other["id"], actor="user:t", now=START))
        blocked = "select cardinality(pg_blocking_pids($1)) > 0"
        await eventually(lambda: county.conn.fetchval(blocked, pid), what="the second waits for the first")
    await second
    assert await county.conn.fetchval("select closed_at from incident") == START
    await person.close()


async def test_fires_that_change_places_do_not_wait_crosswise_for_a_person_who_acts_on_one(
    county: County, database: str
) -> None:
    sites = [await county.add_site("学校"), await county.add_site("商场")]
    panels = [await county.add_device(f"panel-{n}", site_id=site) for n, site in enumerate(sites)]
    for n in (0, 1):
        await Stepped(county.conn, f"panel-{n}", panels[n], AREA, sites[n]).fire(START)
    first, _ = await county.alarms()
    await county.conn.execute("update device set site_id = $1 - site_id", sum(sites))
    person = await db.connect(database, program="test")
    async with person.transaction():
        await person.execute("select from fire_scope where scope = $1 for update", f"site:{sites[0]}")
        follows = asyncio.create_task(follow_devices(border_at(county, START + timedelta(seconds=1))))
        blocked = "select cardinality(pg_blocking_pids($1)) > 0"
        pid = county.conn.get_server_pid()
        await eventually(lambda: person.fetchval(blocked, pid), what="the move waits for the person")
        await person.execute("select from alarm where id = $1 for update nowait", first["id"])
    await follows
    assert {fire["scope"] for fire in await county.alarms("a.site_id = $1", sites[1])} == {f"site:{sites[1]}"}
    await person.close()
