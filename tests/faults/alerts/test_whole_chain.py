"""Everything between a pressed call point and the desk is killed at random, all five of them."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from services.alerts.audit import verify
from services.core.mqtt import SessionConfig
from tests.faults.alerts.script import Script
from tests.faults.reports import keep_report
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.waiting import eventually

Servers = dict[str, Broker | PostgresServer]


class Killer:
    """Kills one of the five, leaves it dead for up to a second, and starts it again, as a supervisor would."""

    def __init__(self, dice: random.Random, programs: dict[str, Program], servers: Servers) -> None:
        self._dice = dice
        self._programs = programs
        self._servers = servers
        self.kills: Counter[str] = Counter()

    def audit_key(self) -> bytes:
        """The key with which the worker signed its anchors."""
        return (self._programs["alerts"].folder / "audit.key").read_bytes().strip()

    async def kill_one(self) -> None:
        victim = self._dice.choice([*self._programs, *self._servers])
        self.kills[victim] += 1
        if victim in self._servers:
            self._servers[victim].kill()
            await asyncio.sleep(self._dice.random())
            self._servers[victim].start()  # not in a thread: the server ends with the thread that started it
        elif self._programs[victim].process.poll() is None:
            self._programs[victim].kill()
            await asyncio.sleep(self._dice.random())

    async def keep_alive(self) -> None:
        while True:
            for program in self._programs.values():
                if program.process.poll() is not None:
                    program.restart()
            await asyncio.sleep(0.2)


@pytest.fixture
def killer(alerts: Callable[..., Program], ingest: Program, desk: DeskControl, servers: Servers) -> Killer:
    programs = {"alerts": alerts(), "ingest": ingest, "desk": desk.program}
    return Killer(random.Random(11), programs, servers)


@pytest.fixture
def servers(broker: Broker, postgres: PostgresServer) -> Servers:
    return {"broker": broker, "database": postgres}


@pytest.fixture
def ingest(program: Callable[..., Program], database: str, broker: Broker) -> Program:
    started = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url)
    started.wait_ready()
    return started


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_five_hundred_alarms_while_all_five_are_killed(
    database: str, broker: Broker, desk: DeskControl, killer: Killer
) -> None:
    config = SessionConfig.from_url(
        urlsplit(broker.fleet_url), "firetower.test.script", filters=("fire/v1/+/+/+/down/ack",)
    )
    script = Script(config)
    link = script.link
    async with asyncio.TaskGroup() as tasks:
        session = tasks.create_task(link.run())
        alive = tasks.create_task(killer.keep_alive())
        await link.ready()
        for number in range(500):
            await script.alarm(number)
            await asyncio.sleep(0.12)
            if number % 20 == 19:
                await killer.kill_one()
        await eventually(lambda: script.all_acked, what="every event acknowledged", timeout_s=120)
        county = await eventually(lambda: open_again(database), what="the database")
        owed = sum(map(len, script.owed.values()))
        await eventually(lambda: county.notices("state = 'delivered'", at_least=owed), what="all told", timeout_s=120)
        alive.cancel()
        await link.stop()
        await session
    told: dict[str, list[str]] = {}
    taken = [one for one in await desk.received(limit=100_000) if one["first"]]
    for one in taken:
        told.setdefault(one["body"]["device"]["code"], []).append(one["type"])
    assert told == script.owed
    assert len({one["notice_id"] for one in taken}) == len(taken) == owed
    alarms = await county.alarms("a.category <> 'system'")
    assert len(alarms) == len({row["device"] for row in alarms}) == 500
    assert not await county.notices("state <> 'delivered'")
    assert (await verify(county.conn, killer.audit_key())).faults == []
    await county.close()
    found = {
        "alarms": len(alarms), "kills": killer.kills, "notices": owed, "events_sent_again": link.counts.events_resent
    }  # fmt: skip
    keep_report("whole-chain", found)
    print(json.dumps(found))  # noqa: T201


async def open_again(dsn: str) -> County | None:
    try:
        return await County.open(dsn)
    except OSError:
        return None
