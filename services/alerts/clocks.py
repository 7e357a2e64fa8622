"""Timers that are due: fire clocks, shelved alarms, windows, calls to contacts. Called by the bench.

Promises that timers live in the database: a restart finds them as they were, and an auditor finds what is overdue. An
alarm or a call that cannot be taken on is set aside and holds up no other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.border import Border
from services.alerts.contacts import write_call
from services.core.alarms.ledger.page import Page
from services.core.alarms.life.happenings import OutOfService, SiteWindow, Tick
from services.core.alarms.rota import on_call
from services.core.aside import Unit, own_fault
from services.core.clock import CLOCK_SET_BACK
from services.core.log import logger
from services.core.statements import load_queries
from services.core.words import FIRE

SQL = load_queries(__file__)
OVERDUE_AFTER = timedelta(seconds=30)
CANNOT_WAIT = frozenset({FIRE, "dispatch_failed"})  # the second: a fire that 119 lacks
ALARM, SCOPE, STEP, CONTACT = "alarm", "fires", "step", "contact"  # kinds of what is set aside
log = logger(__name__)


async def is_due(conn: asyncpg.Connection, now: datetime) -> bool:
    """Say whether any alarm or timer is due."""
    due: bool = await conn.fetchval(SQL["is_due"], now, now + CLOCK_SET_BACK)
    return due


async def tick(border: Border, now: datetime) -> None:
    """Step every alarm whose timer is due; fires first, with all fires of their site."""
    fires = await border.conn.fetch(SQL["due_fires"], now, border.asides.waiting(SCOPE), now + CLOCK_SET_BACK)
    if fires:
        await border.settle(fires, _tick_fires, _name_scope)
    alarms = await border.conn.fetch(SQL["due_alarms"], now, [int(name) for name in border.asides.waiting(ALARM)])
    if alarms:
        await border.settle(alarms, _tick_alarms, _name_alarm)


async def _tick_fires(page: Page, rows: Sequence[asyncpg.Record]) -> None:
    for row in rows:
        await page.load_scope(row["scope"])
        await page.take_fire(row["scope"], Tick(), "clock", None)


async def _tick_alarms(page: Page, rows: Sequence[asyncpg.Record]) -> None:
    for row in rows:
        entry = await page.load_one(row["id"])
        if entry is not None:
            page.take_entry(entry, Tick(), "clock")


async def move_windows(border: Border, now: datetime) -> None:
    """Tell fires about test windows, and other alarms about maintenance, that began, moved or ended meanwhile.

    Of a test window other alarms hear only that it ended while they stand.
    """
    scopes = await border.conn.fetch(SQL["moved_windows"], border.asides.waiting(SCOPE))
    left_alone = [int(name) for name in border.asides.waiting(ALARM)]
    alarms = [row for row in await border.conn.fetch(SQL["moved_service"], now, left_alone) if _has_moved(row)]

    async def load_scopes(page: Page, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            await page.load_scope(row["scope"])

    async def move_service(page: Page, rows: Sequence[asyncpg.Record]) -> None:
        for row in rows:
            entry = await page.load_one(row["id"])
            if entry is not None:
                page.take_entry(entry, OutOfService(row["until"]), "registry")

    if scopes:
        await border.settle(scopes, load_scopes, _name_scope)
    if alarms:
        await border.settle(alarms, move_service, _name_alarm)
    if marked := await border.conn.fetch(SQL["outlasting_tests"], now, left_alone):
        await border.settle(marked, _end_tests, _name_alarm)


async def _end_tests(page: Page, rows: Sequence[asyncpg.Record]) -> None:
    for row in rows:
        entry = await page.load_one(row["id"])
        if entry is not None:
            page.take_entry(entry, SiteWindow(None), "clock")


def _has_moved(row: asyncpg.Record) -> bool:
    """Whether the alarm knows another end of maintenance than the registry; what cannot be read counts as another."""
    known, until = row["known"], row["until"]
    if known is None or until is None:
        return known is not until
    try:
        return bool(datetime.fromisoformat(known) != until)
    except (ValueError, TypeError):
        return True


def _name_scope(row: asyncpg.Record) -> Unit:
    return Unit(SCOPE, row["scope"], row["area"], fire=True)


def _name_alarm(row: asyncpg.Record) -> Unit:
    return Unit(ALARM, str(row["id"]), row["area"], detail={"code": row["code"]})


async def call_contacts(border: Border, now: datetime) -> None:
    """Make the calls that are due for alarms that nobody has answered."""
    timers = await border.conn.fetch(SQL["due_timers"], now, border.asides.waiting(STEP), now + CLOCK_SET_BACK)

    async def call(page: Page, some: Sequence[asyncpg.Record]) -> None:
        for row in some:
            timer = dict(row)
            result = answered(timer, page.now) or await _call(border, page, timer)
            await page.conn.execute(SQL["end_timer"], timer["alarm_id"], timer["step"], page.now, result)
            if result.startswith("skipped: nobody"):
                await page.conn.execute(SQL["bring_forward"], timer["alarm_id"], page.now)

    if timers:
        await border.settle(timers, call, _name_step)


def _name_step(row: asyncpg.Record) -> Unit:
    return Unit(STEP, f"{row['alarm_id']}:{row['step']}", row["area"], fire=row["code"] == FIRE)


def answered(timer: Mapping[str, Any], now: datetime) -> str | None:
    """Say why a step is not needed, or not now; None while it is.

    What the desk does not hear of calls nobody either: an alarm that was put aside or whose device is under
    maintenance, a fire of a test. If it stands when that ends, its steps begin anew. Of an incident one alarm calls:
    forty detectors of a burning hall would keep every telephone busy, and another fire would not get through.
    """
    if timer["state"] == "closed":
        return "skipped: closed"
    if timer["until"] == "acknowledged" and timer["acknowledged_at"] is not None:
        return "skipped: acknowledged"
    if timer["until"] == "judged" and timer["verification"] not in ("none", "pending"):
        return "skipped: judged"
    if timer["code"] == FIRE and timer["test_window"] and timer["cleared_at"] is not None:
        return "skipped: began and ended in a test"
    if timer["spoken_for"]:
        return "skipped: another alarm of its incident speaks for it"
    if timer["shelved"] or _lies_ahead(timer["quiet_until"], now):
        return "skipped: put aside, under maintenance or in a test"
    return None


def _lies_ahead(text: str | None, now: datetime) -> bool:
    """Whether a time of an alarm's memory lies ahead; one that cannot be read does not."""
    try:
        return text is not None and datetime.fromisoformat(text) > now
    except (ValueError, TypeError):
        return False


