"""One page of the ledger: the alarms that one transaction touches, locked, stepped in memory, written at the end.

Used by the ledger (people) and by alerts (findings, clocks), inside a transaction of the caller's.
Promises that alarm, transition, hash chain, notice and subscribers' events are written together or not at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.core.alarms.fires import site
from services.core.alarms.fires.site import FireAct, FireHappening, SiteFires
from services.core.alarms.ledger.lines import came_in_drill, next_line, remember_actor
from services.core.alarms.ledger.news import alarm_events
from services.core.alarms.ledger.notice_bodies import Draft, insert_notices
from services.core.alarms.ledger.numbers import Numbers
from services.core.alarms.ledger.record import evidence_to_json
from services.core.alarms.ledger.rows import Entry, Incident, Key, Place, insert_values, read_entry, update_values
from services.core.alarms.ledger.site_fires import Scope, key_of, lock_fires, read_scope, reports_of
from services.core.alarms.life.calling import steps_begin
from services.core.alarms.life.happenings import Happening, Parted, SiteWindow, Situation
from services.core.alarms.life.lifecycle import PLAIN, step
from services.core.alarms.life.model import Alarm, OutcomeKind, Step
from services.core.alarms.policies import Policies
from services.core.city.cloudevent import Event
from services.core.city.outbox import write_events
from services.core.statements import load_queries
from services.core.words import FIRE, Reason

SQL = load_queries(__file__)
ANNOUNCE = SQL["announce"]
SILENT = frozenset({OutcomeKind.UNCHANGED, OutcomeKind.IGNORED, OutcomeKind.REFUSED})


@dataclass(slots=True)
class Page:
    """The alarms of one transaction."""

    conn: asyncpg.Connection
    now: datetime
    policies: Policies
    open: dict[Key, Entry] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    opened: list[Entry] = field(default_factory=list)
    _lines: list[tuple[Any, ...]] = field(default_factory=list)
    _drafts: list[Draft] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _scopes: dict[str, Scope] = field(default_factory=dict)
    _incidents: dict[int, Incident] = field(default_factory=dict)
    _touched: set[int] = field(default_factory=set)
    _known: dict[int, Entry] = field(default_factory=dict)
    _numbers: Numbers = field(init=False)
    _timed: set[int] = field(default_factory=set)
    _closed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = Numbers(self.conn)

    @property
    def told(self) -> bool:
        """Whether this page makes notices due."""
        return bool(self._drafts)

    @property
    def changed(self) -> bool:
        """Whether this page changes any alarm."""
        return any(entry.changed for entry in self.entries)

    # --- load ---

    async def load(self, keys: Iterable[Key]) -> None:
        """Lock the open alarms of `keys`; those that do not exist yet are claimed, so that nobody else opens them."""
        asked = set(keys)
        wanted = sorted(asked - self.open.keys())
        await self._numbers.for_keys(asked)
        if not wanted:
            return
        await self._lock_open(wanted)
        missing = [key for key in wanted if key not in self.open]
        if missing:
            await self.conn.execute(SQL["claim_keys"], ["\x1f".join(key) for key in missing])
            await self._lock_open(missing)

    async def load_devices(self, device_ids: Iterable[int]) -> list[Entry]:
        """Lock every open alarm of these devices except their fires, and return them."""
        rows = await self.conn.fetch(SQL["lock_of_device"], sorted(set(device_ids)))
        return [self._admit(row) for row in rows]

    async def load_one(self, alarm_id: int) -> Entry | None:
        """Lock one alarm, open or closed."""
        row = await self.conn.fetchrow(SQL["lock_one"], alarm_id)
        return None if row is None else self._admit(row)

    async def load_scope(self, scope: str, device_ids: Sequence[int] = ()) -> SiteFires:
        """Lock the fires of a site (or lone device), and tell them about a test window that was set meanwhile.

        `device_ids`: whose fires belong to it wherever they were judged so far. Only the first call for a scope counts.
        """
        known = self._scopes.get(scope)
        if known is not None:
            return known.site
        await self.conn.execute(SQL["add_scope"], scope)
        row = await self.conn.fetchrow(SQL["lock_scope"], scope)
        if row is None:
            raise LookupError(f"the lock row of {scope} vanished")
        entries: list[Entry] = []
        fires, parted = await lock_fires(self.conn, scope, device_ids)
        for found in fires:
            entry = self._admit(found)
            if not entry.alarm.open:
                continue
            if found["scope"] != scope:
                self._bring(entry, found)
            if entry.scope == scope or found["scope"] != scope:  # or else it has left for another one on this page
                entries.append(entry)
        moved = [found for found in fires if found["scope"] != scope]
        reports = await reports_of(self.conn, moved, self._scopes)
        self._scopes[scope] = read_scope(scope, row, entries, reports)
        if moved or row["window_until"] != row["test_until"]:  # a fire leaves the window of the site that it leaves
            await self.take_fire(scope, SiteWindow(row["window_until"]), "clock", None)
        if parted:  # and it leaves who speaks for it there
            await self.take_fire(scope, Parted(parted), "clock", None)
        return self._scopes[scope].site

    # --- step ---

    def take(self, key: Key, happening: Happening, actor: str, place: Place, situation: Situation = PLAIN) -> Step:
        """Take the alarm of `key` (not a fire) one step on. The key must have been loaded."""
        entry = self.open.get(key)
        before = None if entry is None else entry.alarm
        done = step(before, happening, self.now, self.policies.alarm, situation)
        if done.alarm is None:
            return done
        self._note(entry, key, done, happening, actor=actor, place=place, scope=None)
        return done

    def take_entry(self, entry: Entry, happening: Happening, actor: str) -> Step:
        """Take a loaded alarm (not a fire) one step on."""
        done = step(entry.alarm, happening, self.now, self.policies.alarm, PLAIN)
        self._note(entry, entry.key, done, happening, actor=actor, place=None, scope=None)
        return done

    async def take_fire(
        self, scope: str, happening: FireHappening, actor: str, place: Place | None
    ) -> tuple[Step, ...]:
        """Take the fires of a loaded scope one step on. `place` is the place of a fire that opens now."""
        held = self._scopes[scope]
        await self._numbers.for_fires(len({alarm.incident_id for alarm in held.site.alarms.values()}))
        done = site.apply(held.site, happening, self.now, self.policies.alarm, self._numbers.of_incident)
        held.site = done.site
        known = {entry.alarm.id: key for key, entry in held.entries.items() if entry.alarm.id is not None}
        for taken in done.steps:
            if taken.alarm is None:
                continue
            fire_key = key_of(taken.alarm, known)
            entry = held.entries.get(fire_key)
            if entry is not None and not entry.alarm.open and taken.alarm.open:
                entry = None
            subject = entry.key.subject if entry is not None else (place.subject if place is not None else "")
            key = Key(subject, FIRE, fire_key.component)
            shown: FireHappening | Happening = happening
            if isinstance(happening, FireAct) and fire_key == happening.key and taken is done.steps[0]:
                shown = happening.act  # what follows from it for this fire and the others is no act of the person's
            held.entries[fire_key] = self._note(entry, key, taken, shown, actor=actor, place=place, scope=scope)
        return done.steps

    async def begin_incident(self, kind: str, cause: str, title: Reason, area: str) -> int:
        """Begin an incident that alarms of this page belong to; return its number."""
        number = await self._numbers.one_incident()
        self._incidents[number] = Incident(number, kind, cause, title, area, None)
        return number

    # --- write ---

    async def write(self) -> None:
        """Write everything that changed, in the order that the foreign keys need."""
        changed = [entry for entry in self.entries if entry.changed]
        if self._incidents:
            values = [
                (i.number, i.kind, i.cause, i.title.zh, i.title.en, i.area, i.site_id, self.now)
                for i in self._incidents.values()
            ]
            await self.conn.executemany(SQL["insert_incident"], values)
        old = [update_values(entry, self.now) for entry in changed if not entry.new]
        new = [insert_values(entry, self.now) for entry in changed if entry.new]
        if old:
            await self.conn.executemany(SQL["update_alarm"], old)
        if new:
            await self.conn.executemany(SQL["insert_alarm"], new)
        if self._lines:
            await self.conn.executemany(SQL["insert_transition"], self._lines)
        if self._touched:
            await self.conn.execute(SQL["lock_incidents"], sorted(self._touched))
            await self.conn.execute(SQL["touch_incidents"], sorted(self._touched), self.now)
        await self._write_timers()
        if self._drafts:
            evidence = {name: held.site.evidence for name, held in self._scopes.items()}
            await insert_notices(self.conn, self._drafts, evidence, self.now)
        await write_events(self.conn, self._events)
        for scope, held in self._scopes.items():
            if held.changed:
                evidence_json = evidence_to_json(held.site.evidence)
                await self.conn.execute(SQL["save_scope"], scope, evidence_json, held.site.test_until, self.now)
        if changed:
            await self.conn.execute(ANNOUNCE)

    async def _write_timers(self) -> None:
        hold = timedelta(seconds=self.policies.alarm.flap_hold_s)
        timers = [
            (entry.id, line.number, self.now + timedelta(seconds=line.after_s), list(line.channels), line.until, hold)
            for entry in self.entries
            if entry.id in self._timed and entry.alarm.open
            for line in self.policies.escalation
            if line.matches(entry.alarm)
        ]
        if timers:
            await self.conn.executemany(SQL["add_timer"], timers)
        if self._closed:
            await self.conn.execute(SQL["withdraw_calls"], self._closed)

    # --- internals ---

    async def _lock_open(self, keys: Sequence[Key]) -> None:
        subjects, codes, components = zip(*keys, strict=True)
        for row in await self.conn.fetch(SQL["lock_open"], subjects, codes, components):
            self._admit(row)

    def _admit(self, row: asyncpg.Record) -> Entry:
        if (known := self._known.get(row["id"])) is not None:
            return known  # as this page has changed it
        entry = self._known[row["id"]] = read_entry(row)
        if entry.alarm.open:
            self.open[entry.key] = entry
        self.entries.append(entry)
        return entry

    def _bring(self, entry: Entry, found: asyncpg.Record) -> None:
        """Take a fire away from where it was judged so far, to where its device is now."""
        if (left := self._scopes.get(entry.scope or "")) is not None:
            left.lose(entry)
        entry.alarm = replace(entry.alarm, area=found["device_area"])
        entry.site_id = found["device_site"]
        entry.changed = True  # its scope is written

    def _note(
        self,
        entry: Entry | None,
        key: Key,
        done: Step,
        happening: FireHappening | Happening,
        *,
        actor: str,
        place: Place | None,
        scope: str | None,
    ) -> Entry:
        """Keep what a step made: the alarm, its line in the chain, its notices."""
        alarm = done.alarm
        if alarm is None:
            raise ValueError("a step without an alarm has nothing to keep")
        if entry is None:
            entry = self._open_entry(key, alarm, place, scope)
        before = entry.alarm if not entry.new or entry.transitions else None
        entry.changed = entry.changed or entry.new or alarm != before
        entry.alarm = alarm
        remember_actor(entry, happening)
        if done.outcome.kind is OutcomeKind.REOPENED:
            entry.drill = came_in_drill(entry, before, drilling=self.policies.alarm.drilling(self.now))
        if steps_begin(before, alarm):
            self._timed.add(entry.id)
        if done.outcome.kind not in SILENT or done.notices:
            line = next_line(entry, before, done, happening, actor=actor, now=self.now)
            self._lines.append(line)
            self._events.extend(alarm_events(entry, before, alarm, done.outcome.kind, self.now))
        self._drafts.extend(Draft(entry, alarm, notice) for notice in done.notices)
        if alarm.incident_id is not None:
            self._touched.add(int(alarm.incident_id))
            if before is not None and before.incident_id not in (None, alarm.incident_id):
                self._touched.add(int(before.incident_id or 0))
            self._begin_incident(int(alarm.incident_id), scope)
        if alarm.open:
            self.open[key] = entry
        else:
            self.open.pop(key, None)
            self._closed.append(entry.id)
        return entry

    def _begin_incident(self, number: int, scope: str | None) -> None:
        """Make the incident that the judgement of a site's fires has just named."""
        if scope is None or number not in self._numbers.issued or number in self._incidents:
            return
        held = self._scopes[scope]
        title = Reason(f"{held.name} 火警", f"Fire at {held.name}")
        self._incidents[number] = Incident(number, FIRE, scope, title, held.area, held.site_id)

    def _open_entry(self, key: Key, alarm: Alarm, place: Place | None, scope: str | None) -> Entry:
        if place is None:
            raise ValueError(f"nobody said where {key.code} is")
        entry = Entry(
            key=key,
            alarm=alarm,
            id=self._numbers.of_alarm(key),
            new=True,
            device_id=place.device_id,
            site_id=place.site_id,
            scope=scope,
            drill=self.policies.alarm.drilling(self.now),
        )
        self.entries.append(entry)
        self.opened.append(entry)
        return entry
