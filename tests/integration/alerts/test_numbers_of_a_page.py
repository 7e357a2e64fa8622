"""A page has numbers for all that one transaction may open: each key that it loaded, each incident of its fires."""

from datetime import timedelta

import pytest

from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Act, ActKind, Finding, Parted
from services.core.alarms.policies import read_policies
from services.core.words import Category, Reason, Severity
from tests.support.county import AREA, County

WHY = Reason("测试", "test")
MANY = 30
"""More than are kept in hand for what nobody foresaw."""


def low(device: str, *, active: bool = True) -> Finding:
    code = "hydrant_pressure_low"
    return Finding(code, Category.WATER, Severity.MAJOR, WHY, active=active, device=device, area=AREA, cause=code)


def fault(device: str, component: str) -> Finding:
    return Finding("fault", Category.DEVICE, Severity.MINOR, WHY, device=device, area=AREA, component=component)


@pytest.mark.parametrize("loaded_again", [False, True], ids=["once", "each time"])
async def test_acknowledged_alarms_that_end_and_begin_anew_in_one_page_are_all_opened(
    county: County, *, loaded_again: bool
) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    codes = [f"h-{n}" for n in range(MANY)]
    places = [Place(f"device:{await county.add_device(code, 'hydrant')}", county.id_of(code), code) for code in codes]
    keys = [Key(place.subject, "hydrant_pressure_low") for place in places]
    taken = Act(ActKind.ACKNOWLEDGE, "user:t")
    async with county.conn.transaction():
        page = Page(county.conn, now, read_policies({}))
        await page.load(keys)
        for code, key, place in zip(codes, keys, places, strict=True):
            page.take(key, low(code), "rule", place)
            page.take_entry(page.open[key], taken, "user:t")
        await page.write()
    async with county.conn.transaction():
        page = Page(county.conn, now + timedelta(minutes=1), read_policies({}))
        await page.load(keys)
        for code, key, place in zip(codes, keys, places, strict=True):
            page.take(key, low(code, active=False), "rule", place)
            if loaded_again:
                await page.load([key])
            page.take(key, low(code), "rule", place)
        await page.write()
    assert len(await county.alarms("a.state = 'closed'")) == MANY
    assert len(await county.alarms("a.state = 'unacknowledged'")) == MANY


async def test_fires_of_more_incidents_than_usual_that_part_are_incidents_of_their_own(county: County) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    device = await county.add_device("panel-1")
    scope = f"device:{device}"
    await county.conn.execute(
        """
        with i as (
            insert into incident (kind, cause, title, area, opened_at)
            select 'fire', $1, '测试', $2, $3 from generate_series(1, $5) returning id)
        insert into alarm (subject, code, component, category, severity, state, confidence, verification, device_id,
            area, reason, reason_en, opened_at, scope, incident_id, life)
        select $1, 'fire', '1-' || id, 'fire', 'critical', 'unacknowledged', 'confirmed', 'pending', $4, $2, '', '', $3,
            $1, id, '{"covered": true}' from i
        """,
        scope, AREA, now, device, MANY,
    )  # fmt: skip
    async with county.conn.transaction():
        page = Page(county.conn, now, read_policies({}))
        await page.load_scope(scope)
        incidents = frozenset(entry.alarm.incident_id for entry in page.entries)
        await page.take_fire(scope, Parted(incidents), "clock", None)
        await page.write()
    found = {str(alarm["incident_id"]) for alarm in await county.alarms("a.state <> 'closed'")}
    assert (len(found), found & incidents) == (MANY, set())


async def test_the_fires_of_a_page_leave_the_numbers_of_its_other_alarms(county: County) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    device = await county.add_device("panel-1")
    subject = f"device:{device}"
    place = Place(subject, device, "panel-1")
    keys = [Key(subject, "fault", f"1-{n}") for n in range(MANY)]
    async with county.conn.transaction():
        page = Page(county.conn, now, read_policies({}))
        await page.load(keys)
        await page.load_scope(subject)
        for n in range(MANY):
            code = Finding(
                "fire", Category.FIRE, Severity.CRITICAL, WHY, device="panel-1", area=AREA, component=f"1-{n}"
            )
            await page.take_fire(subject, code, "event", place)
        for key in keys:
            page.take(key, fault("panel-1", key.component), "event", place)
        await page.write()
    assert len(await county.alarms("a.code = 'fire'")) == len(await county.alarms("a.code = 'fault'")) == MANY
