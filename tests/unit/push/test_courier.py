"""What one subscriber is sent, with a database that says what the test wants it to."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg

from services.core.answers import Answer
from services.core.clock import SystemClock
from services.core.line import Line, Request
from services.push.courier import Courier, Tools
from services.push.documents import Documents
from services.push.recorder import Outcome, Recorder
from services.push.subjects import Delivery, Event
from tests.support.hand_clock import HandClock
from tests.support.subscriber import SECRET
from tests.support.waiting import eventually

LATER = datetime.now(UTC) + timedelta(hours=72)
SUBSCRIPTION = {
    "id": 1, "url": "http://platform.test/hook", "format": "cloudevents", "secret": SECRET, "previous_secret": None,
    "failures": 0, "last_at": None, "last_error": None,
}  # fmt: skip


class Rows:
    """A pool whose deliveries that wait are those of `waiting`."""

    def __init__(self, waiting: list[Delivery]) -> None:
        self._waiting = waiting

    async def fetch(self, _statement: str, *_values: Any) -> list[dict[str, Any]]:
        return [
            {
                "number": one.number, "subject": one.subject, "attempts": 0, "due_at": one.due_at,
                "expires_at": one.expires_at, "total": len(self._waiting),
            }
            for one in self._waiting
        ]  # fmt: skip


class Unwritten(Recorder):
    """Keeps outcomes to itself."""

    async def flush(self) -> None:
        self._noted = []


def delivery(number: int, subject: str = "h-1") -> Delivery:
    return Delivery(Event(number, uuid4(), datetime.now(UTC), b"%d" % number), subject, 0, datetime.now(UTC), LATER)


async def test_what_was_read_before_it_was_told_of_is_sent_once() -> None:
    """The numbering commits, a courier that fills its memory reads the rows, and only then it is told of them."""
    sent: list[int] = []

    class Taker:
        async def ask(self, request: Request, _timeout_s: float) -> Answer:
            sent.append(int(request.body))
            return Answer(204, {}, b"")

    read, fresh = [delivery(1), delivery(2)], delivery(3)
    pool, clock = cast("asyncpg.Pool", Rows(read)), SystemClock()
    documents = Documents(pool)
    documents.remember(one.event for one in read)
    tools = Tools(pool, Unwritten(pool, clock), documents, clock)
    courier = Courier(SUBSCRIPTION, cast("Line", Taker()), tools)
    running = asyncio.create_task(courier.run())
    await eventually(lambda: 1 in sent, what="what was read")
    courier.offer([*read, fresh])
    await eventually(lambda: 3 in sent, what="what is new")
    running.cancel()
    await asyncio.wait([running])
    assert sent == [1, 2, 3]


async def test_an_answer_that_comes_after_a_pause_was_asked_for_does_not_end_it() -> None:
    """PostHog/posthog 93061 and its like: of requests side by side one is told to wait, and the others succeed."""
    sent: list[int] = []
    paused = asyncio.Event()

    class Busy:
        async def ask(self, request: Request, _timeout_s: float) -> Answer:
            sent.append(int(request.body))
            if sent[-1] == 1:
                return Answer(429, {"retry-after": "3600"}, b"")
            await paused.wait()
            return Answer(204, {}, b"")

    noted: list[Outcome] = []

    class Kept(Unwritten):
        def note(self, outcome: Outcome) -> None:
            noted.append(outcome)
            paused.set()

    read = [delivery(1, "h-1"), delivery(2, "h-2"), delivery(3, "h-2")]
    pool, clock = cast("asyncpg.Pool", Rows(read)), SystemClock()
    documents = Documents(pool)
    documents.remember(one.event for one in read)
    courier = Courier(SUBSCRIPTION, cast("Line", Busy()), Tools(pool, Kept(pool, clock), documents, clock))
    running = asyncio.create_task(courier.run())
    await eventually(lambda: len(noted) == 2, what="both answers")
    courier.offer([delivery(4, "h-3")])
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert sorted(sent) == [1, 2], "an hour was asked for"
    (waiting,) = [one for one in noted if one.state == "waiting"]
    assert waiting.due_at - waiting.at >= timedelta(hours=1), "and the list of deliveries says so"


class ClockSetBack(HandClock):
    """A clock that somebody sets back."""

    behind = timedelta(0)

    def now(self) -> datetime:
        return super().now() - self.behind


class Releasing(Rows):
    """A pool that notes what is released."""

    released: datetime | None = None

    async def execute(self, _statement: str, _subscription: int, now: datetime) -> None:
        self.released = now


async def test_nothing_waits_for_a_time_of_a_clock_that_was_set_back_since() -> None:
    """The clock was an hour ahead when a receiver failed: its next try lies an hour ahead, and so do all later ones."""
    sent: list[int] = []

    class Failing:
        async def ask(self, request: Request, _timeout_s: float) -> Answer:
            sent.append(int(request.body))
            return Answer(503, {}, b"") if len(sent) <= 3 else Answer(204, {}, b"")

    clock = ClockSetBack()
    read = [replace(delivery(number, f"h-{number}"), due_at=clock.now()) for number in (1, 2, 3)]
    rows = Releasing(read)
    pool = cast("asyncpg.Pool", rows)
    documents = Documents(pool)
    documents.remember(one.event for one in read)
    courier = Courier(SUBSCRIPTION, cast("Line", Failing()), Tools(pool, Unwritten(pool, clock), documents, clock))
    running = asyncio.create_task(courier.run())
    await eventually(lambda: len(sent) == 3, what="the first tries")
    clock.behind = timedelta(hours=1)
    courier.offer([])
    await eventually(lambda: len(sent) == 6, what="the second tries")
    running.cancel()
    await asyncio.wait([running])
    assert rows.released == clock.now(), "and so do those that memory does not hold"
