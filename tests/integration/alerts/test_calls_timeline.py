"""Who is called when, as a table of times: the policy `escalation` in process, under a clock that is passed in."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from services.alerts import clocks
from services.alerts.border import Border, Work
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import SYSTEM, Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.aside import Asides
from services.core.words import Category, Confidence, Part, Reason, Severity
from tests.support.county import AREA, County
from tests.support.hand_clock import START, HandClock

CHANNELS = ("sms", "voice", "webhook")
Deed = Callable[[County, datetime], Awaitable[object]]


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


async def fire(county: County, now: datetime) -> None:
    device_id = await county.conn.fetchval("select id from device")
    place = Place(f"device:{device_id}", device_id, "panel-1", area=AREA)
    how = {"device": "panel-1", "area": AREA, "component": "d1", "part": Part.DETECTOR}
    async with county.conn.transaction():
        page = Page(county.conn, now, await load_policies(county.conn))
        await page.load_scope(place.scope)
        fire = finding("fire", "critical", confidence=Confidence.SUSPECTED, **how)
        await page.take_fire(place.scope, fire, "event", place)
        await page.write()


async def alarm_id(county: County) -> int:
    found: int = await county.conn.fetchval("select id from alarm where state <> 'closed'")
    return found


async def acknowledge(county: County, now: datetime) -> None:
    await acts.acknowledge(county.conn, await alarm_id(county), actor="user:t", now=now)


def verdict(outcome: str) -> Deed:
    async def deed(county: County, now: datetime) -> None:
        await acts.verify(county.conn, await alarm_id(county), outcome=outcome, note="", actor="user:t", now=now)

    return deed


async def clear(county: County, now: datetime) -> None:
    await acts.clear(county.conn, await alarm_id(county), actor="user:t", now=now)


#                                    what happens at which second            who is called at which second
TABLE: dict[str, tuple[list[tuple[int, Deed]], list[tuple[int, str]]]] = {
    "a fire nobody looks at": ([(0, fire)], [(120, "sms"), (120, "webhook"), (300, "voice")]),
    "a fire acknowledged in time": ([(0, fire), (119, acknowledge)], [(300, "voice")]),
    "a fire acknowledged after the first calls": (
        [(0, fire), (121, acknowledge)],
        [(120, "sms"), (120, "webhook"), (300, "voice")],
    ),
    "a fire judged real": ([(0, fire), (60, verdict("real"))], []),
    "a fire judged false": ([(0, fire), (60, verdict("false"))], []),
    "the desk does not accept": (
        [(0, begins("dispatch_failed"))],
        [(at, channel) for at in (0, 300) for channel in CHANNELS],
    ),
    "the desk does not accept, and somebody knows": (
        [(0, begins("dispatch_failed")), (10, acknowledge)],
        [(0, channel) for channel in CHANNELS],
    ),
    "anything else that is critical": ([(0, begins("queue_dropped"))], [(300, "sms"), (300, "webhook")]),
    "critical, acknowledged": ([(0, begins("queue_dropped")), (299, acknowledge)], []),
    "critical, cleared": ([(0, begins("queue_dropped")), (299, clear)], []),
    "major": ([(0, begins("session_lost", "major"))], []),
    "major that gets critical": (
        [(0, begins("session_lost", "major")), (100, begins("session_lost"))],
        [(400, "sms"), (400, "webhook")],
    ),
}


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
        due = await county.conn.fetchval("select min(due_at) from alarm_timer where done_at is null")
        if due is None or due > until:
            return

        async def transact(work: Work, now: datetime = due) -> Page:
            async with county.conn.transaction():
                page = Page(county.conn, now, await load_policies(county.conn))
                await work(page)
                await page.write()
            return page

        await clocks.call_contacts(
            Border(county.conn, Asides("alerts", HandClock(due)), transact, partial(asyncio.sleep, 0)), due
        )


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


async def test_everybody_is_called_at_exactly_that_second(county: County) -> None:
    await reach_everybody(county)
    wrong = {}
    for name, (deeds, wanted) in TABLE.items():
        row = county.conn.transaction()
        await row.start()
        called = await play(county, deeds)
        if called != wanted:
            wrong[name] = (called, wanted)
        await row.rollback()
    assert wrong == {}


async def test_a_step_that_reaches_nobody_brings_the_next_one_forward(county: County) -> None:
    await reach_everybody(county)
    await county.conn.execute("delete from contact where channel <> 'voice'")
    assert await play(county, [(0, fire)]) == [(120, "voice")]


async def test_who_is_on_call_is_called_and_everybody_when_none_of_them_can_be(county: County) -> None:
    await reach_everybody(county)
    by_sms = await county.conn.fetchval("select id from contact where channel = 'sms'")
    other = await county.conn.fetchval(
        "insert into contact (name, channel, address) values ('off', 'sms', '13800000009') returning id"
    )
    shift = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "begin": "00:00", "end": "00:00"}
    never = {"weekdays": [START.isoweekday() % 7 + 1], "begin": "12:00", "end": "13:00", "contacts": [other]}
    await county.set_policy("rota", shifts=[shift | {"contacts": [by_sms]}, never])

    async def called() -> set[str]:
        await play(county, [(0, fire)])
        rows = await county.conn.fetch("select distinct channel from notice where type = 'call'")
        return {row["channel"] for row in rows}

    row = county.conn.transaction()
    await row.start()
    assert f"contact:{other}" not in await called()
    await row.rollback()
    await county.conn.execute("delete from contact where id = $1 or channel = 'webhook'", by_sms)
    assert f"contact:{other}" in await called()


@pytest.mark.parametrize(("steps", "wanted"), [([], []), ([{"code": "fire", "after_s": 7}], [(7, "sms")])])
async def test_the_steps_are_data(
    county: County, steps: list[dict[str, object]], wanted: list[tuple[int, str]]
) -> None:
    await reach_everybody(county)
    await county.set_policy("escalation", steps=[{**step, "channels": ["sms"], "until": "closed"} for step in steps])
    assert await play(county, [(0, fire)]) == wanted


async def test_a_drill_says_so_in_every_call(county: County) -> None:
    await reach_everybody(county)
    await county.set_policy("drill", until=(START + timedelta(hours=1)).isoformat())
    await play(county, [(0, fire)])
    calls = await county.notices("type = 'call'")
    assert len(calls) == 3
    texts = [str(call["json"].get("text") or call["json"].get("content") or call["json"].get("tts")) for call in calls]
    assert all(text.startswith("【演练】") for text in texts)
