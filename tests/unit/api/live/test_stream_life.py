"""How long a stream lives, on a loop whose time is moved on by hand: nothing here waits."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.live.hub import Hub, Part
from services.api.live.stream import STALLED_S, EventStream
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope

PING = b"event: ping\n"
EVERYWHERE = Who("key:city", "city", Role.VIEWER, Scope(("*",)))


class NoWaiting(selectors.DefaultSelector):
    """Lets the time that the loop would wait be over at once."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for something that never comes"
        self.passed_s += timeout
        return super().select(0)


class HandLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._hand = NoWaiting()
        super().__init__(self._hand)

    def time(self) -> float:
        return self._hand.passed_s


class LoopClock:
    """The clock of that loop."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Browser:
    """Reads one stream; takes nothing any more once `stalls_at` of what is sent holds. Notes when what came."""

    def __init__(self, hub: Hub, stalls_at: Callable[[Any], bool] = lambda message: False) -> None:
        self.hub, self.stalls_at = hub, stalls_at
        self.got: list[tuple[float, Any]] = []
        self.seen: str | None = None  # the place that it comes back from
        self.stalled_s = self.ended_s = 0.0

    async def read(self) -> None:
        stream = EventStream(self.hub, self.hub.join(EVERYWHERE, self.seen), LoopClock())
        await stream({}, self._stay, self._take)
        self.ended_s = LoopClock().monotonic()

    async def _stay(self) -> Any:
        await asyncio.Event().wait()

    async def _take(self, message: Any) -> None:
        if self.stalls_at(message):
            self.stalled_s = LoopClock().monotonic()
            await asyncio.Event().wait()
        self.got.append((LoopClock().monotonic(), message))

    def times_of(self, body: bytes) -> list[float]:
        return [at for at, message in self.got if message.get("body", b"").startswith(body)]


def by_hand(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=HandLoop) as runner:
        runner.run(story)


def publish(hub: Hub) -> None:
    hub.publish("alarm", [Part(None, b"{}")])


def test_a_silent_stream_says_every_15_s_that_it_lives() -> None:
    async def story() -> None:
        browser = Browser(Hub())
        await browser.read()
        said = browser.times_of(PING)
        assert said == pytest.approx([15 * (n + 1) for n in range(len(said))])
        assert len(said) >= 0.9 * 600 / 15

    by_hand(story())


def test_what_was_missed_comes_before_the_place_behind_it() -> None:
    """A line that breaks in between would else skip it for good."""

    async def story() -> None:
        hub = Hub()
        browser = Browser(hub)
        async with asyncio.TaskGroup() as group:
            group.create_task(browser.read())  # as long as somebody is there, what is told is remembered
            await asyncio.sleep(1)
            seen = hub.place
            publish(hub)
            back = Browser(hub, lambda _: False)
            back.seen = seen
            group.create_task(back.read())
            await asyncio.sleep(1)
            place = hub.place
            hub.close()
        opening = back.got[1][1]["body"].decode()
        assert opening.index("event: alarm") < opening.rindex("id: ")
        assert opening.endswith(f"id: {place}\n\n")
        assert seen not in opening

    by_hand(story())


def test_a_stream_with_news_needs_no_keep_alive() -> None:
    async def story() -> None:
        hub = Hub()
        browser = Browser(hub)
        async with asyncio.TaskGroup() as group:
            group.create_task(browser.read())
            for _ in range(6):
                await asyncio.sleep(10)
                publish(hub)
            await asyncio.sleep(1)
            hub.close()
        assert browser.times_of(PING) == []
        assert len(browser.got) == 2 + 6 + 1  # the head and the opening, the news, the end

    by_hand(story())


def test_a_stream_ends_after_ten_minutes_each_at_a_moment_of_its_own() -> None:
    async def story() -> None:
        hub = Hub()
        browsers = [Browser(hub) for _ in range(200)]
        async with asyncio.TaskGroup() as group:
            for browser in browsers:
                group.create_task(browser.read())
        ends = [browser.ended_s for browser in browsers]
        assert min(ends) >= 0.9 * 600
        assert max(ends) <= 1.1 * 600 + 15  # a life that is over is noticed at the next keep-alive
        assert max(ends) - min(ends) > 0.1 * 600
        assert all(browser.got[-1][1]["more_body"] is False for browser in browsers)
        assert not hub.listened_to

    by_hand(story())


@pytest.mark.parametrize(
    "stalls_at",
    [
        lambda message: message.get("body", b"").startswith(b": firetower"),
        lambda message: message.get("body", b"").startswith(b"event: alarm"),
        lambda message: message.get("more_body") is False,
    ],
    ids=["opening", "news", "end"],
)
def test_a_client_that_takes_nothing_for_a_minute_is_dropped(stalls_at: Callable[[Any], bool]) -> None:
    async def story() -> None:
        hub = Hub()
        stalled, other = Browser(hub, stalls_at), Browser(hub)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(stalled.read())
            group.create_task(other.read())
            await asyncio.sleep(1)
            publish(hub)
            await reading
            assert stalled.ended_s - stalled.stalled_s == pytest.approx(STALLED_S)
            assert stalled.got[-1][1].get("more_body") is not False  # without an end the server cuts the connection
            hub.close()
        assert any(message.get("body", b"").startswith(b"event: alarm") for _, message in other.got)
        assert not hub.listened_to

    by_hand(story())
