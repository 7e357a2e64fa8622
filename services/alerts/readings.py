"""From committed readings to alarms: judges a slice of batches, then writes alarms, rule states and cursor.

Called by the bench between looks at the event writers. Promises to look for fires after every 20 ms of work,
and that a device whose readings cannot be judged is set aside without holding up the others.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import asyncpg

from services.alerts.border import Border, Work, nothing_more
from services.alerts.kept_findings import end_of, finding_from_json, finding_to_json
from services.alerts.mains import Mains
from services.alerts.refused_events import find_refused, judge_refused, name_refused
from services.alerts.registry import Device, Registry
from services.alerts.rule_states import MOST_AT_ONCE, RuleStates, by_device
from services.alerts.rules.model import Reading
from services.alerts.windows import read_windows
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.components import normal_component
from services.core.alarms.life.happenings import Finding, Situation
from services.core.aside import Unit, own_fault
from services.core.clock import Clock
from services.core.feed import Batch, Feed, span
from services.core.metrics import FINDINGS
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)
WEEK = timedelta(days=7)
BATCHES, ROWS = 40, 1500  # a slice: large enough to keep up with 5 000 readings/s, small enough to be over soon
BEHIND = 4  # after a full slice the next is four times as large: a slice has a fixed cost, which larger ones share
AGAIN = "set local lock_timeout = '20ms'"  # what somebody's lock holds up waits for it between two tries, not in one
LOOK_UP_S = 0.02  # the longest stretch of telemetry work between two looks at the event writers

READINGS, FINDING = "readings", "finding"  # kinds of what is set aside
Verdict = tuple[Device, Finding]


class Breath:
    """Interrupts a slice to look for fires, once 20 ms have passed since the last time."""

    def __init__(self, clock: Clock, look_up: Callable[[], Awaitable[None]]) -> None:
        self._clock = clock
        self._look_up = look_up
        self._since = clock.monotonic()

    async def take(self) -> None:
        """Look for fires if it is time."""
        if self._clock.monotonic() - self._since > LOOK_UP_S:
            await self._look_up()
            self._since = self._clock.monotonic()


class ReadingFeed:
    """Reads the telemetry writers."""

    def __init__(self, registry: Registry, states: RuleStates, clock: Clock) -> None:
        self.feed = Feed("telemetry")
        self.states = states
        self.mains = Mains()
        self._registry = registry
        self._clock = clock
        self._behind = False

    async def read_slice(
        self, border: Border, take_over: Callable[[], Awaitable[None]], look_up: Callable[[], Awaitable[None]]
    ) -> bool:
        """Judge the next slice; True when there was one.

        `take_over` is called once the batches to judge are known: what people changed before these were stored counts
        for them. `look_up` is called whenever 20 ms of judging have passed.
        """
        times = BEHIND if self._behind else 1
        batches = await self.feed.next_batches(border.conn, BATCHES * times, ROWS * times)
        if not batches:
            return False
        await take_over()
        self._behind = len(batches) >= BATCHES or sum(sum(batch.rows.values()) for batch in batches) >= ROWS * 3 // 4
        breath = Breath(self._clock, look_up)
        verdicts = await self._walk(border, batches, breath)
        await breath.take()
        misplaced = await find_refused(border.conn, batches, misplaced=True)
        if misplaced:
            await border.settle(misplaced, judge_refused, name_refused)
        due = self.states.due_for_saving(self._clock.monotonic())

        async def save(page: Page) -> None:
            await self.states.save(page.conn, due, page.now)
            await self.feed.save(page.conn, batches)

        await self.judge(border, verdicts, save)
        self.feed.moved(batches)
        for _, finding in verdicts:
            FINDINGS.labels(finding.code).inc()
        return True

    async def judge(
        self, border: Border, verdicts: Sequence[Verdict], finish: Work = nothing_more, *, again: bool = False
    ) -> None:
        """Step the alarms by what rules found, and save the rules' states with them. `again`: it was set aside."""
        attempts = 0

        async def judge(page: Page, some: Sequence[Verdict]) -> None:
            nonlocal attempts
            attempts += 1
            if again:
                await page.conn.execute(AGAIN)
            if attempts > 1:  # counts made in a transaction that failed are read again
                for area in {device.profile.area for device, _ in some}:
                    self.mains.forget(area)
            await judge_findings(page, some, self.states, self.mains)
            await self.states.save(page.conn, {device.id for device, _ in some}, page.now)

        await border.settle(verdicts, judge, name_verdict, finish)

    async def judge_again(self, border: Border, name: str, detail: Mapping[str, Any]) -> None:
        """Judge a finding that was set aside under `name` once more: its rule does not say it twice."""
        device_id = detail["device_id"]
        await self._registry.load(border.conn, [device_id])
        device = self._registry[device_id]
        if "finding" not in detail:  # by an older release: the next readings say it again if it stands
            self.states.forget(device_id, detail["code"], self._clock.monotonic())
            if detail["active"]:
                await border.asides.over(border.conn, FINDING, name)
                return
        kept = detail.get("finding")
        verdict = device, end_of(detail, device.profile) if kept is None else finding_from_json(kept)
        if name_verdict(verdict).name != name:  # one line for many, or its device has another name since
            await border.asides.over(border.conn, FINDING, name)
        await self.judge(border, [verdict], again=True)
        if name_verdict(verdict).name not in border.asides.names(FINDING):
            await self.states.agree(border.conn, [device_id])  # at a start since they knew only what stood then

    async def drop_kept(self, border: Border, ended: Iterable[tuple[int, str | None]]) -> None:
        """Strike off what was set aside of conditions that a person or a reset (code None) ended since.

        Their rules have forgotten them: whatever still stands is found anew.
        """
        names = border.asides.names(FINDING)
        if not names:
            return
        ended = list(ended)
        await self._registry.load(border.conn, {device_id for device_id, _ in ended})
        over = {(self._registry[device_id].profile.code, code) for device_id, code in ended}
        for name in names:
            device, code = (*name.split(" "), "")[:2]
            if (device, code) in over or (device, None) in over:
                await border.asides.over(border.conn, FINDING, name)

    async def _walk(self, border: Border, batches: Sequence[Batch], breath: Breath) -> list[Verdict]:
        conn = border.conn
        verdicts: list[Verdict] = []
        rejected = [batch.id for batch in batches if batch.rejects]
        spanned = span(batches)
        groups: dict[int, dict[Kind, list[Reading]]] = {}
        if spanned is not None:
            kinds = [kind for kind in Kind if any(kind in batch.rows for batch in batches)]
            for kind in kinds:
                for device_id, rows in by_device(await conn.fetch(SQL[f"batch_{kind}"], *spanned)).items():
                    groups.setdefault(device_id, {})[kind] = rows
                await breath.take()
        for part in _parts(groups):
            await self._registry.load(conn, part)
            readings = {device_id: rows for device_id in part if (rows := self._own(device_id, groups[device_id]))}
            new = [device_id for device_id in readings if device_id not in self.states]
            first = {device_id: min(row["batch_id"] for row in readings[device_id]) for device_id in new}
            await self.states.load(conn, first, self._clock.now(), breath.take)
            for device_id, rows in readings.items():
                verdicts += await self._walk_device(border, device_id, rows)
                await breath.take()
        if rejected:
            verdicts += await self._watch_clocks(conn, rejected, batches, breath)
        return verdicts

    def _own(self, device_id: int, by_kind: Mapping[Kind, list[Reading]]) -> list[Reading]:
        """Return the readings of the device's kind: one that speaks as two may give both the same time and number.

        The other kind is stored and not judged, its `battery_pct` neither.
        """
        return next((rows for kind, rows in by_kind.items() if kind == self._registry[device_id].profile.kind), [])

    async def _walk_device(self, border: Border, device_id: int, readings: Sequence[Reading]) -> list[Verdict]:
        """Judge one device's readings; if that fails, its rules start anew from the saved state at the next try."""
        device = self._registry[device_id]
        if border.asides.waits(READINGS, device.profile.code):
            return []
        try:
            found = self.states.walk(device_id, readings, self._clock.now(), self._clock.monotonic())
        except Exception as error:
            if not own_fault(error):
                raise
            self.states.drop(device_id)
            detail = {"batch_id": readings[-1]["batch_id"], "ts": readings[-1]["ts"].isoformat()}
            unit = Unit(READINGS, device.profile.code, device.profile.area, detail=detail)
            await border.asides.add(border.conn, unit, error)
            return []
        await border.asides.over(border.conn, READINGS, device.profile.code)
        return [(device, finding) for finding in found]

    async def _watch_clocks(
        self, conn: asyncpg.Connection, rejected: list[int], batches: Sequence[Batch], breath: Breath
    ) -> list[Verdict]:
        """Count readings refused for their clock."""
        times = [batch.committed_at for batch in batches]
        rows = await conn.fetch(SQL["bad_clocks"], rejected, min(times) - WEEK, max(times) + WEEK)
        await self._registry.load(conn, {row["device_id"] for row in rows})
        await self.states.load(conn, {row["device_id"]: min(rejected) for row in rows}, self._clock.now(), breath.take)
        return [
            (self._registry[row["device_id"]], finding)
            for row in rows
            for finding in self.states.note_bad_clock(row["device_id"], row["received_at"])
        ]


