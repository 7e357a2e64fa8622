"""The bench: one connection, one transaction at a time, fires before everything else. Started by main.

Promises that event writers are read before every slice of telemetry, that every transaction is fenced, and that a unit
of work that fails by itself holds up no other.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import clocks, events, incidents
from services.alerts.border import Border
from services.alerts.deliver import CALL
from services.alerts.early.alarms import EarlyAlarms
from services.alerts.events import EventFeed
from services.alerts.flooding import Flooding
from services.alerts.health import Health
from services.alerts.moves import follow_devices
from services.alerts.policy_faults import KIND as POLICY
from services.alerts.policy_faults import tell_faults
from services.alerts.readings import FINDING, LOOK_UP_S, Breath, ReadingFeed
from services.alerts.registry import Registry
from services.alerts.rule_states import RuleStates
from services.alerts.silence import Silence
from services.alerts.switched_off import SwitchedOff
from services.alerts.time_ends import TimeEnds
from services.alerts.unreadable import Unreadable
from services.core import lease
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import Policies, load_policies
from services.core.aside import MORE, Asides, Unit
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.metrics import ALARMS_RAISED, FEED_LAG, RECEIVED_TO_OPEN
from services.core.statements import load_queries

SQL = load_queries(__file__)
LEASE = "alerts"
POLL_S = 0.05  # the fallback when no hint comes
CLOCKS_S, DUTIES_S = 0.2, 1.0  # how often clocks and other timed work are checked
HOLD_S = 0.8  # the lease lasts 3 s
LOCKED_MS = 500
FIRES_AGAIN = timedelta(seconds=1)
AWAY = timedelta(days=3)  # so long people may have acted while no alerts was there, and a sleepy device be silent since
SEEN_LATE = timedelta(minutes=2)  # between the clock of the API as an act begins, and ours when its commit is seen
TRIED_ONCE = ("refused_event", POLICY, CALL)  # kinds that are tried again without a person, or never
log = logger(__name__)


@dataclass(slots=True)
class Bench:
    """Everything that judges, on one connection."""

    conn: asyncpg.Connection
    owner: UUID
    clock: Clock
    policies: Policies
    health: Health
    announce: Callable[[], None]  # called after a commit that made notices
    asides: Asides
    hint: asyncio.Event = field(default_factory=asyncio.Event)
    registry: Registry = field(default_factory=Registry)
    events: EventFeed = field(init=False)
    states: RuleStates = field(init=False)
    readings: ReadingFeed = field(init=False)
    silence: Silence = field(init=False)
    early: EarlyAlarms = field(init=False)
    border: Border = field(init=False)
    unreadable: Unreadable = field(init=False)
    flooding: Flooding = field(init=False)
    switched_off: SwitchedOff = field(init=False)
    time_ends: TimeEnds = field(init=False)
    _clocks_at: float = 0.0
    _duties_at: float = 0.0
    _due: deque[tuple[str, Callable[[], Awaitable[object]]]] = field(default_factory=deque)
    _held_at: float = 0.0
    _looking: bool = False
    _outdated: bool = False
    _acted: bool = False
    _started: bool = True
    _forgotten: dict[tuple[int, str], datetime] = field(default_factory=dict)  # what people ended lately, and when
    _closed_since: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.states = RuleStates(self.registry)
        self.events = EventFeed(self.registry, self.states.parameters, self.clock)
        self.readings = ReadingFeed(self.registry, self.states, self.clock)
        self.silence = Silence(self.registry, self.states)
        self.early = EarlyAlarms(self.registry)
        self.border = Border(self.conn, self.asides, self.transact, self._look_between)
        self.unreadable = Unreadable(self.registry, self.states)
        self.flooding = Flooding(self.registry, self.states)
        self.switched_off = SwitchedOff(self.registry, self.states, self.clock)
        breath = partial(Breath, self.clock, self.look_up)
        self.time_ends = TimeEnds(self.registry, self.states, self.readings, self.events, self.clock, breath)
        self._closed_since = self.clock.now() - AWAY

    async def run(self) -> None:
        """Judge without end. A lost database ends the program; a standby or the next start goes on."""
        # a cursor that a power cut sets back only means reading again; what changes an alarm is synced to disk
        await self.conn.execute("set synchronous_commit = off")
        # a forgotten transaction on an alarm may hold up that alarm, not the county
        await self.conn.execute(f"set lock_timeout = '{LOCKED_MS}ms'")
        while True:
            hinted = self.hint.is_set()
            self.hint.clear()
            stage = self.border.stage
            if self._outdated:
                await stage("registry", self._refresh)
            if hinted:  # the first event of a new partition must not wait for the next second
                await stage("writers", partial(self.events.fires.find_writers, self.conn), FIRES_AGAIN)
            await self.look_at_fires()
            busy = await stage("events", partial(self.events.read_others, self.border)) or bool(self.events.waiting)
            busy = await self._look_at_time() or busy
            if self._acted or self.events.reset:
                await stage("forget", self._forget_what_people_ended)
            busy = await stage("readings", self._read_slice) or busy
            busy = await stage("early", partial(self.early.judge_waiting, self.border)) or busy
            if not busy:
                await wait_at_most(self.hint, POLL_S)

    def note_change(self) -> None:
        """Note that a person changed the registry or a rule: the change is read before anything else is judged."""
        self._outdated = True
        self.hint.set()

    def note_act(self, server_pid: int) -> None:
        """Note that an alarm changed. If a person ended it, the condition may be raised again at once."""
        if server_pid != self.conn.get_server_pid():
            self._acted = True
            self.hint.set()

    async def transact(self, work: Callable[[Page], Awaitable[None]]) -> Page:
        """Run `work` on a fresh page in one fenced transaction, write the page, count what was opened."""
        begun = self.clock.monotonic()
        async with self.conn.transaction():
            await lease.hold(self.conn, LEASE, self.owner)
            self.policies = await load_policies(self.conn)  # a drill counts from the answer that began it
            page = Page(self.conn, self.clock.now(), self.policies)
            await work(page)
            await page.write()
            if page.changed:
                await self.conn.execute("set local synchronous_commit = on")
            if self.clock.monotonic() - begun > HOLD_S:  # a standby waiting for the row would find it expired
                await lease.hold(self.conn, LEASE, self.owner)
        self._held_at = self.clock.monotonic()
        for entry in page.opened:
            ALARMS_RAISED.labels(entry.alarm.category, entry.alarm.severity).inc()
            log.info("alarm_opened", alarm_id=entry.id, code=entry.key.code, subject=entry.key.subject)
        if page.told:
            self.announce()
        return page

    async def look_at_fires(self) -> None:
        """Judge the fires that are committed. If reading them fails, it is tried again within a second."""
        self._looking = True
        await self.border.stage("fires", self._read_fires, FIRES_AGAIN)
        self._looking = False

    async def _read_fires(self) -> None:
        for received_at in await self.events.read_fires(self.border):
            RECEIVED_TO_OPEN.observe(max(0.0, (self.clock.now() - received_at).total_seconds()))

    async def _look_between(self) -> None:
        """While a group is split: keep the lease, and let no fire wait for the rest of the group."""
        if self.clock.monotonic() - self._held_at > HOLD_S:
            await self.transact(_hold_only)
        if not self._looking:
            await self.look_at_fires()

    async def look_up(self) -> None:
        """In the middle of telemetry: judge fires, and keep the lease during a long slice."""
        await self.look_at_fires()
        if self.clock.monotonic() - self._held_at > HOLD_S:
            await self.transact(_hold_only)

    async def _read_slice(self) -> bool:
        return await self.readings.read_slice(self.border, self._take_over_news, self.look_up)

    async def _look_at_time(self) -> bool:
        """Do what is due by the clock: alarms' own timers often, the rest every second; True when some is left."""
        monotonic = self.clock.monotonic()
        if monotonic - self._clocks_at >= CLOCKS_S:
            self._clocks_at = monotonic
            await self.border.stage("clocks", self._run_clocks, FIRES_AGAIN)
            if self.clock.monotonic() - self._held_at > HOLD_S:
                await self.transact(_hold_only)
        if not self._due and monotonic - self._duties_at >= DUTIES_S:
            self._duties_at = monotonic
            self._due.extend(self._duties())
        return await self._run_some_duties()

    async def _run_clocks(self) -> None:
        now = self.clock.now()
        if await clocks.is_due(self.conn, now):
            await clocks.tick(self.border, now)
            await clocks.call_contacts(self.border, now)

    def _duties(self) -> list[tuple[str, Callable[[], Awaitable[object]]]]:
        duties: dict[str, Callable[[], Awaitable[object]]] = {
            "retries": self._try_again,
            "registry": self._refresh,
            "silence": lambda: self.silence.watch(self.border, self.clock.now()),
            "unreadable": lambda: self.unreadable.watch(self.border, self.clock.now()),
            "flooding": lambda: self.flooding.watch(self.border, self.clock.now()),
            "switched off": lambda: self.switched_off.watch(self.border),
            "windows": lambda: clocks.move_windows(self.border, self.clock.now()),
            "moves": lambda: follow_devices(self.border),
            "parents": self._end_parents,
            "policies": lambda: tell_faults(self.border, self.policies),
            "health": lambda: self.health.watch(self.border),
            "ticks": lambda: self.time_ends.let_end(self.border),
            "forget": self._forget_what_people_ended,
        }
        return list(duties.items())

    async def _run_some_duties(self) -> bool:
        """Run duties for 20 ms; readings go on between: on a busy machine all of them together take half a second."""
        begun = self.clock.monotonic()
        while self._due and self.clock.monotonic() - begun < LOOK_UP_S:
            name, work = self._due.popleft()
            await self.border.stage(name, work)
        return bool(self._due)

    async def _end_parents(self) -> None:
        for area in await incidents.end_parents(self.border):
            self.readings.mains.forget(area)

    async def _try_again(self) -> None:
        """Read what is set aside; try again what a person asked for, and events and findings whose next try is due.

        Where one waits for somebody's lock, the others are tried in a second: clocks and readings stand meanwhile.
        """
        begun = self.clock.monotonic()
        for row in await self.border.asides.refresh(self.conn, (events.KIND, FINDING)):
            await self.border.alone(
                Unit(*row.values()), partial(self._try_one, row["kind"], row["name"], row["detail"])
            )
            if self.clock.monotonic() - begun > LOOK_UP_S:
                return

    async def _try_one(self, kind: str, name: str, detail: dict[str, Any]) -> None:
        if name == MORE:  # many in one line: its detail is the newest's, which is listed anew should it fail again
            await self.border.asides.over(self.conn, kind, name)
        if kind == events.KIND:
            await self.events.judge_again(self.border, detail)
        elif kind == FINDING:
            await self.readings.judge_again(self.border, name, detail)
        if kind in TRIED_ONCE:  # everything else is tried at its next turn and then removed from the list
            await self.border.asides.over(self.conn, kind, name)

    async def _refresh(self) -> None:
        """Read what people changed in registry and parameters, and find new writers."""
        self._outdated = False
        now = self.clock.now()
        changed = await self.registry.refresh(self.conn)
        self._outdated = self.registry.behind
        await self.states.refresh(self.conn, changed, now)
        await self.events.find_writers(self.conn)
        await self.readings.feed.find_writers(self.conn)
        FEED_LAG.labels("event").set(await self.events.others.lag_s(self.conn, now))
        FEED_LAG.labels("telemetry").set(await self.readings.feed.lag_s(self.conn, now))

    async def _take_over_news(self) -> None:
        """Read what people changed before these readings came, even if the notification is still under way."""
        if not self.registry.behind and await self.conn.fetchval(
            SQL["has_news"], self.registry.newest, self.states.newest_override
        ):
            await self._refresh()

    async def _forget_what_people_ended(self) -> None:
        """Let the next readings raise again what a person cleared or a reset ended."""
        self._acted = False
        now = self.clock.now()
        rows = await self.conn.fetch(SQL["closed_by_people"], self._closed_since)
        if self._started:  # what a reset ended is known from the event itself, unless we ended right after it
            rows += await self.conn.fetch(SQL["ended_by_resets"], self._closed_since)
            self._started = False
        self._closed_since = now - SEEN_LATE
        closed = {(row["device_id"], row["code"]): row["at"] for row in rows}
        ended: list[tuple[int, str | None]] = [key for key, at in closed.items() if self._forgotten.get(key) != at]
        self._forgotten = {key: at for key, at in (self._forgotten | closed).items() if at > self._closed_since}
        ended += self.events.reset
        self.events.reset.clear()
        monotonic = self.clock.monotonic()
        for device_id, code in ended:
            self.states.forget(device_id, code, monotonic)
        await self.readings.drop_kept(self.border, ended)
        if ended:
            await self.transact(partial(self._save_states, {device_id for device_id, _ in ended}))

    async def _save_states(self, device_ids: set[int], page: Page) -> None:
        await self.states.save(page.conn, device_ids, page.now)


async def _hold_only(_page: Page) -> None:
    """Renew the lease in a transaction that does nothing else."""
