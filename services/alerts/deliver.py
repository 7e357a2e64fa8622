"""The outbox: claims notices that are due, posts them signed, records every attempt. Started by main.

Promises at-least-once delivery in order per alarm; fires have workers of their own; no redirect is ever followed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import asyncpg
import httpx2

from services.alerts.answers import Answer, Fate, Verdict, judge_answer, wait_s
from services.core.alarms.words import NoticeType
from services.core.clock import Clock, wait_at_most
from services.core.db import load_queries
from services.core.log import logger
from services.core.metrics import CONFIRMED_TO_ACCEPTED, NOTICE_ATTEMPTS

SQL = load_queries(Path(__file__).with_name("outbox.sql"))
POLL_S = 0.25  # the guarantee; the hint wakes us at once
MAX_ANSWER_BYTES = 64 * 1024
CALL_ATTEMPTS = 20  # a contact who cannot be reached is given up; the escalation policy goes on to the next step
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
    types: tuple[NoticeType, ...] = ()  # of the desk's notices; empty: all


FIRES = Lane(
    "fires", fire=True, desk=True, workers=16, timeout_s=2, types=(NoticeType.FIRE_CONFIRMED, NoticeType.ESCALATED)
)
FIRE_NEWS = Lane(  # a burning block has hundreds: another site's fire does not wait behind them
    "fire-news", fire=True, desk=True, workers=8, timeout_s=2, types=(NoticeType.UPDATED, NoticeType.CLEARED)
)
OTHERS = Lane("others", fire=False, desk=True, workers=6, timeout_s=10)
CALLS = (
    Lane("fire-calls", fire=True, desk=False, workers=6, timeout_s=5),
    Lane("calls", fire=False, desk=False, workers=4, timeout_s=10),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire for one notice."""

    url: str
    headers: dict[str, str]
    body: bytes


class Attempt(NamedTuple):
    """One attempt and what followed."""

    at: datetime
    took_ms: float
    status: int | None
    verdict: Verdict


Address = Callable[[asyncpg.Record, datetime], Request]


class Outbox:
    """Delivers waiting notices until it is cancelled. `hint` wakes it; a poll is the guarantee."""

    def __init__(self, pool: asyncpg.Pool, client: httpx2.AsyncClient, clock: Clock, owner: UUID) -> None:
        self._pool = pool
        self._client = client
        self._clock = clock
        self._owner = owner
        self._hints: list[asyncio.Event] = []

    def hint(self) -> None:
        """Say that a notice may be due."""
        for hint in self._hints:
            hint.set()

    async def run(self, lane: Lane, address: Address, hold_older_than_s: Callable[[], float] | None = None) -> None:
        """Claim and send without end; the first error that is ours ends the program."""
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
        until = now + timedelta(seconds=lane.timeout_s + 3)
        async with self._pool.acquire() as conn:
            if hold_older_than_s is not None:
                await conn.execute(SQL["hold_old"], now - timedelta(seconds=hold_older_than_s()))
            found: list[asyncpg.Record] = await conn.fetch(
                SQL["claim"], self._owner, now, until, lane.fire, room, lane.desk, list(lane.types)
            )
        return found

    async def _attempt(self, lane: Lane, address: Address, notice: asyncpg.Record) -> None:
        at, started = self._clock.now(), self._clock.monotonic()
        answer = await self._post(address(notice, at), lane.timeout_s)
        verdict = judge_answer(answer, self._clock.now())
        took_ms = (self._clock.monotonic() - started) * 1000
        if not lane.desk and verdict.fate is Fate.RETRY and notice["attempts"] >= CALL_ATTEMPTS:
            verdict = verdict._replace(fate=Fate.DEAD)
        NOTICE_ATTEMPTS.labels("no_answer" if answer.status is None else str(verdict.fate)).inc()
        await self._record(lane, notice, Attempt(at, took_ms, answer.status, verdict))

    async def _post(self, request: Request, timeout_s: float) -> Answer:
        try:
            async with asyncio.timeout(timeout_s):
                async with self._client.stream(
                    "POST", request.url, headers=request.headers, content=request.body
                ) as response:
                    body = b""
                    async for piece in response.aiter_bytes():
                        body += piece[: MAX_ANSWER_BYTES - len(body)]
                    return Answer(response.status_code, response.headers, body)
        except TimeoutError:
            return Answer(None, {}, b"", f"no answer within {timeout_s:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Answer(None, {}, b"", f"{type(error).__name__}: {error}")

    async def _record(self, lane: Lane, notice: asyncpg.Record, made: Attempt) -> None:
        """Keep the attempt and its result in one transaction."""
        notice_id, attempts, now = notice["id"], notice["attempts"], self._clock.now()
        verdict, status = made.verdict, made.status
        async with self._pool.acquire() as conn, conn.transaction():
            await conn.execute(SQL["add_attempt"], notice_id, attempts, made.at, made.took_ms, status, verdict.error)
            if verdict.fate is Fate.DELIVERED:
                await conn.execute(SQL["delivered"], notice_id, now, status, verdict.incident_id)
                if verdict.incident_id is not None and lane.desk and notice["incident_id"] is not None:
                    await conn.execute(SQL["keep_desk_incident"], notice["incident_id"], verdict.incident_id)
            elif verdict.fate is Fate.DEAD:
                await conn.execute(SQL["dead"], notice_id, now, status, verdict.error)
            else:
                due = now + timedelta(seconds=wait_s(attempts, verdict.retry_after_s, fire=lane.fire))
                await conn.execute(SQL["retry"], notice_id, due, status, verdict.error)
        if verdict.fate is Fate.DELIVERED and notice["type"] == "fire.confirmed" and lane.desk:
            CONFIRMED_TO_ACCEPTED.observe((now - notice["created_at"]).total_seconds())
        if verdict.fate is not Fate.DELIVERED:
            log.warning("notice_not_accepted", notice_id=str(notice_id), fate=verdict.fate, error=verdict.error)