async def _call(border: Border, page: Page, timer: Mapping[str, Any]) -> str:
    """Call who is on call by the rota; where none of them can be called, everybody else."""
    contacts = {
        row["id"]: dict(row) for row in await page.conn.fetch(SQL["contacts"], timer["channels"], timer["area"])
    }
    first = on_call(page.policies.bodies["rota"], contacts, page.now)
    reached: set[tuple[str, str]] = set()  # whoever stands there for the county and for a township has one telephone
    for some in (first, contacts.keys() - first):
        for contact_id in sorted(some):
            telephone = contacts[contact_id]["channel"], contacts[contact_id]["address"]
            if telephone not in reached and await _call_one(border, page, timer, contacts[contact_id]):
                reached.add(telephone)
        if reached:
            break
    await page.conn.execute(SQL["tell_outbox"])
    if not reached:
        return "skipped: nobody to call"
    return f"called {len(reached)}"


async def _call_one(border: Border, page: Page, timer: Mapping[str, Any], contact: Mapping[str, Any]) -> bool:
    """Whether a call to `contact` was made due."""
    drill = timer["drill"] or page.policies.alarm.drilling(page.now)
    try:
        call = write_call(contact, page.policies, timer, drill=drill)
    except Exception as error:
        if not own_fault(error):
            raise
        if not border.asides.waits(CONTACT, str(contact["id"])):  # reported once a minute, not at every step
            unit = Unit(CONTACT, str(contact["id"]), contact["area"], detail={"name": contact["name"]})
            await border.asides.add(page.conn, unit, error)
        return False
    if call is None:
        return False
    await border.asides.over(page.conn, CONTACT, str(contact["id"]))
    await page.conn.execute(
        SQL["insert_call"],
        uuid4(),
        timer["alarm_id"],
        timer["incident_id"],
        f"contact:{contact['id']}",
        "call",
        timer["code"] in CANNOT_WAIT,
        call.target,
        call.body,
        page.now,
    )
    return True


async def count_overdue(conn: PoolConnectionProxy, now: datetime) -> int:
    """Return how many steps are overdue although a healthy clock would have taken them; above 0 is a fault of ours."""
    count: int = await conn.fetchval(SQL["overdue"], now - OVERDUE_AFTER)
    if count:
        log.error("steps_overdue", steps=count)
    return count
