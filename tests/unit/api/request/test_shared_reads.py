"""Answers that are kept for a while."""

import asyncio
from datetime import UTC, datetime

from services.api.request.shared_reads import Kept
from services.api.request.turns import ROOM, Room


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


async def _read_at(clock: Clock, kept: Kept, at: float, *, takes_s: float = 0.0) -> float:
    async def read() -> float:
        await clock.sleep(takes_s)
        return at

    clock.at = max(at, clock.at)
    return await kept.get("key", 2.0, clock, read)


async def test_an_answer_is_kept_for_the_seconds_asked_for() -> None:
    clock, kept = Clock(), Kept()
    assert await _read_at(clock, kept, 10) == 10
    assert await _read_at(clock, kept, 11.9) == 10
    assert await _read_at(clock, kept, 12) == 12


async def test_an_answer_that_took_long_is_kept_longer() -> None:
    clock, kept = Clock(), Kept()
    assert await _read_at(clock, kept, 10, takes_s=0.5) == 10
    assert await _read_at(clock, kept, 20.4) == 10
    assert await _read_at(clock, kept, 20.6) == 20.6


async def test_who_asks_while_it_is_read_again_gets_the_last_answer_unless_it_is_too_old() -> None:
    clock, kept, go = Clock(), Kept(), asyncio.Event()
    assert await _read_at(clock, kept, 10) == 10

    async def read() -> str:
        await go.wait()
        return "new"

    clock.at = 20
    reading = asyncio.create_task(kept.get("key", 2.0, clock, read))
    await asyncio.sleep(0)
    assert await kept.get("key", 2.0, clock, read) == 10
    clock.at = 100
    waiting = asyncio.create_task(kept.get("key", 2.0, clock, read))
    await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    assert await asyncio.gather(reading, waiting) == ["new", "new"]


async def test_the_desk_waits_for_nobody_elses_reading() -> None:
    clock, kept, go = Clock(), Kept(), asyncio.Event()

    async def read_slowly() -> str:
        ROOM.set(Room.OTHERS)

        async def read() -> str:
            await go.wait()
            return "slow"

        return str(await kept.get("key", 2.0, clock, read))

    slow = asyncio.create_task(read_slowly())
    await asyncio.sleep(0)
    assert await _read_at(clock, kept, 1) == 1
    go.set()
    assert await slow == "slow"


async def test_who_asks_while_it_is_read_waits_for_it() -> None:
    clock, kept, reads, go = Clock(), Kept(), [], asyncio.Event()

    async def read() -> int:
        reads.append(1)
        await go.wait()
        return len(reads)

    both = [asyncio.create_task(kept.get("key", 2.0, clock, read)) for _ in range(2)]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*both) == [1, 1]


async def test_what_is_asked_for_anew_is_read_anew_and_kept_for_the_others() -> None:
    clock, kept = Clock(), Kept()
    assert await _read_at(clock, kept, 10) == 10

    async def read() -> float:
        return 11.0

    clock.at = 11
    assert await kept.anew("key", 2.0, clock, read) == 11
    assert await _read_at(clock, kept, 12.9) == 11


async def test_those_who_ask_anew_while_it_is_read_share_the_next_reading() -> None:
    clock, kept, go, reads = Clock(), Kept(), asyncio.Event(), 0

    async def read() -> int:
        nonlocal reads
        reads += 1
        mine = reads
        await go.wait()
        clock.at += 1
        return mine

    first = asyncio.create_task(kept.anew("key", 2.0, clock, read))
    await asyncio.sleep(0)
    clock.at += 1
    others = [asyncio.create_task(kept.anew("key", 2.0, clock, read)) for _ in range(3)]
    await asyncio.sleep(0)
    go.set()
    assert [await first, *[await one for one in others]] == [1, 2, 2, 2]


async def test_an_answer_of_which_the_reading_began_later_is_not_replaced_by_an_older_one_of_another_room() -> None:
    clock, kept, go = Clock(), Kept(), asyncio.Event()

    async def read_slowly() -> str:
        ROOM.set(Room.OTHERS)

        async def read() -> str:
            await go.wait()
            return "old"

        return str(await kept.get("key", 2.0, clock, read))

    slow = asyncio.create_task(read_slowly())
    await asyncio.sleep(0)
    assert await _read_at(clock, kept, 1, takes_s=1) == 1
    go.set()
    assert await slow == "old"
    assert await _read_at(clock, kept, 2.5) == 1
