"""Delivers to one subscriber: signed, in order per subject, with slots and connections of its own. Made by `board`.

Promises that whatever its receiver does costs only this subscriber; that a failed delivery is tried again for 72 hours
and then kept as dead; and that memory holds only a copy of the oldest rows.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.core.answers import Answer
from services.core.aside import own_fault
from services.core.clock import CLOCK_SET_BACK, Clock, wait_at_most
from services.core.line import Line, Request
from services.core.log import logger
from services.core.masks import find_secrets, hide
from services.core.metrics import COMMITTED_TO_SUBSCRIBER, SUBSCRIPTION_ATTEMPTS
from services.core.signing import sign
from services.core.text import clean_text, describe_error
from services.push.documents import Documents
from services.push.recorder import SQL, Outcome, Recorder
from services.push.subjects import Delivery, Subjects
from services.push.trouble import TOLD_AFTER, tell_ended, tell_nothing_taken
from services.push.verdicts import Fate, Verdict, judge, wait_s

SLOTS = 8  # requests under way to one receiver
TIMEOUT_S = 15.0
HELD, OF_ONE_SUBJECT = 1000, 20  # rows kept in memory; the rest waits in the database
LOOKED_AT = 20_000  # rows among which these are looked for
FAILING = 3  # failures in a row: from then on one request at a time, this far apart
FAILING_PAUSE = timedelta(seconds=1)
IDLE_S = 30.0
ANEW_S, ANEW_SHARE = 5.0, 50  # rows that memory has no room for are read so often, in a fiftieth of the time at most
_LONGEST_ERROR = 300
log = logger(__name__)

for _fate in Fate:
    SUBSCRIPTION_ATTEMPTS.labels(str(_fate))


@dataclass(frozen=True, slots=True)
class Tools:
    """What all couriers share."""

    pool: asyncpg.Pool
    recorder: Recorder
    documents: Documents
    clock: Clock
    timeout_s: float = TIMEOUT_S  # for the head of an answer
    told_after: timedelta = TOLD_AFTER


class Courier:
    """The deliveries of one subscription. `wake` after a change from outside."""

    def __init__(self, subscription: Mapping[str, Any], line: Line, tools: Tools) -> None:
        self.subscription = subscription
        self._line, self._tools, self._clock = line, tools, tools.clock
        self._failures: int = subscription["failures"]
        self._subjects = Subjects()
        self._under_way: dict[int, Delivery] = {}
        self._whole = False  # whether memory holds every row that waits
        self._missed = False  # rows were added since it was filled, or meanwhile
        self._anew_at = 0.0  # when it is filled again for these although much of it waits
        self._read_to = 0  # the highest number read: what is told of up to here was read already
        self._ended: set[int] = set()  # finished since filling began: may still be read as waiting
        self._gone = False
        # the first attempt that failed since one was accepted, of those that are known
        self._nothing_since: datetime | None = subscription["last_at"] if self._failures else None
        self._error: str | None = subscription["last_error"]  # what became of the newest attempt
        self._is_told = False
        self._not_before: datetime | None = None
        self._overtaken: set[int] = set()  # under way when somebody wanted them tried now
        self._looked_at = self._clock.now()
        self._secrets = find_secrets(subscription["url"], {})
        self._wake = asyncio.Event()

    @property
    def under_way(self) -> int:
        """How many requests the receiver has not answered."""
        return len(self._under_way)

    def offer(self, fresh: Sequence[Delivery]) -> None:
        """Take new deliveries, behind all others; those are passed over that were read before they were told of."""
        fresh = [delivery for delivery in fresh if delivery.number > self._read_to]
        if self._whole and len(self._subjects) + len(fresh) <= 2 * HELD:
            for delivery in fresh:
                self._subjects.add(delivery)
        else:
            self._whole, self._missed = False, True
        self._wake.set()

    def look_again(self) -> None:
        """Read anew what waits: somebody asked to send it again."""
        self._whole, self._missed = False, True
        self._subjects = self._only_under_way()
        self._wake.set()

    async def try_now(self) -> None:
        """Send at once what waits for its next try, and what is under way as soon as that try has failed."""
        self._not_before = None
        self._overtaken = set(self._under_way)
        await self._release(self._clock.now())
        if not self._whole:
            self.look_again()
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled, or until the receiver says that it is gone."""
        async with asyncio.TaskGroup() as attempts:
            while True:
                self._wake.clear()
                await self._follow_clock()
                await self._tell_of_nothing()
                if not self._whole and (len(self._subjects) <= HELD // 4 or self._anew_in_s() <= 0):
                    await self._load()
                while (delivery := self._next()) is not None:
                    self._under_way[delivery.number] = delivery
                    name = f"subscription {self.subscription['id']}: {delivery.number}"
                    attempts.create_task(self._attempt(delivery), name=name)
                await wait_at_most(self._wake, self._pause_s())

    async def _follow_clock(self) -> None:
        """Once the clock was set back, wait for no time that it gave before: whatever waits is due now."""
        now = self._clock.now()
        if now < self._looked_at - CLOCK_SET_BACK:
            await self.try_now()
            self._nothing_since = self._nothing_since and min(self._nothing_since, now)
        self._looked_at = now

    def _next(self) -> Delivery | None:
        now = self._clock.now()
        slots = 1 if self._failures >= FAILING else SLOTS
        if self._gone or len(self._under_way) >= slots or (self._not_before is not None and now < self._not_before):
            return None
        return self._subjects.take(now)

    def _pause_s(self) -> float:
        pause_s = min(self._pause_of_deliveries_s(), max(0.0, self._anew_in_s()))
        if self._nothing_since is None or self._is_told or self._gone:
            return pause_s
        told_in = self._nothing_since + self._tools.told_after - self._clock.now()
        return min(pause_s, max(0.0, told_in.total_seconds()))

    def _anew_in_s(self) -> float:
        """How long until missed rows are read although memory is not used up: what is in it may be refused."""
        return self._anew_at - self._clock.monotonic() if self._missed else IDLE_S

    def _pause_of_deliveries_s(self) -> float:
        if self._under_way and self._failures >= FAILING:
            return IDLE_S  # the end of the attempt wakes us
        due = self._subjects.next_due()
        if due is None or len(self._under_way) >= SLOTS:
            return IDLE_S
        if self._not_before is not None:
            due = max(due, self._not_before)
        return max(0.0, min(IDLE_S, (due - self._clock.now()).total_seconds()))

    def _only_under_way(self) -> Subjects:
        subjects = Subjects()
        for delivery in self._under_way.values():
            subjects.add(delivery, under_way=True)
        return subjects

    async def _load(self) -> None:
        """Fill memory from the rows that wait, the oldest of each subject first."""
        began, is_used_up = self._clock.monotonic(), len(self._subjects) <= HELD // 4
        self._ended, self._missed = set(), False
        await self._tools.recorder.flush()
        rows = await self._waiting(LOOKED_AT)
        # a few subjects come before all others, or what is in memory is not taken
        if rows and rows[0]["total"] == LOOKED_AT and (len(rows) < HELD // 2 or not is_used_up):
            rows = await self._waiting(None)
        events = await self._tools.documents.events([row["number"] for row in rows])
        known = self._subjects.known()
        self._subjects = self._only_under_way()
        for row in sorted(rows, key=lambda row: row["number"]):
            number = row["number"]
            if number in self._under_way or number in self._ended or number not in events:
                continue
            delivery = known.get(number) or Delivery(
                events[number], row["subject"], row["attempts"], row["due_at"], row["expires_at"]
            )
            self._subjects.add(delivery)
        self._read_to = max((self._read_to, *(row["number"] for row in rows)))
        self._whole = not self._missed and (not rows or rows[0]["total"] == len(rows))
        now_s = self._clock.monotonic()
        self._anew_at = now_s + max(ANEW_S, (now_s - began) * ANEW_SHARE)

    async def _waiting(self, among: int | None) -> Sequence[asyncpg.Record]:
        subscription_id = self.subscription["id"]
        found: Sequence[asyncpg.Record] = await self._tools.pool.fetch(
            SQL["waiting"], subscription_id, OF_ONE_SUBJECT, HELD, among
        )
        return found

    async def _attempt(self, delivery: Delivery) -> None:
        at, started = self._clock.now(), self._clock.monotonic()
        delivery.attempts += 1
        try:
            answer = await self._post(delivery, at)
        except Exception as error:
            if not own_fault(error):
                raise
            log.exception("subscription_attempt_failed", subscription_id=self.subscription["id"])
            answer = Answer(None, {}, b"", hide(describe_error(error), self._secrets))
        took_ms = (self._clock.monotonic() - started) * 1000
        now = self._clock.now()
        verdict = judge(answer, now)
        SUBSCRIPTION_ATTEMPTS.labels(str(verdict.fate)).inc()
        await self._settle(delivery, verdict, at=at, took_ms=took_ms, status=answer.status)
        if verdict.fate is Fate.DELIVERED and delivery.attempts == 1:
            COMMITTED_TO_SUBSCRIBER.observe(max(0.0, (now - delivery.event.made_at).total_seconds()))
        self._wake.set()

    async def _post(self, delivery: Delivery, now: datetime) -> Answer:
        subscription = self.subscription
        kind, body = await self._tools.documents.body(delivery.event, subscription["format"])
        secrets = [subscription["secret"]]
        if subscription["previous_secret"] and now < subscription["previous_secret_until"]:
            secrets.extend(subscription["previous_secret"].split())
        headers = {"content-type": kind, **sign(secrets, str(delivery.event.uid), now, body)}
        return await self._line.ask(Request(subscription["url"], headers, body), self._tools.timeout_s)

    async def _settle(
        self, delivery: Delivery, verdict: Verdict, *, at: datetime, took_ms: float, status: int | None
    ) -> None:
        """Decide the fate of the delivery, and of those behind it."""
        now = self._clock.now()
        state, due_at = "delivered", now
        failing = self._failures >= FAILING
        is_overtaken = delivery.number in self._overtaken  # a pause that its receiver asks for was asked for too early
        self._overtaken.discard(delivery.number)
        if verdict.fate is Fate.DELIVERED:
            self._failures, self._nothing_since, self._is_told = 0, None, False
        else:
            self._failures += 1
            self._nothing_since = self._nothing_since or at
            state = "dead" if verdict.fate is Fate.DEAD else "waiting"
        if verdict.fate in (Fate.RETRY, Fate.GONE):
            if now >= delivery.expires_at:
                state = "dead"
            pause_s = max(wait_s(delivery.attempts), verdict.pause_s or 0.0)
            due_at = now if is_overtaken else min(now + timedelta(seconds=pause_s), delivery.expires_at)
        self._under_way.pop(delivery.number, None)
        if state == "waiting":
            self._subjects.put_back(delivery, due_at)
        else:
            self._subjects.finish(delivery)
            self._ended.add(delivery.number)
        if not is_overtaken:
            self._slow_down(verdict, now)
        self._error = error = None if verdict.error is None else clean_text(verdict.error, _LONGEST_ERROR)
        self._tools.recorder.note(
            Outcome(
                self.subscription["id"], delivery.number, state, delivery.attempts, due_at, at, status, error, took_ms,
                self._failures,
            )
        )  # fmt: skip
        if verdict.fate is Fate.DELIVERED and failing:
            await self._release(now)
        if verdict.fate is Fate.GONE:
            await self._disable(now)

    async def _tell_of_nothing(self) -> None:
        """Tell people once that nothing has been taken for a while, also while no attempt is made."""
        now, since = self._clock.now(), self._nothing_since
        if since is None or self._is_told or self._gone or now - since < self._tools.told_after:
            return
        self._is_told = True
        async with self._tools.pool.acquire() as conn:
            await tell_nothing_taken(conn, self.subscription, since, self._error, now, attempts=self._failures)

    def _slow_down(self, verdict: Verdict, now: datetime) -> None:
        """Hold off every request for a while; the answer to one that was under way already shortens no pause."""
        until = now
        if verdict.pause_s is not None:
            until += timedelta(seconds=verdict.pause_s)
        elif self._failures >= FAILING:
            until += FAILING_PAUSE
        self._not_before = until if self._not_before is None else max(self._not_before, until)

    async def _release(self, now: datetime) -> None:
        """Send at once the deliveries that waited for their next try: the receiver is back."""
        self._subjects.release(now)
        await self._tools.pool.execute(SQL["release"], self.subscription["id"], now)

    async def _disable(self, now: datetime) -> None:
        """End the subscription; the board notices and ends this courier."""
        log.warning("subscription_disabled", subscription_id=self.subscription["id"])
        self._gone = True
        await self._tools.recorder.flush()
        subscription = self.subscription
        # in one: the board ends this courier as soon as it sees the change
        async with self._tools.pool.acquire() as conn, conn.transaction():
            if await conn.execute(SQL["disable"], subscription["id"], subscription["version"], now) == "UPDATE 1":
                await tell_ended(conn, subscription, now)
