"""From committed events to alarms. Fires (and resets, which end them) are read ahead of everything else.

Called by the bench. Promises one transaction per group of batches: alarms, notices and cursor together; an event that
cannot be judged is set aside and holds up nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.fire_queue import FireQueue
from services.alerts.fires import FireJudge, ParametersOf
from services.alerts.others import Ended, Said, judge_others, key_of
from services.alerts.refused_events import find_refused, judge_refused, name_refused
from services.alerts.registry import Device, Registry
from services.alerts.rules.events import weigh_event
from services.alerts.rules.model import Effect, Event
from services.alerts.surplus import FullDevice
from services.core.alarms.ledger.page import Page
from services.core.alarms.life.components import is_named, same_component
from services.core.alarms.life.happenings import Finding
from services.core.aside import Unit, own_fault
from services.core.clock import Clock
from services.core.feed import Batch, Feed, span
from services.core.metrics import FINDINGS
from services.core.statements import load_queries
from services.core.words import FIRE

SQL = load_queries(__file__)
FIRES = " fires"  # ends the name of the second cursor of an event writer: fires are read ahead of everything else
FIRE_TYPES = ["fire", "manual_alarm", "reset"]
RESET = FIRE_TYPES[2]
FIRE_BATCHES, FIRE_EVENTS = 2000, 4000  # fires are few: read far ahead, but not so far that a fire has to wait for it
FIRES_WAITING = 100_000  # the bound on reading ahead when there are many fires
COUNTED_AT_ONCE = 4000  # fires of a flooding device that are only counted
FIRES_AT_ONCE = 40  # fires in one transaction: few enough that the first does not wait for the last
BATCHES, EVENTS = 50, 150  # events in one transaction of a chattering panel; a fire may wait for one
# How much higher the number of a reset may be than that of what it overtook (and at most twice that number). What
# is further apart is of two counts: a device that starts again counts from 0, perhaps with its clock of before. What is
# over ten minutes late is told by its time, so this need not be more than a panel says in minutes.
ONE_COUNT = 100
ABOUT_S = 60.0  # how much less than its clock is behind an event may be late: as much as ingest allows for

KIND = "event"  # of what is set aside
BadClock = tuple[int, datetime]  # a device, and when an event came whose time ingest replaced


class Weighed(NamedTuple):
    """One event with what it means."""

    device: Device
    event: Event
    effect: Effect
    batch_id: int

    @property
    def sender(self) -> str:
        """The device that it came from."""
        return self.device.profile.code


class EventFeed:
    """Reads the event writers in two passes: fires first, then the rest."""

    def __init__(self, registry: Registry, parameters_of: ParametersOf, clock: Clock) -> None:
        self.fires = Feed("event", FIRES)
        self.others = Feed("event")
        self.waiting: FireQueue[Weighed] = FireQueue()
        self.reset: Ended = set()  # device and code (None: all) whose rules must forget their state
        self._full: dict[str, FullDevice] = {}  # devices that had surplus fires at the last check
        self.bad_clocks: list[BadClock] = []  # devices whose clock ingest did not believe, and when
        self._registry = registry
        self._parameters_of = parameters_of
        self._clock = clock

    async def find_writers(self, conn: asyncpg.Connection) -> None:
        """Learn of new event writers."""
        await self.fires.find_writers(conn)
        await self.others.find_writers(conn)

    async def read_fires(self, border: Border) -> list[datetime]:
        """Judge the next group of committed fires and resets; return when the fires that opened alarms were received.

        After a crash during a flood some are judged again, as repeats: the cursor is at the oldest that waits.
        """
        if len(self.waiting) < FIRES_WAITING:
            batches = await self.fires.next_batches(border.conn, FIRE_BATCHES, FIRE_EVENTS)
            weighed, bad_clocks = await self._weigh(border, batches, fires=True)
            self.waiting.add(batches, weighed)
            self.fires.moved(batches)
            self.bad_clocks += bad_clocks
        now = self._clock.now()
        group = self.waiting.next_group(FIRES_AT_ONCE, partial(self._surely_counts, now), COUNTED_AT_ONCE)
        over = self.waiting.finish(group)
        if not group and not over:
            return []

        async def judge(page: Page, some: Sequence[Weighed]) -> None:
            fires = await self._judge_fires(page, some)
            self._full = {code: full for code, full in self._full.items() if code not in fires.senders} | fires.full

        async def save(page: Page) -> None:
            await self.fires.save(page.conn, over)

        begun = self._clock.monotonic()
        try:
            pages = await border.settle(group, judge, _unit, save, self._bare)
        except Exception:
            self.waiting.put_back(group, over)  # not even its failure could be kept
            raise
        self.waiting.note_time(self._clock.monotonic() - begun)
        _count(group)
        opened = {entry.key for page in pages for entry in page.opened}
        return [
            event.received_at
            for device, event, effect, _ in group
            if effect.finding is not None and key_of(device, effect.finding) in opened
        ]

    async def read_others(self, border: Border) -> bool:
        """Judge the next group of events that are no fires; True when there was one."""
        batches = await self.others.next_batches(border.conn, BATCHES, EVENTS)
        if not batches:
            return False
        weighed, bad_clocks = await self._weigh(border, batches, fires=False)
        refused = await find_refused(border.conn, batches)
        reset: Ended = set()

        async def judge(page: Page, some: Sequence[Weighed | Finding]) -> None:
            reset.update(await self._judge_others(page, [item for item in some if isinstance(item, Weighed)]))
            await judge_refused(page, [item for item in some if isinstance(item, Finding)])

        async def save(page: Page) -> None:
            await self.others.save(page.conn, batches)

        items: list[Weighed | Finding] = [*weighed, *refused]
        await border.settle(items, judge, _unit, save)
        self.others.moved(batches)
        self.bad_clocks += bad_clocks
        _count(weighed)
        self.reset |= reset
        return True

    async def judge_again(self, border: Border, detail: Mapping[str, Any]) -> None:
        """Judge an event that was set aside once more, because a person asked for it."""
        rows = await border.conn.fetch(
            SQL["event_again"], detail["batch_id"], datetime.fromisoformat(detail["ts"]), detail["digest"]
        )
        weighed = [await self._weigh_rows(border, rows, fires=fires) for fires in (True, False)]

        async def judge(page: Page, some: Sequence[tuple[Weighed, ...]]) -> None:
            await self._judge_fires(page, [one for one, _ in some if one.event.type in FIRE_TYPES])
            self.reset |= await self._judge_others(
                page, [one for _, one in some if one.event.type not in FIRE_TYPES[:2]]
            )

        await border.settle(list(zip(*weighed, strict=True)), judge, lambda both: _unit(both[0]))

    async def _judge_fires(self, page: Page, some: Sequence[Weighed]) -> FireJudge:
        fires = FireJudge(page, self._parameters_of)
        for device, event, effect, _ in some:
            await fires.judge(device, effect, event.received_at)
        await fires.note()
        return fires

    async def _judge_others(self, page: Page, some: Sequence[Weighed]) -> Ended:
        return await judge_others(page, [Said(one.device, one.effect) for one in some], self._parameters_of)

    def _bare(self, item: Weighed) -> Weighed | None:
        """Reduce a fire that cannot be judged in full to its device and component, as of now."""
        event, now = item.event, self._clock.now()
        if event.type not in FIRE_TYPES[:2] or not event.active:
            return None
        plain = Event(
            type=event.type, ts=now, received_at=now, active=True, component=event.component, zone=None,
            system_type=None, component_type=None, description="", event_id=event.event_id, digest=event.digest,
        )  # fmt: skip
        return item._replace(event=plain, effect=weigh_event(plain, item.device.profile))

    def _surely_counts(self, now: datetime, item: Weighed) -> bool:
        full = self._full.get(item.sender)
        return full is not None and full.surely_counts(item.effect.finding, now)

    async def _weigh(
        self, border: Border, batches: Sequence[Batch], *, fires: bool
    ) -> tuple[list[Weighed], list[BadClock]]:
        """Return the events with what they mean, and the wrong clocks they show: counted once they are read."""
        spanned = span(batches)
        if spanned is None:
            return [], []
        types = FIRE_TYPES if fires else FIRE_TYPES[:2]
        rows = await border.conn.fetch(SQL["events"], *spanned, types, fires, ONE_COUNT)
        weighed = await self._weigh_rows(border, rows, fires=fires)
        # a reset is read in both passes and counts in the first
        bad = [row for row in rows if row["device_ts"] is not None and (fires or row["type"] != RESET)]
        return weighed, [(row["device_id"], row["received_at"]) for row in bad]

    async def _weigh_rows(self, border: Border, rows: Sequence[asyncpg.Record], *, fires: bool) -> list[Weighed]:
        await self._registry.load(border.conn, {row["device_id"] for row in rows})
        weighed: list[Weighed] = []
        for row in rows:
            device, event = self._registry[row["device_id"]], read_event(row)
            try:
                meant = event if fires else judged_at(event, row["clock_behind_s"])
                effect = weigh_event(meant, device.profile)
                if _was_reset(effect.finding, row):
                    effect = effect._replace(finding=None)
                weighed.append(Weighed(device, event, effect, row["batch_id"]))
            except Exception as error:
                if not own_fault(error):
                    raise
                await border.asides.add(border.conn, name_event(device, event, row["batch_id"]), error)
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
        digest=row["digest"],
    )


def judged_at(event: Event, behind_s: float | None) -> Event:
    """Return the event with the time it is judged by: its device's, put right where that clock is known to be behind.

    So it meets what the device's readings raise and end, which are judged by the receive time then (contract 8), and
    one that was held back is as old as it is. A clock so far behind would make no event younger than `behind_s`: one
    that is has the right time. Fires, and what ends them, keep the device's time: an end of before must not be taken
    for one of now.
    """
    right = _put_right(event.ts, event.received_at, behind_s)
    return event if right == event.ts else replace(event, ts=min(event.received_at, right))


def _put_right(ts: datetime, received_at: datetime, behind_s: float | None) -> datetime:
    """Return the time of an event with its device's clock put right."""
    if behind_s is None or (received_at - ts).total_seconds() < behind_s - ABOUT_S:
        return ts
    return ts + timedelta(seconds=behind_s)