def name_verdict(verdict: Verdict) -> Unit:
    """Return what a rule found as a unit of work."""
    device, finding = verdict
    cause = "" if finding.cause == finding.code else finding.cause
    name = " ".join(filter(None, (device.profile.code, finding.code, finding.component, cause)))
    detail = {"device_id": device.id, "code": finding.code, "finding": finding_to_json(finding)}
    return Unit(FINDING, name, device.profile.area, detail=detail)


def _parts(groups: Mapping[int, object]) -> Iterator[list[int]]:
    device_ids = iter(groups)
    while part := list(islice(device_ids, MOST_AT_ONCE)):
        yield part


async def judge_findings(page: Page, verdicts: Sequence[Verdict], states: RuleStates, mains: Mains) -> None:
    """Step the alarms by what the rules found, in order; pressure alarms of one area are judged together."""
    keys = [
        Key(device.place.subject, finding.code, normal_component(finding.component)) for device, finding in verdicts
    ]
    await page.load(keys)
    windows = await read_windows(page.conn, (device for device, _ in verdicts), page.now)
    for key, (device, finding) in zip(keys, verdicts, strict=True):
        parameters = states.parameters(device, page.now)
        situation = await mains.weigh(page, key, device, finding, parameters)
        if situation is None:
            out_of_service = device.place.out_of_service_until
            situation = Situation(test_until=windows.get(device.id), out_of_service_until=out_of_service)
        page.take(key, finding, f"rule:{finding.code}", device.place, situation)
