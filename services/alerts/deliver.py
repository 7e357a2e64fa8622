"""The outbox: claims notices that are due, posts them signed, records every attempt. Started by main.

Promises at-least-once delivery in order per alarm; fires have workers of their own. A bad notice, receiver or recording
costs only that notice an attempt and never another one's time. Only a lost database ends the program.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.signing import Addressed
from services.core.answers import Answer, Fate, Verdict, judge_answer, needs_body, wait_s
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock, wait_at_most
from services.core.errors import FiretowerError
from services.core.line import BODY_S
from services.core.log import logger
from services.core.masks import hide
from services.core.metrics import CONFIRMED_TO_ACCEPTED, NOTICE_ATTEMPTS
from services.core.statements import load_queries
from services.core.text import clean_text, describe_error
from services.core.words import NoticeType

SQL = load_queries(__file__)
POLL_S = 0.25  # the fallback; the hint wakes us at once
RECORD_S = 4.0  # how long a claim outlives its request, to be recorded
KIND, CALL = "notice", "call"  # of what is set aside
_LONGEST_ERROR, _WORDS_IN_ERROR = 500, 200
# A contact who cannot be reached is given up after both; escalation goes on to the next step meanwhile. After so many
# attempts a call of a fire waits as long as any other: a gateway's restart takes longer than the minute of its first.
CALL_ATTEMPTS, CALL_TRIED_S = 20, 900.0
FIRE_WAITS_S = 60.0  # the longest, whatever a gateway asks for with `Retry-After`
log = logger(__name__)

for _result in (*Fate, "no_answer"):
    NOTICE_ATTEMPTS.labels(str(_result))


@dataclass(frozen=True, slots=True)
class Lane:
    """The workers of one sort of notice."""

    name: str
    fire: bool
    desk: bool
    workers: int
    timeout_s: float
    types: tuple[NoticeType, ...] = ()  # types of the desk's notices; empty: all


FIRES = Lane(
    "fires", fire=True, desk=True, workers=16, timeout_s=2, types=(NoticeType.FIRE_CONFIRMED, NoticeType.ESCALATED)
)
FIRE_NEWS = Lane(  # one large fire can have hundreds; another site's fire must not wait behind them
    "fire-news", fire=True, desk=True, workers=8, timeout_s=2, types=(NoticeType.UPDATED, NoticeType.CLEARED)
)
OTHERS = Lane("others", fire=False, desk=True, workers=6, timeout_s=10)
CALLS = (
    Lane("fire-calls", fire=True, desk=False, workers=6, timeout_s=5),
    Lane("calls", fire=False, desk=False, workers=4, timeout_s=10),
)


class NotReached(FiretowerError):
    """A contact did not take a call; the text says how often it was tried, and what came of the last try."""


class Attempt(NamedTuple):
    """One attempt and what followed. `words`: the beginning of the answer."""

    at: datetime
    took_ms: float
    status: int | None
    verdict: Verdict
    words: str | None = None


Address = Callable[[asyncpg.Record, datetime], Addressed]


class Outbox:
    """Delivers waiting notices until it is cancelled. `hint` wakes it; a poll is the fallback."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, owner: UUID, asides: Asides) -> None:
        self._pool = pool
        self._clock = clock
        self._owner = owner
        self._asides = asides
        self._hints: list[asyncio.Event] = []

    def hint(self) -> None:
        """Say that a notice may be due."""
        for hint in self._hints:
            hint.set()

    async def run(self, lane: Lane, address: Address, hold_older_than_s: Callable[[], float] | None = None) -> None:
        """Claim and send without end; only a lost database stops it."""
        hint = asyncio.Event()
        self._hints.append(hint)
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as attempts:
            while True:
                hint.clear()
                claimed = await self._claim(lane, lane.workers - len(running), hold_older_than_s)
                for notice in claimed:
                    attempt = self._attempt(lane, address, notice)
                    task = attempts.create_task(attempt, name=f"{lane.name}:{notice['id']}")
                    running.add(task)
                    task.add_done_callback(running.discard)
                    task.add_done_callback(lambda _: hint.set())
                if not claimed:
                    await wait_at_most(hint, POLL_S)

    async def _claim(
        self, lane: Lane, room: int, hold_older_than_s: Callable[[], float] | None
    ) -> list[asyncpg.Record]:
        if room <= 0:
            return []
        now = self._clock.now()
        async with self._pool.acquire() as conn:
            try:
                if hold_older_than_s is not None:
                    await conn.execute(SQL["hold_old"], now - timedelta(seconds=hold_older_than_s()))
                return await self._claim_some(conn, lane, room, now)
            except Exception as error:
                if not own_fault(error):
                    raise
                log.exception("claim_split", lane=lane.name)
                return await self._claim_singly(conn, lane, room, now)

    async def _claim_some(
        self, conn: PoolConnectionProxy, lane: Lane, room: int, now: datetime, only: UUID | None = None
    ) -> list[asyncpg.Record]:
        until = now + timedelta(seconds=lane.timeout_s + BODY_S + RECORD_S)
        types, left_out = list(lane.types), self._left_out()
        found: list[asyncpg.Record] = await conn.fetch(
            SQL["claim"], self._owner, now, until, lane.fire, room, lane.desk, types, left_out, only
        )
        return found

    async def _claim_singly(
        self, conn: PoolConnectionProxy, lane: Lane, room: int, now: datetime
    ) -> list[asyncpg.Record]:
        """Claim one by one, and set aside a notice that cannot be claimed: it must not hold up the others."""
        claimed: list[asyncpg.Record] = []
        for row in await conn.fetch(SQL["due"], now, lane.fire, lane.desk, self._left_out()):
            if len(claimed) >= room:
                break
            try:
                claimed += await self._claim_some(conn, lane, 1, now, row["id"])
            except Exception as error:
                if not own_fault(error):
                    raise
                await self._asides.add(conn, Unit(KIND, str(row["id"]), fire=lane.fire), error)
        return claimed

    def _left_out(self) -> list[UUID]:
        return [UUID(name) for name in self._asides.waiting(KIND)]

    async def _attempt(self, lane: Lane, address: Address, notice: asyncpg.Record) -> None:
        at, started = self._clock.now(), self._clock.monotonic()
        try:
            answer, verdict, words = await self._send(lane, address, notice, at)
        except Exception as error:
            log.exception("attempt_failed", notice_id=str(notice["id"]))
            answer, words = Answer(None, {}, b"", describe_error(error)), None
            verdict = Verdict(Fate.RETRY, error=answer.error)
        took_ms = (self._clock.monotonic() - started) * 1000
        if not lane.desk and verdict.fate is Fate.RETRY and _is_given_up(notice, answer, at):
            verdict = verdict._replace(fate=Fate.DEAD)
        NOTICE_ATTEMPTS.labels("no_answer" if answer.status is None else str(verdict.fate)).inc()
        await self._keep(lane, notice, Attempt(at, took_ms, answer.status, verdict, words))

    async def _send(
        self, lane: Lane, address: Address, notice: asyncpg.Record, at: datetime
    ) -> tuple[Answer, Verdict, str | None]:
        """Post one notice and judge the answer; a notice that cannot be sent is an attempt with its error."""
        try:
            request, line, rule = address(notice, at)
        except Exception as error:  # noqa: BLE001 - whatever stands in the row: this notice alone
            said = describe_error(error)
            # a call with a broken target stays broken; a restart corrects the desk's own address
            return Answer(None, {}, b"", said), Verdict(Fate.RETRY if lane.desk else Fate.DEAD, error=said), None
        answer = await line.ask(request, lane.timeout_s, lambda status: needs_body(status, rule))
        verdict = judge_answer(answer, self._clock.now(), rule)
        words = answer.words and hide(answer.words, request.secrets)
        if verdict.error is None:
            return answer, verdict, words
        said = verdict.error
        if lane.desk and words:  # what a contact answers is shown to fewer people than the error is
            said = f"{said}: {words[:_WORDS_IN_ERROR]}"
        return answer, verdict._replace(error=clean_text(hide(said, request.secrets), _LONGEST_ERROR)), words

    async def _keep(self, lane: Lane, notice: asyncpg.Record, made: Attempt) -> None:
        """Record the attempt; if the receiver's answer makes this fail, record it without the answer."""
        async with self._pool.acquire() as conn:
            try:
                await self._record(conn, lane, notice, made)
            except Exception as error:
                if not own_fault(error):
                    raise
                log.exception("attempt_not_recorded", notice_id=str(notice["id"]))
                await self._keep_bare(conn, lane, notice, made, error)
            else:
                await self._asides.over(conn, KIND, str(notice["id"]))
            if not lane.desk:
                await self._note_reached(conn, notice, made.verdict)
        verdict = made.verdict
        if verdict.fate is Fate.DELIVERED and notice["type"] == "fire.confirmed" and lane.desk and notice["first"]:
            CONFIRMED_TO_ACCEPTED.observe(max(0.0, self._clock.now().timestamp() - notice["created_s"]))
        if verdict.fate is not Fate.DELIVERED:
            log.warning("notice_not_accepted", notice_id=str(notice["id"]), fate=verdict.fate, error=verdict.error)

    async def _note_reached(self, conn: PoolConnectionProxy, notice: asyncpg.Record, verdict: Verdict) -> None:
        """Set a contact aside to whom a call was given up, until one reaches it: nobody else would tell of it."""
        contact: str = notice["channel"]
        try:
            if verdict.fate is Fate.DELIVERED:
                await self._asides.over(conn, CALL, contact)
            elif verdict.fate is Fate.DEAD:
                row = await conn.fetchrow(SQL["contact"], contact)
                name, area = ("", None) if row is None else (row["name"], row["area"])
                times = notice["attempts"]
                said = "1 attempt: " if times == 1 else f"{times} attempts, the last: "
                said = f"{said}{verdict.error}"
                await self._asides.add(conn, Unit(CALL, contact, area, detail={"name": name}), NotReached(said))
        except Exception as error:
            if not own_fault(error):
                raise
            log.exception("contact_not_noted", contact=contact)

    async def _keep_bare(
        self, conn: PoolConnectionProxy, lane: Lane, notice: asyncpg.Record, made: Attempt, error: Exception
    ) -> None:
        """Record the result alone. When even that fails the notice is set aside, and sent again when its time comes."""
        verdict = made.verdict
        why = None if verdict.fate is Fate.DELIVERED else f"what was answered cannot be kept: {type(error).__name__}"
        bare = made._replace(verdict=Verdict(verdict.fate, verdict.retry_after_s, error=why), words=None)
        try:
            await self._record(conn, lane, notice, bare)
        except Exception as again:
            if not own_fault(again):
                raise
            await self._asides.add(conn, Unit(KIND, str(notice["id"]), fire=lane.fire), again)

    async def _record(self, conn: PoolConnectionProxy, lane: Lane, notice: asyncpg.Record, made: Attempt) -> None:
        """Keep the attempt and its result in one transaction."""
        notice_id, attempts, now = notice["id"], notice["attempts"], self._clock.now()
        verdict, status = made.verdict, made.status
        async with conn.transaction():
            await conn.execute(
                SQL["add_attempt"], notice_id, attempts, made.at, made.took_ms, status, verdict.error, made.words
            )
            if verdict.fate is Fate.DELIVERED:
                await conn.execute(SQL["delivered"], notice_id, now, status, verdict.incident_id)
                if verdict.incident_id is not None and lane.desk and notice["incident_id"] is not None:
                    await conn.execute(SQL["keep_desk_incident"], notice["incident_id"], verdict.incident_id)
            elif verdict.fate is Fate.DEAD:
                await conn.execute(SQL["dead"], notice_id, now, status, verdict.error)
            else:
                soon = lane.fire and (lane.desk or attempts < CALL_ATTEMPTS)
                wait = wait_s(attempts, verdict.retry_after_s, fire=soon)
                # a fire's that waits for longer is taken by `claim` for one of a clock that was set back: due at once
                due = now + timedelta(seconds=min(wait, FIRE_WAITS_S) if lane.fire else wait)
                await conn.execute(SQL["retry"], notice_id, due, status, verdict.error)


def _is_given_up(notice: asyncpg.Record, answer: Answer, at: datetime) -> bool:
    """Whether a call that was not taken is not made again.

    What a gateway answers with 2xx it may have passed on, whatever its words: that is not sent on and on.
    """
    if notice["attempts"] < CALL_ATTEMPTS:
        return False
    passed_on = answer.status is not None and 200 <= answer.status < 300
    return passed_on or at.timestamp() - notice["created_s"] >= CALL_TRIED_S