def _was_reset(finding: Finding | None, row: asyncpg.Record) -> bool:
    """Whether a condition began before a reset that is judged already, and so is over.

    One that comes late is of before by its own time alone, as in `conditions.py`; else a clock that was put right would
    hide what came after.
    """
    if finding is None or not finding.active or finding.code == FIRE or finding.ts is None or not row["reset_ts"]:
        return False
    columns = ("reset_ts", "reset_received_at", "reset_component", "reset_came_after", "reset_counts_on")
    for ts, received_at, component, came_after, counts_on in zip(*(row[column] for column in columns), strict=True):
        if is_named(component) and not same_component(component, finding.component):
            continue
        reset_at = _put_right(ts, received_at, row["clock_behind_s"])
        if came_after or (counts_on and finding.ts <= reset_at) or (finding.late_min > 0 and finding.ts < reset_at):
            return True
    return False


def name_event(device: Device, event: Event, batch_id: int) -> Unit:
    """Return an event as a unit of work, with the key of its row."""
    return Unit(
        KIND,
        f"{device.profile.code} {event.event_id} {event.digest.hex()[:12]}",
        device.profile.area,
        fire=event.type in FIRE_TYPES[:2],
        detail={
            "device": device.profile.code,
            "type": event.type,
            "component": event.component,
            "received_at": event.received_at.isoformat(),
            "batch_id": batch_id,
            "ts": event.ts.isoformat(),
            "digest": event.digest.hex(),
        },
    )


def _unit(item: Weighed | Finding) -> Unit:
    if isinstance(item, Finding):
        return name_refused(item)
    return name_event(item.device, item.event, item.batch_id)


def _count(weighed: Sequence[Weighed]) -> None:
    for _, _, effect, _ in weighed:
        if effect.finding is not None:
            FINDINGS.labels(effect.finding.code).inc()
