"""Kills at random while alarms are made by script: everything due arrives, once by id, in order per alarm."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from services.alerts.audit import verify
from services.core import db
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import PostgresServer, Program
from tests.support.waiting import eventually


class Kills:
    """Kills a program at random and brings it back, as the supervisor does within 2 s."""

    def __init__(self, seed: int, worker: Program, desk: Program, postgres: PostgresServer) -> None:
        self._dice = random.Random(seed)
        self._worker = worker
        self._desk = desk
        self._postgres = postgres
        self.counts = {"alerts": 0, "database": 0, "desk": 0}

    async def one(self) -> None:
        victim = self._dice.choice(list(self.counts))
        self.counts[victim] += 1
        if victim == "database":
            self._postgres.kill()
            await asyncio.sleep(self._dice.random())
            self._postgres.start()  # not in a thread: the server ends with the thread that started it
        elif victim == "desk":
            self._desk.kill()
            await asyncio.sleep(self._dice.random())
            self._desk.restart()
        elif self._worker.process.poll() is None:
            self._worker.kill()

    async def keep_the_worker_alive(self) -> None:
        while True:
            if self._worker.process.poll() is not None:
                self._worker.restart()
            await asyncio.sleep(0.2)


async def survive(county_of: Callable[[], Awaitable[County]], work: Callable[[County], Awaitable[None]]) -> None:
    """Do `work` with a connection that may die under it; ingest, too, repeats what was not committed."""
    while True:
        try:
            county = await county_of()
            await work(county)
            await county.close()
        except db.AWAY:
            await asyncio.sleep(0.2)
        else:
            return


async def run(
    database: str, desk: DeskControl, worker: Program, postgres: PostgresServer, *, alarms: int, kills: int
) -> None:
    county = await County.open(database)
    ids = {f"panel-{n}": await county.add_device(f"panel-{n}") for n in range(10)}
    await county.close()

    async def again() -> County:
        opened = await County.open(database)
        opened.use(ids)
        return opened

    killer = Kills(7, worker, desk.program, postgres)
    alive = asyncio.create_task(killer.keep_the_worker_alive())
    every = max(1, alarms // kills)
    for n in range(alarms):
        event = {"device": f"panel-{n % 10}", "type": "manual_alarm", "component": f"c{n}", "event_id": f"press-{n}"}

        async def send(county: County, event: dict[str, str] = event) -> None:
            if not await county.conn.fetchval("select count(*) from event where event_id = $1", event["event_id"]):
                await county.send_events([event])

        await survive(again, send)
        if n % every == every - 1:
            await killer.one()
    if desk.program.process.poll() is not None:
        desk.program.restart()

    async def all_delivered(county: County) -> None:
        await eventually(
            lambda: county.notices("state = 'delivered' and channel = 'desk'", at_least=alarms),
            what="all",
            timeout_s=120,
        )

    await survive(again, all_delivered)
    alive.cancel()
    await asyncio.gather(alive, return_exceptions=True)
    county = await again()
    try:
        fires = await county.alarms("a.code = 'fire'")
        assert len(fires) == alarms
        assert len({(row["subject"], row["component"]) for row in fires}) == alarms
        taken = [one for one in await desk.received() if one["first"]]
        by_id = {str(notice["id"]): notice for notice in await county.notices("channel = 'desk'")}
        assert len({one["notice_id"] for one in taken}) == len(taken)
        assert {one["notice_id"] for one in taken} == set(by_id)
        order: dict[int, list[int]] = {}
        for one in taken:
            notice = by_id[one["notice_id"]]
            assert notice["body"].decode() == one["bytes"]
            order.setdefault(notice["alarm_id"], []).append(notice["number"])
        assert all(numbers == sorted(numbers) for numbers in order.values())
        key = (worker.folder / "audit.key").read_bytes().strip()
        assert (await verify(county.conn, key)).faults == []
    finally:
        await county.close()


async def test_kills_of_worker_database_and_desk_double_and_lose_nothing(
    database: str, desk: DeskControl, alerts: Callable[..., Program], postgres: PostgresServer
) -> None:
    await run(database, desk, alerts(), postgres, alarms=40, kills=6)
