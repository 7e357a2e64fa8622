"""Many simulated panels on the real gateway, and the books that say what must be in the database."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from services.core.clock import SystemClock
from simulators.noise import Dice
from simulators.panel_frames import component_state, unit
from simulators.panel_link import Habits, PanelLink, Said
from tests.support.waiting import PATIENCE_S

FIRST = 500_000
_OPENED = """select count(*) from alarm a join device d on d.id = a.device_id
             where a.code = 'fire' and d.code like 'utd-%'"""


@dataclass
class Books:
    """Every alarm that was said: its confirm time by the wall clock, and how long that took."""

    confirmed_at: dict[tuple[str, str], float] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)


class Crowd:
    def __init__(self, port: int, count: int, habits: Habits) -> None:
        self.books = Books()
        clock = SystemClock()
        self.links = [
            PanelLink(("127.0.0.1", port), FIRST + number, clock, Dice(1, "crowd", number), habits=habits)
            for number in range(count)
        ]

    async def fire(self, number: int, loop: int, point: int) -> None:
        """Say a fire and wait for its confirm."""
        link = self.links[number]
        start = time.perf_counter()
        adu = unit(2, component_state(0b10, loop, point, time=link.time(), text=f"{loop}区{point}点"))
        await link.say(adu, fire=True)
        self.books.took_s.append(time.perf_counter() - start)
        self.books.confirmed_at[link.code, f"{loop}-{point} 感烟火灾探测器"] = time.time()

    @property
    def said(self) -> list[Said]:
        return [said for link in self.links for said in link.unconfirmed]

    async def connected(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until every link had a heartbeat answered."""
        deadline = time.monotonic() + timeout_s
        while any(link.tally.orders == 0 for link in self.links):  # the clock is set on connect
            missing = sum(link.tally.orders == 0 for link in self.links)
            assert time.monotonic() < deadline, f"{missing} of {len(self.links)} panels had no clock set"
            await asyncio.sleep(0.1)


async def register_crowd(database: str, codes: list[str]) -> None:
    """Enter panels into the registry under the names they would have without: a county's panels are registered."""
    connection = await asyncpg.connect(database)
    await connection.executemany(
        """insert into device (code, kind, area, registered, gateway_address) values ($1, 'panel', '140931', true, $2)
           on conflict (code) do update set registered = true, gateway_address = excluded.gateway_address""",
        [(code, code.removeprefix("utd-")) for code in codes],
    )
    await connection.close()


@asynccontextmanager
async def crowd_of(
    port: int, count: int, habits: Habits | None = None, *, database: str | None = None
) -> AsyncIterator[Crowd]:
    """Panels on their links; registered ones if a `database` is given."""
    crowd = Crowd(port, count, habits or Habits())
    if database is not None:
        await register_crowd(database, [link.code for link in crowd.links])
    tasks = []
    for link in crowd.links:
        tasks.append(asyncio.create_task(link.run(), name=link.code))
        await asyncio.sleep(0.002)
    yield crowd
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def check_books(database: str, books: Books) -> dict[str, float]:
    """Every confirmed fire is stored exactly once, was committed before its confirm, and opened exactly one alarm."""
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        """select d.code, e.component, b.committed_at, e.received_at
           from event e join device d on d.id = e.device_id join ingest_batch b on b.id = e.batch_id
           where e.type = 'fire' and d.code like 'utd-%'"""
    )
    deadline = time.monotonic() + PATIENCE_S
    while (opened := await connection.fetchval(_OPENED)) < len(rows):
        assert time.monotonic() < deadline, f"{opened} alarms for {len(rows)} fires"
        await asyncio.sleep(0.1)
    alarms = await connection.fetch(
        """select d.code, a.component from alarm a join device d on d.id = a.device_id
           where a.code = 'fire' and d.code like 'utd-%'"""
    )
    await connection.close()
    stored: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        stored.setdefault((row["code"], row["component"]), []).append(row["committed_at"].timestamp())
    assert set(stored) == set(books.confirmed_at), set(books.confirmed_at) ^ set(stored)
    twice = {key: times for key, times in stored.items() if len(times) != 1}
    assert not twice, twice
    early = {key: (at, stored[key][0]) for key, at in books.confirmed_at.items() if at < stored[key][0]}
    assert not early, early
    assert Counter(map(tuple, alarms)) == Counter(books.confirmed_at.keys())
    took = sorted(books.took_s)
    return {
        "fires": len(rows),
        "alarms": len(alarms),
        "confirm_p50_s": round(took[len(took) // 2], 3),
        "confirm_p99_s": round(took[int(len(took) * 0.99)], 3),
        "confirm_max_s": round(took[-1], 3),
    }
