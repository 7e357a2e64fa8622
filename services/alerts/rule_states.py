"""The rules of every device with their state, in memory. Saved with the alarms they changed, else every few minutes.

Called by the readings feed. Promises that a restart goes on at the cursor: saved state plus what came since.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from services.alerts.registry import Device, Registry
from services.alerts.rules.model import Reading
from services.alerts.rules.walk import JUDGED, DeviceRules
from services.core.alarms.life.happenings import Finding
from services.core.aside import own_fault
from services.core.log import logger
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook, Parameters
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)
SAVE_AFTER_S = 300.0  # the most that a restart has to read again of a device
SAVE_AT_ONCE = 100
# After a start every device of a slice must be read first, and fires wait for one answer: that of a hundred devices
# which sent a few rows each since they were saved, or of one that sent thousands.
MOST_AT_ONCE, ROWS_AT_ONCE = 100, 2000
FRESH_WINDOW = timedelta(hours=1)  # how far back a device is read that was never saved
NO_BOUND = 2**62  # the first batch to be judged of a device of which no slice is at hand: it may be of any number
LONG_AGO = timedelta(days=8)  # who was saved before is read alone: together all chunks since would be read for each
log = logger(__name__)


class _Span(NamedTuple):
    """Devices that are read back together, each since when, and until when all."""

    since: Mapping[int, datetime]
    until: datetime


class RuleStates:
    """Rules by device id."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._rules: dict[int, DeviceRules] = {}
        self._seen: dict[int, int] = {}  # the newest batch a device's rules have seen
        self._dirty: dict[int, float] = {}  # since when (monotonic) a state differs from what is saved
        self._counted: set[int] = set()  # devices whose wrong clocks are counted in no saved state yet
        self._book = ParameterBook()
        self._book_until: datetime | None = None
        self._overrides: list[asyncpg.Record] = []
        self._ticking: list[int] = []
        self._ended: dict[int, set[str | None]] = {}  # what people ended of devices whose rules are not at hand yet
        self._outdated: set[int] = set()  # whose profile or parameters changed since their rules were made
        self._refreshed_at: datetime | None = None
        self._at_once = 10  # how many devices are loaded with one question: what they sent decides about the next

    def __contains__(self, device_id: int) -> bool:
        """Whether the rules of a device are at hand."""
        return device_id in self._rules

    async def load(
        self,
        conn: asyncpg.Connection,
        devices: Mapping[int, int],
        now: datetime,
        breathe: Callable[[], Awaitable[None]],
    ) -> None:
        """Load the rules of these devices; `devices` gives the first batch to be judged for each.

        `breathe` is called after each device, for what must not wait.
        """
        missing = [device_id for device_id in devices if device_id not in self._rules]
        while missing:
            some, missing = missing[: self._at_once], missing[self._at_once :]
            rows = await self._load_some(conn, {device_id: devices[device_id] for device_id in some}, now, breathe)
            self._at_once = max(1, min(MOST_AT_ONCE, ROWS_AT_ONCE * len(some) // max(rows, 1)))
            await breathe()

    async def _load_some(
        self,
        conn: asyncpg.Connection,
        devices: Mapping[int, int],
        now: datetime,
        breathe: Callable[[], Awaitable[None]],
    ) -> int:
        """Load those; how many rows that took."""
        saved = {row["device_id"]: row for row in await conn.fetch(SQL["saved_states"], sorted(devices))}
        for device_id in devices:
            device = self._registry[device_id]
            parameters = self._book.for_device(device.profile, now)
            row = saved.get(device_id)
            self._rules[device_id] = _make_rules(device, parameters, None if row is None else row["state"])
            self._seen[device_id] = 0 if row is None else row["batch_id"]
        heard = {row["device_id"]: row for row in await conn.fetch(SQL["heard"], sorted(devices))}
        rows = 0
        for kind in Kind:
            ids = [device_id for device_id in devices if self._registry[device_id].profile.kind == kind]
            if ids:
                since = {
                    i: (saved[i]["updated_at"] - timedelta(days=1) if i in saved else now - FRESH_WINDOW)
                    - (heard[i]["behind"] if i in heard else timedelta())
                    for i in ids
                }
                for span in _spans(since, heard, now):
                    rows += await self._catch_up(conn, kind, span, devices, breathe)
                    await breathe()  # many of them are one device each, of which nothing may have come
        await self.agree(conn, devices)
        for device_id in devices:
            for code in self._ended.pop(device_id, ()):
                self.forget(device_id, code, 0.0)
        return rows

    async def agree(self, conn: asyncpg.Connection, devices: Iterable[int]) -> None:
        """Let the rules of these devices, as far as they are at hand, know what stands by their alarms."""
        at_hand = [device_id for device_id in devices if device_id in self._rules]
        standing = await self._standing(conn, at_hand)
        for device_id in at_hand:
            self._rules[device_id].agree(standing.get(device_id, {}))

    @staticmethod
    async def _standing(conn: asyncpg.Connection, devices: Iterable[int]) -> dict[int, dict[str, str]]:
        """Return what stands of these devices by their alarms: the severity by each cause."""
        found: dict[int, dict[str, str]] = {}
        for row in await conn.fetch(SQL["standing"], [f"device:{device_id}" for device_id in devices], list(JUDGED)):
            causes = row["causes"] or JUDGED[row["code"]]
            found.setdefault(row["device_id"], {}).update(dict.fromkeys(causes, row["severity"]))
        return found

    async def _catch_up(
        self,
        conn: asyncpg.Connection,
        kind: str,
        span: _Span,
        first: Mapping[int, int],
        breathe: Callable[[], Awaitable[None]],
    ) -> int:
        """Replay readings that were judged after the saved state: their findings were stored with their alarms.

        What is not judged yet is left for its slice, whatever the number of its batch: numbers are given when a
        transaction begins, and one with a lower number may end after one with a higher one.
        """
        ids = list(span.since)
        seen, ends = [self._seen[i] for i in ids], [first[i] for i in ids]
        since = list(span.since.values())
        rows = await conn.fetch(SQL[f"since_{kind}"], ids, seen, ends, since, min(since), span.until)
        batches = sorted({row["batch_id"] for row in rows})
        waiting = {row["id"] for row in await conn.fetch(SQL["waiting"], batches)} if batches else set()
        judged = [row for row in rows if row["batch_id"] not in waiting]
        for device_id, readings in by_device(judged).items():
            try:
                self._at_hand(device_id).walk(readings)
            except Exception as error:
                if not own_fault(error):
                    raise
                # the next readings fail in the same way, and are set aside there
                log.exception("catch_up_failed", device=self._registry[device_id].profile.code)
                self._rules[device_id] = DeviceRules(self._registry[device_id].profile)
            self._seen[device_id] = max(reading["batch_id"] for reading in readings)
            await breathe()
        return len(rows)

    def walk(self, device_id: int, readings: Sequence[Reading], now: datetime, monotonic: float) -> list[Finding]:
        """Feed one device's readings of a slice to its rules."""
        seen = self._seen[device_id]
        for reading in readings:
            seen = max(seen, reading["batch_id"])
            now = max(now, reading["received_at"])  # where ingest's clock is ahead of ours, it has not been set back
        self._seen[device_id] = seen
        self._dirty.setdefault(device_id, monotonic)
        rules = self._at_hand(device_id)
        rules.note_time(now)
        return rules.walk(readings)

    def note_bad_clock(self, device_id: int, at: datetime) -> list[Finding]:
        """Count a message of the device that was refused for its clock, or whose time was replaced.

        No reading tells of it after a restart: `due_for_saving` names the device among the first.
        """
        if device_id not in self._rules:
            return []
        self._counted.add(device_id)
        return self._at_hand(device_id).note_bad_clock(at)

    def tick(self, now: datetime) -> list[tuple[Device, Finding]]:
        """End conditions that time alone ends, for a share of the devices per call: call it every second."""
        if not self._ticking:
            self._ticking = list(self._rules)
        share = -(-len(self._rules) // 60)  # all of them within a minute
        due, self._ticking = self._ticking[:share], self._ticking[share:]
        found: list[tuple[Device, Finding]] = []
        for device_id in due:
            if device_id not in self._rules:
                continue
            try:
                ended = self._at_hand(device_id).tick(now)
            except Exception as error:
                if not own_fault(error):
                    raise
                log.exception("tick_failed", device=self._registry[device_id].profile.code)
                self.drop(device_id)
            else:
                found += [(self._registry[device_id], finding) for finding in ended]
        return found

    def drop(self, device_id: int) -> None:
        """Drop the device's rules; they start again from the saved state."""
        self._rules.pop(device_id, None)
        self._dirty.pop(device_id, None)
        self._counted.discard(device_id)

    def forget(self, device_id: int, code: str | None, monotonic: float) -> None:
        """Note that a person ended the alarm of `code` (None: the device was reset)."""
        rules = self._rules.get(device_id)
        if rules is None:  # not heard since our start: its saved state still says that the condition stands
            self._ended.setdefault(device_id, set()).add(code)
            return
        if code is None:
            rules.forget_all()
        else:
            rules.forget(code)
        self._dirty.setdefault(device_id, monotonic)

    async def save(self, conn: asyncpg.Connection, device_ids: Iterable[int], now: datetime) -> None:
        """Write the states of these devices in the caller's transaction."""
        values = [
            (device_id, self._rules[device_id].to_json(), self._seen[device_id], now)
            for device_id in sorted(set(device_ids))
            if device_id in self._rules
        ]
        if values:
            await conn.executemany(SQL["save_state"], values)
        for device_id, *_ in values:
            self._dirty.pop(device_id, None)
            self._counted.discard(device_id)

    def due_for_saving(self, monotonic: float) -> list[int]:
        """Return the devices whose state has differed from the saved one for minutes, a few at a time.

        With them as many of those whose wrong clocks were counted; what is left is named the next time.
        """
        due = sorted(self._counted)[:SAVE_AT_ONCE]
        most = len(due) + SAVE_AT_ONCE
        for device_id, since in self._dirty.items():
            if monotonic - since < SAVE_AFTER_S or len(due) >= most:
                break
            due.append(device_id)
        return due

    async def refresh(self, conn: asyncpg.Connection, changed: Iterable[Device], now: datetime) -> None:
        """Apply changes of the registry and of the rules' parameters; counts and windows go on."""
        overrides = await conn.fetch(READ_OVERRIDES)
        again = {device.id for device in changed}
        if overrides != self._overrides or (self._book_until is not None and now >= self._book_until):
            self._overrides = overrides
            self._book = book_of(overrides)
            self._book_until = self._book.next_change(now)
            again |= set(self._rules)
        self._outdated |= again & self._rules.keys()
        self._refreshed_at = now

    def _at_hand(self, device_id: int) -> DeviceRules:
        """Return the device's rules under the parameters in force.

        They are made anew one by one when they are needed: ten thousand at once take a second, and a fire would wait.
        """
        if device_id in self._outdated and self._refreshed_at is not None:
            self._outdated.discard(device_id)
            profile = self._registry[device_id].profile
            saved = self._rules[device_id].to_json()
            parameters = self._book.for_device(profile, self._refreshed_at)
            self._rules[device_id] = _make_rules(self._registry[device_id], parameters, saved)
        return self._rules[device_id]

    @property
    def newest_override(self) -> int:
        """The id of the newest override that a refresh has read, 0 before the first."""
        return self._overrides[-1]["id"] if self._overrides else 0

    def switched_off(self, codes: Iterable[str]) -> list[str]:
        """Return which of these rules some override switches off, now, before or later."""
        return [code for code in codes if self._book.switches_off(code)]

    def parameters(self, device: Device, now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return the parameters in force for a device."""
        return self._book.for_device(device.profile, now)


def _make_rules(device: Device, parameters: Parameters, saved: Mapping[str, Any] | None) -> DeviceRules:
    """Return a device's rules as they were saved; a state that cannot be read is lost and logged."""
    if saved is not None:
        try:
            return DeviceRules.from_json(device.profile, parameters, saved)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            log.exception("rule_state_unreadable", device=device.profile.code)
    return DeviceRules(device.profile, parameters)


def _spans(since: Mapping[int, datetime], heard: Mapping[int, Any], now: datetime) -> list[_Span]:
    """Return who is read back with whom. Who was saved long ago is read alone, and not beyond what it sent last."""
    lately = {i: at for i, at in since.items() if now - at <= LONG_AGO}
    until = now + FRESH_WINDOW  # a reading is never further ahead (contract 3)
    spans = [_Span(lately, until)] if lately else []
    for i in since.keys() - lately.keys():
        last = heard[i]["last_seen"] if i in heard else None
        spans.append(_Span({i: since[i]}, until if last is None else last + FRESH_WINDOW))
    return spans


def by_device(rows: Iterable[Any]) -> dict[int, list[Reading]]:
    """Sort rows into lists by device, keeping their order."""
    found: dict[int, list[Reading]] = {}
    for row in rows:
        found.setdefault(row["device_id"], []).append(row)
    return found
