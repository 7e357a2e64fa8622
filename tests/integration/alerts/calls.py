"""Alarms that begin, are answered and end at given seconds, and who is called when. Used by tests of this folder."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from services.alerts import clocks
from services.alerts.border import Border, Work
from services.core.alarms.fires.site import FireHappening
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import SYSTEM, Key, Place
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Finding, Reset
from services.core.alarms.policies import load_policies
from services.core.aside import Asides
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START, HandClock

CHANNELS = ("sms", "voice", "webhook")
Deed = Callable[[County, datetime], Awaitable[object]]
Table = dict[str, tuple[list[tuple[int, Deed]], list[tuple[int, str]]]]


def finding(code: str, severity: str, **how: object) -> Finding:
    category = Category.FIRE if code == "fire" else Category.SYSTEM
    return Finding(code, category, Severity(severity), Reason(code, code), cause=code, **how)  # type: ignore[arg-type]


def begins(code: str, severity: str = "critical") -> Deed:
    async def deed(county: County, now: datetime) -> None:
        async with county.conn.transaction():
            page = Page(county.conn, now, await load_policies(county.conn))
            key = Key(SYSTEM.subject, code)
            await page.load([key])
            page.take(key, finding(code, severity), "test", SYSTEM)
            await page.write()

    return deed


async def to_fires(county: County, now: datetime, happening: FireHappening) -> None:
    row = await county.conn.fetchrow("select id, site_id from device")
    place = Place(f"device:{row['id']}", row["id"], "panel-1", row["site_id"], AREA)
    async with county.conn.transaction():
        page = Page(county.conn, now, await load_policies(county.conn))
        await page.load_scope(place.scope)
        await page.take_fire(place.scope, happening, "event", place)
        await page.write()


def fire_of(component: str) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        how = {"device": "panel-1", "area": AREA, "component": component, "part": Part.DETECTOR}
        await to_fires(county, now, finding("fire", "critical", confidence=Confidence.SUSPECTED, **how))

    return deed


fire = fire_of("d1")


async def alarm_id(county: County) -> int:
    found: int = await county.conn.fetchval("select id from alarm where state <> 'closed' order by id")
    return found


async def acknowledge(county: County, now: datetime) -> None:
    await acts.acknowledge(county.conn, await alarm_id(county), actor="user:t", now=now)


def verdict(outcome: str) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        await acts.verify(county.conn, await alarm_id(county), outcome=outcome, note="", actor="user:t", now=now)

    return deed


async def clear(county: County, now: datetime) -> None:
    await acts.clear(county.conn, await alarm_id(county), actor="user:t", now=now)


def shelve(until_s: int) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        until = START + timedelta(seconds=until_s)
        await acts.shelve(county.conn, await alarm_id(county), until=until, reason="t", actor="user:t", now=now)

    return deed


async def unshelve(county: County, now: datetime) -> None:
    await acts.unshelve(county.conn, await alarm_id(county), actor="user:t", now=now)


def ends(code: str) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        async with county.conn.transaction():
            page = Page(county.conn, now, await load_policies(county.conn))
            key = Key(SYSTEM.subject, code)
            await page.load([key])
            page.take(key, finding(code, "info", active=False), "test", SYSTEM)
            await page.write()

    return deed


def fire_ends(county: County, now: datetime) -> Awaitable[object]:
    return to_fires(county, now, Reset("panel-1", "", Reason("复位", "reset")))


def supported(county: County, now: datetime) -> Awaitable[object]:
    why = Reason("启动", "started")
    return to_fires(county, now, Evidence(now, EvidenceKind.SUPPORT, "panel-1", "p1", Part.OTHER, why))


def in_a_test(until_s: int) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        site = await county.add_site("学校")
        await county.conn.execute("update device set site_id = $1", site)
        until = START + timedelta(seconds=until_s)
        await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=now)

    return deed


def steps(**one: object) -> Deed:
    async def deed(county: County, _now: datetime) -> None:
        await county.set_policy("escalation", steps=[one])

    return deed


async def reach_everybody(county: County) -> None:
    await county.add_device("panel-1")
    for gateway in ("sms_gateway", "voice_gateway"):
        await county.set_policy(gateway, url="http://gateway.invalid")
    for channel in CHANNELS:
        address = "http://people.invalid/hook" if channel == "webhook" else "13800000000"
        await county.conn.execute("insert into contact (name, channel, address) values ($1, $1, $2)", channel, address)


async def pass_time(county: County, until: datetime) -> None:
    """Run the clocks at every moment at which something is due, as the bench does within 0.2 s."""
    while True:
        due = await county.conn.fetchval(
            """
            select min(due_at) from (
                select due_at from alarm_timer where done_at is null
                union all select due_at from alarm where state <> 'closed') as d
            """
        )
        if due is None or due > until:
            return
        await run_clocks(county, due)


def border_at(county: County, now: datetime) -> Border:
    """Judge on the test's own connection, a transaction each time, as the bench does."""

    async def transact(work: Work) -> Page:
        async with county.conn.transaction():
            page = Page(county.conn, now, await load_policies(county.conn))
            await work(page)
            await page.write()
        return page

    return Border(county.conn, Asides("alerts", HandClock(now)), transact, partial(asyncio.sleep, 0))


async def run_clocks(county: County, now: datetime) -> None:
    """Do what is due, if anything is."""
    if await clocks.is_due(county.conn, now):
        border = border_at(county, now)
        await clocks.tick(border, now)
        await clocks.call_contacts(border, now)


async def play(county: County, deeds: list[tuple[int, Deed]]) -> list[tuple[int, str]]:
    for second, deed in deeds:
        now = START + timedelta(seconds=second)
        await pass_time(county, now)
        await deed(county, now)
    await pass_time(county, START + timedelta(days=1))
    calls = await county.conn.fetch(
        """
        select n.created_at, c.channel from notice n join contact c on n.channel = 'contact:' || c.id
        where n.type = 'call' order by 1, 2
        """
    )
    return [(int((row["created_at"] - START).total_seconds()), row["channel"]) for row in calls]


async def wrong_of(county: County, table: Table) -> dict[str, Any]:
    """Play each line of a table by itself; return those that went otherwise: who was called, who should have been."""
    wrong = {}
    for name, (deeds, wanted) in table.items():
        row = county.conn.transaction()
        await row.start()
        called = await play(county, deeds)
        if called != wanted:
            wrong[name] = (called, wanted)
        await row.rollback()
    return wrong
