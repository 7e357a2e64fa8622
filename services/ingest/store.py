"""One batch, one transaction: rows, newest state, loss accounting, rejects, and the numbered log that alerts reads.

The writer calls it, one batch after the other. Nothing is committed unless this process owns the lane at that moment.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import NamedTuple

import asyncpg

from services.core.errors import Fenced
from services.core.log import logger
from services.core.statements import load_queries
from services.core.topics import Kind, Topic
from services.ingest import columns
from services.ingest.account import Head, advance, follow_next
from services.ingest.decode import Message
from services.ingest.devices import Devices
from services.ingest.heard import HeardOf
from services.ingest.joined import join
from services.ingest.plan import Plan, ReadingKey, RowKey, leave_out_repeats, make_plan
from services.ingest.replay import mark_replayed
from services.ingest.replies import note_replies

log = logger(__name__)
QUERIES = load_queries(__file__)
SPOOL = load_queries(__file__, "spool.sql")
FIND_INSERTED = {kind: columns.fill(QUERIES["find_inserted"], kind) for kind in Kind}
FINISH = join({"batch": QUERIES["add_batch"]}, QUERIES["tell"])
UPDATE_STATE = QUERIES["update_state"].replace("{gives_way}", QUERIES["gives_way"])
UPDATE_AND_FINISH = join({"state": UPDATE_STATE, "batch": QUERIES["add_batch"]}, QUERIES["tell"])


@cache
def hold_and_insert(kinds: tuple[Kind, ...]) -> str:
    """Return the statement that proves our ownership and inserts readings of these kinds; it returns how many."""
    parts = {"held": QUERIES["hold"]} | {str(kind): columns.fill(QUERIES["insert_readings"], kind) for kind in kinds}
    counts = [QUERIES["count_inserted"].replace("{kind}", kind) for kind in kinds]
    return join(parts, QUERIES["held"].replace("{counts}", "".join(counts)))


class Rest(NamedTuple):
    """What a batch brings beside its messages; it goes in with the last part of a batch that has to be cut."""

    watermark_us: int | None = None
    finished: Sequence[int] = ()  # blocks of the spool whose last message is in the batch

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.watermark_us is None and not self.finished


NOTHING = Rest()


@dataclass(frozen=True, slots=True)
class Written:
    """What one commit did."""

    batch_id: int
    stored: int
    duplicates: int
    rejects: Mapping[str, int]  # by their code


@dataclass(slots=True)
class Outcome:
    """What the database found while the rows went in."""

    inserted: dict[Kind, int] = field(default_factory=dict)
    repeated: dict[Kind, set[ReadingKey]] = field(default_factory=dict)
    fresh_events: set[tuple[int, bytes]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a commit makes true of this store, once it is known that it was one."""

    written: Written
    plan: Plan
    heads: dict[int, Head]
    waiting: HeardOf


class AlreadyCommitted(Exception):
    """This batch was committed before; only the answer was lost."""


