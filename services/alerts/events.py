"""From committed events to alarms. Fires (and resets, which end them) are read ahead of everything else.

Called by the bench. Promises one transaction per group of batches: alarms, notices and cursor together.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from services.alerts.feed import FIRES, SQL, Batch, Feed, span
from services.alerts.health import judge_unreadable
from services.alerts.registry import Device, Registry
from services.alerts.rules.events import weigh_event
from services.alerts.rules.model import Effect, Event
from services.core.alarms.happenings import Evidence, EvidenceKind, Reset, Situation
from services.core.alarms.page import Page
from services.core.alarms.rows import Key
from services.core.alarms.words import FIRE
from services.core.metrics import FINDINGS

FIRE_TYPES = ["fire", "manual_alarm", "reset"]
FIRE_BATCHES, FIRE_EVENTS = 2000, 100_000  # fires are few: look far ahead
FIRES_AT_ONCE = 40  # one transaction: short enough that the first fire does not wait for the last
BATCHES, EVENTS = 50, 300  # a chattering panel costs one transaction per so many events

Transact = Callable[[Callable[[Page], Awaitable[None]]], Awaitable[Page]]


class Weighed(NamedTuple):
    """One event with what it means."""

    device: Device
    event: Event
    effect: Effect
    batch_id: int


class EventFeed:
    """Reads the event writers in two passes: fires first, then the rest."""

    def __init__(self, registry: Registry) -> None:
        self.fires = Feed("event", FIRES)
        self.others = Feed("event")
        self.reset_devices: set[int] = set()  # whose reading rules have to forget what stood
        self.bad_clocks: list[tuple[int, datetime]] = []  # whose clock ingest did not believe, and when
        self._registry = registry

    async def find_writers(self, conn: asyncpg.Connection) -> None:
        """Learn of new event writers."""
        await self.fires.find_writers(conn)
        await self.others.find_writers(conn)

    async def read_fires(self, conn: asyncpg.Connection, transact: Transact) -> list[datetime]:
        """Judge every fire and reset that is committed; return the receive times of the fires that opened alarms."""
        batches = await self.fires.next_batches(conn, FIRE_BATCHES, FIRE_EVENTS)
        if not batches:
            return []
        weighed = await self._weigh(conn, batches, fires=True)
        if len(weighed) > FIRES_AT_ONCE:
            end = weighed[FIRES_AT_ONCE - 1].batch_id
            batches = batches[: 1 + next(n for n, batch in enumerate(batches) if batch.id == end)]
            weighed = [item for item in weighed if item.batch_id in {batch.id for batch in batches}]

        async def judge(page: Page) -> None:
            for device, _, effect, _ in weighed:
                await judge_fire(page, device, effect)
            await self.fires.save(page.conn, batches)

        page = await transact(judge)
        self.fires.moved(batches)
        _count(weighed)
        opened = {(entry.alarm.device, entry.alarm.component) for entry in page.opened}
        return [
            event.received_at for device, event, _, _ in weighed if (device.profile.code, event.component) in opened
        ]

    async def read_others(self, conn: asyncpg.Connection, transact: Transact) -> bool:
        """Judge the next group of events that are no fires; True when there was one."""
        batches = await self.others.next_batches(conn, BATCHES, EVENTS)
        if not batches:
            return False
        weighed = await self._weigh(conn, batches, fires=False)

        async def judge(page: Page) -> None:
            await judge_events(page, weighed)
            await judge_unreadable(page, batches)
            await self.others.save(page.conn, batches)

        await transact(judge)
        self.others.moved(batches)
        _count(weighed)
        self.reset_devices |= {item.device.id for item in weighed if item.effect.reset is not None}
        return True

    async def _weigh(self, conn: asyncpg.Connection, batches: Sequence[Batch], *, fires: bool) -> list[Weighed]:
        spanned = span(batches)
        if spanned is None:
            return []
        types = FIRE_TYPES if fires else FIRE_TYPES[:2]
        rows = await conn.fetch(SQL["events"], *spanned, types, fires)
        await self._registry.load(conn, {row["device_id"] for row in rows})
        weighed: list[Weighed] = []
        for row in rows:
            device, event = self._registry[row["device_id"]], read_event(row)
            if row["device_ts"] is not None:
                self.bad_clocks.append((device.id, event.received_at))
            weighed.append(Weighed(device, event, weigh_event(event, device.profile), row["batch_id"]))
        return weighed


def read_event(row: asyncpg.Record) -> Event:
    """Make an event of a row of the table `event`."""
    return Event(
        type=row["type"],
        ts=row["ts"],
        received_at=row["received_at"],
        active=row["active"],
        component=row["component"],
        zone=row["zone"] or None,
        system_type=row["system_type"],
        component_type=row["component_type"],
        description=row["description"],
        event_id=row["event_id"],
    )


async def judge_fire(page: Page, device: Device, effect: Effect) -> None:
    """Take the fires of the device's site on by what an event of the first pass means."""
    scope = device.place.scope
    if effect.finding is not None and effect.finding.code == FIRE:
        await page.load_scope(scope, [device.id])
        await page.take_fire(scope, effect.finding, "event", device.place)
    if effect.reset is not None:
        site = await page.load_scope(scope, [device.id])
        if any(key.device == device.profile.code for key in site.alarms):
            await page.take_fire(scope, effect.reset, "event", device.place)


async def judge_events(page: Page, weighed: Sequence[Weighed]) -> None:
    """Take the alarms on by what the events of the second pass mean, in their order."""
    keys = [
        Key(device.place.subject, effect.finding.code, effect.finding.component)
        for device, _, effect, _ in weighed
        if effect.finding is not None and effect.finding.code != FIRE
    ]
    await page.load(keys)
    reset_devices = {device.id for device, _, effect, _ in weighed if effect.reset is not None}
    if reset_devices:
        await page.load_devices(reset_devices)
    scopes = sorted({device.place.scope for device, _, effect, _ in weighed if effect.evidence is not None})
    rows = await page.conn.fetch(SQL["open_fire_scopes"], scopes) if scopes else []
    burning = {row["scope"] for row in rows}
    for device, _, effect, _ in weighed:
        if effect.finding is not None and effect.finding.code != FIRE:
            finding = effect.finding
            place = device.place
            situation = Situation(out_of_service_until=place.out_of_service_until)
            page.take(Key(place.subject, finding.code, finding.component), finding, "event", place, situation)
        if effect.reset is not None:
            _reset(page, device, effect.reset)
        if effect.evidence is not None and _tells(effect.evidence, burning=device.place.scope in burning):
            await page.load_scope(device.place.scope)
            await page.take_fire(device.place.scope, effect.evidence, "event", device.place)


def _tells(evidence: Evidence, *, burning: bool) -> bool:
    """Whether the site's row must learn of it: a note only says something about a fire that is open."""
    return burning or evidence.kind is not EvidenceKind.NOTE


def _reset(page: Page, device: Device, reset: Reset) -> None:
    for entry in [entry for key, entry in page.open.items() if key.subject == device.place.subject]:
        if entry.key.code != FIRE:
            page.take_entry(entry, reset, "event")


def _count(weighed: Sequence[Weighed]) -> None:
    for _, _, effect, _ in weighed:
        if effect.finding is not None:
            FINDINGS.labels(effect.finding.code).inc()