class Store:
    """The write side of one lane: `writer` names its log, `number` is the last committed batch."""

    def __init__(self, *, writer: str, lane: str, lease: str, owner: str) -> None:
        self.writer = writer
        self.lane = lane
        self.lease = lease
        self.owner = owner
        self.number = 0
        self.devices = Devices()
        self._waiting: HeardOf = {}  # devices whose state row was locked, not our own of the telemetry lane
        self._turned: set[str] = set()  # devices whose topic the other lane has overwritten
        self._tried: Tried | None = None  # the newest commit, if it was one

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Go on after the last batch of the log, whoever wrote it."""
        self.number = await connection.fetchval(QUERIES["last_number"], self.writer)

    async def was_committed(self, connection: asyncpg.Connection) -> bool:
        """Tell whether the batch being tried is in the log already: its COMMIT was heard, its answer lost.

        Raises:
            Fenced: another owner wrote that number.
        """
        owner = await connection.fetchval(QUERIES["owner_of"], self.writer, self.number + 1)
        if owner is None:
            return False
        if owner != self.owner:
            raise Fenced(f"batch {self.number + 1} of {self.writer} belongs to another process")
        return True

    def skip(self) -> list[Written]:
        """Count the batch that `was_committed` and return it."""
        if self._tried is not None:
            return [self._keep(self._tried)]
        self.number += 1
        self.devices = Devices()  # what it did to them is read from the database
        return []

    def note_topic(self, base: str) -> None:
        """Take note that the event lane has written another topic of a device: its next message writes its own."""
        self._turned.add(base.rpartition("/")[2])

    def forget_waiting(self) -> bool:
        """Give up what earlier batches could not write about devices with locked rows; True when there was any."""
        forgotten, self._waiting = self._waiting, {}
        if forgotten:
            log.error("last_seen_given_up", writer=self.writer, device_ids=sorted(forgotten))
        return bool(forgotten)

    async def write(self, connection: asyncpg.Connection, messages: Sequence[Message], rest: Rest) -> Written | None:
        """Commit `messages` as one batch; None when there was nothing but the `rest`.

        Raises:
            Fenced: another process owns the lane.
            AlreadyCommitted: this very batch stands in the log.
        """
        topics: dict[bool, list[Topic]] = {True: [], False: []}  # of now, of before
        for message in messages:
            if message.topic is not None and message.registers:
                topics[message.alive and message.replay_of is None].append(message.topic)
        await self.devices.ensure(connection, topics[True], topics[False], lease=self.lease, owner=self.owner)
        while self._turned:  # not at once: a batch under way has left its topic out, or remembers it at its end
            device = self.devices.get(self._turned.pop())
            if device is not None:
                device.topic = None
        plan = make_plan(messages, self.devices, self.devices.is_foreign)
        heads: dict[int, Head] = {}
        async with connection.transaction():
            batch_id, outcome = await self._hold_and_insert(connection, plan)
            if rest.watermark_us is not None:
                await connection.execute(QUERIES["advance_watermark"], self.writer, rest.watermark_us)
            if rest.finished:
                await connection.execute(SPOOL["strike"], self.writer, rest.finished)
            tried = None
            if plan.is_empty:
                skipped = await self._update_heard(connection, plan.heard, heads)
            else:
                await self._insert_others(connection, plan, batch_id, outcome)
                heads = self._account(plan, outcome)
                if self.lane == "telemetry":
                    told = {key: heard for key, heard in plan.heard.items() if not heard.is_only_counted}
                    states = columns.states(told, heads) if told else None
                    written = await self._finish(connection, plan, outcome, batch_id, states)
                    await self._add_quality(connection, told)  # after its state, as the other lane does
                    others = {key: heard for key, heard in plan.heard.items() if key not in told}
                    skipped = await self._update_heard(connection, others, heads)  # only counted, if nobody holds them
                else:
                    skipped = await self._update_heard(connection, plan.heard, heads)
                    written = await self._finish(connection, plan, outcome, batch_id)
                tried = self._tried = Tried(written, plan, heads, skipped)
        if tried is not None:
            return self._keep(tried)
        self._waiting = skipped
        return None

    async def _hold_and_insert(self, connection: asyncpg.Connection, plan: Plan) -> tuple[int, Outcome]:
        """Prove that the lane is ours and insert the readings; return the id of the batch and what became of them."""
        outcome, kinds = Outcome(), tuple(plan.readings)
        values = chain.from_iterable(columns.readings(rows.values()) for rows in plan.readings.values())
        row = await connection.fetchrow(hold_and_insert(kinds), self.lease, self.owner, *values)
        if row is None:
            raise Fenced(f"another process owns {self.lease}; this one must not write")
        batch_id = row["batch_id"]
        for kind, rows in plan.readings.items():
            outcome.inserted[kind] = row[kind]
            if row[kind] < len(rows):
                times = [ts_us for _, ts_us, _ in rows]
                found = await connection.fetch(FIND_INSERTED[kind], batch_id, min(times), max(times))
                outcome.repeated[kind] = rows.keys() - {(one["device_id"], one["ts"], one["seq"]) for one in found}
        if outcome.repeated:
            leave_out_repeats(plan, outcome.repeated)
        return batch_id, outcome

    async def _insert_others(self, connection: asyncpg.Connection, plan: Plan, batch_id: int, outcome: Outcome) -> None:
        if plan.events:
            found = await connection.fetch(QUERIES["insert_events"], batch_id, *columns.events(plan))
            outcome.fresh_events = {(row["device_id"], row["digest"]) for row in found}
        if plan.rejects:
            await connection.execute(QUERIES["insert_rejects"], batch_id, *columns.rejects(plan))
        await note_replies(connection, plan, outcome.fresh_events)
        await mark_replayed(connection, plan, outcome.repeated, outcome.fresh_events)

    def _account(self, plan: Plan, outcome: Outcome) -> dict[int, Head]:
        """Count gaps, restarts, duplicates and late rows of what went in, in the order it was received."""
        heads: dict[int, Head] = {}
        for kind, rows in plan.readings.items():
            repeated = outcome.repeated.get(kind, ())
            for key, row in rows.items():
                device_id, ts_us, seq = key
                heard = plan.heard[device_id]
                if key in repeated:
                    heard.tally.duplicates += (kind, key) not in plan.replayed
                    continue
                if row[4]:
                    heard.tally.late += 1
                head = heads.get(device_id) or heard.device.telemetry
                heads[device_id] = follow_next(head, ts_us, seq) or advance(head, ts_us, seq, heard.tally)
        for event_key, (device, event, _received_us, late) in plan.events.items():
            heard = plan.heard[device.id]
            if event_key not in outcome.fresh_events:
                heard.tally.duplicates += event_key not in plan.replayed
                continue
            heard.tally.late += late
            if event.seq is not None:
                at_us = event.ts_us if event.clock_good else 0  # without a time it can only come next or fill a gap
                heads[device.id] = advance(heads.get(device.id) or device.event, at_us, event.seq, heard.tally)
        return heads

    async def _update_heard(self, connection: asyncpg.Connection, now: HeardOf, heads: dict[int, Head]) -> HeardOf:
        """Write what the event lane heard, or either of others; return what waits because another lane has the row."""
        heard = columns.join_waiting(self._waiting, now)
        waiting: HeardOf = {}
        if heard:
            rows = await connection.fetch(QUERIES["update_heard"], *columns.heard(heard, heads))
            done = {row["device_id"] for row in rows}
            waiting = {key: value for key, value in heard.items() if key not in done}
            heard = {key: value for key, value in heard.items() if key in done}
        await self._add_quality(connection, heard)
        return waiting

    async def _add_quality(self, connection: asyncpg.Connection, heard: HeardOf) -> None:
        counted = {key: value.counted for key, value in heard.items() if value.counted is not None}
        tallies = {key: tally for key, tally in counted.items() if not tally.is_empty()}
        if tallies:
            await connection.execute(QUERIES["add_quality"], *columns.tallies(tallies))
        floods = {key: tally.flood for key, tally in counted.items() if tally.flood}
        if floods:
            await connection.execute(QUERIES["add_flood"], sorted(floods), [floods[key] for key in sorted(floods)])

    async def _finish(
        self,
        connection: asyncpg.Connection,
        plan: Plan,
        outcome: Outcome,
        batch_id: int,
        states: columns.Columns | None = None,
    ) -> Written:
        """Add the batch to the log, with the newest states of the telemetry lane in one statement."""
        found_before: set[RowKey] = {(kind, key) for kind, keys in outcome.repeated.items() for key in keys}
        found_before |= plan.events.keys() - outcome.fresh_events
        duplicates = plan.duplicates + len(found_before - plan.replayed)
        stored = sum(outcome.inserted.values()) + len(outcome.fresh_events)
        row = await connection.fetchrow(
            FINISH if states is None else UPDATE_AND_FINISH,
            *(states or ()),
            batch_id,
            self.writer,
            self.number + 1,
            self.owner,
            self.lane,
            plan.first_received_us,
            plan.min_ts_us,
            plan.max_ts_us,
            *(outcome.inserted.get(kind, 0) for kind in (Kind.HYDRANT, Kind.ELECTRICAL, Kind.WATER, Kind.PANEL)),
            len(outcome.fresh_events),
            len(plan.rejects),
            duplicates,
            sorted(key for key, heard in plan.heard.items() if heard.seen_us is not None and not heard.stored),
        )
        if row is None:
            owner = await connection.fetchval(QUERIES["owner_of"], self.writer, self.number + 1)
            if owner == self.owner:
                raise AlreadyCommitted
            raise Fenced(f"batch {self.number + 1} of {self.writer} belongs to another process")
        codes = Counter(reject.code for _message, reject, _device_id in plan.rejects)
        return Written(batch_id, stored, duplicates, codes)

    def _keep(self, tried: Tried) -> Written:
        """Remember what the commit made true."""
        self.number += 1
        self._waiting, plan, self._tried = tried.waiting, tried.plan, None
        for heard in plan.heard.values():
            if not heard.device.has_written(heard.topic, heard.seen_us):
                heard.device.topic, heard.device.topic_us = heard.topic, heard.seen_us or 0
            known = heard.device.state_fields
            if self.lane == "telemetry":
                heard.device.clock = heard.clock
            if known is not None and not heard.fields.keys() <= known:
                heard.device.state_fields = known.union(heard.fields)
        for device_id, head in tried.heads.items():
            device = plan.heard[device_id].device
            if self.lane == "telemetry":
                device.telemetry = head
            else:
                device.event = head
        return tried.written
