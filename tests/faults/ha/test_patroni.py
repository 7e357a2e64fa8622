"""The primary's machine is lost again and again: nothing acknowledged is lost or doubled, each fire is told once.

How soon it serves again stands in the report: that is measured, for it depends on the machine.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.core import db, migrate
from services.core.clock import SystemClock
from stack.children import free_port
from tests.faults.chaos.books import row_of, stored_events, stored_readings
from tests.faults.chaos.crowd import Crowd
from tests.faults.ha.cluster import Cluster, running
from tests.faults.reports import keep_report
from tests.support.servers import Broker, Program, run_in_thread
from tests.support.waiting import eventually

KILLS = 10
RATE_PER_S = 1000


@pytest.fixture
def cluster(scratch: Path) -> Iterator[Cluster]:
    with running(scratch) as made:
        run_in_thread(migrate.upgrade(made.dsn))
        yield made


class Deeds:
    """What the run does to the system, and what it finds."""

    def __init__(self, cluster: Cluster, broker: Broker) -> None:
        self.cluster, self._broker = cluster, broker
        self.fires = 0
        self.kills: list[dict[str, float]] = []

    def press(self) -> None:
        """Press a call point of its own panel."""
        self.fires += 1
        fire = {"event_id": "pressed", "ts": int(time.time() * 1000), "type": "manual_alarm", "component": "1"}
        topic = f"fire/v1/140931100/panel/PRESSED-{self.fires}/up/event"
        assert self._broker.publish(topic, json.dumps(fire)) == 0

    async def lose_the_primary(self) -> None:
        """Kill the machine of the primary, press meanwhile, wait until that fire is told, bring the machine back."""
        lost = self.cluster.primary()
        assert lost is not None
        standby = next(node for node in self.cluster.nodes if node is not lost)
        self.press()
        began = time.monotonic()
        lost.kill()
        self.press()

        async def leads() -> bool:
            return await asyncio.to_thread(standby.is_, "primary")

        await eventually(leads, what="a new primary", timeout_s=300, every_s=0.2)
        led_s = time.monotonic() - began
        await eventually(self._all_told, what="fires told by the new primary", timeout_s=300, every_s=0.2)
        back_s = time.monotonic() - began
        lost.start()
        await asyncio.to_thread(self.cluster.wait_whole)
        whole_s = time.monotonic() - began
        kill = {"led_s": led_s, "back_s": back_s, "whole_s": whole_s, "load": os.getloadavg()[0]}
        self.kills.append({name: round(value, 1) for name, value in kill.items()})
        print(json.dumps(self.kills[-1]), flush=True)  # noqa: T201

    async def _all_told(self) -> bool:
        sql = "select count(*) from notice where fire and state = 'delivered'"
        try:
            connection = await db.connect(self.cluster.dsn, program="test")
        except db.AWAY:
            db.pass_on_cancel()
            return False
        try:
            return bool(await connection.fetchval(sql) >= self.fires)
        except db.AWAY:
            db.pass_on_cancel()
            return False
        finally:
            connection.terminate()


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_primaries_that_are_lost_cost_nothing_that_was_acknowledged(
    cluster: Cluster, broker: Broker, program: Callable[..., Program]
) -> None:
    port = free_port()
    env = {"DATABASE_URL": cluster.dsn, "MQTT_URL": broker.url, "DISPATCH_URL": f"http://127.0.0.1:{port}"}
    programs = [program("desk", DESK_PORT=port), program("ingest", **env), program("alerts", **env)]
    for one in programs:
        await asyncio.to_thread(one.wait_ready, 120)
    deeds = Deeds(cluster, broker)
    crowd = Crowd("HA", broker.fleet_url, SystemClock().monotonic(), devices=100, rate=RATE_PER_S, events_per_s=5)
    stop = asyncio.Event()
    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        link = tasks.create_task(crowd.link.run())
        publishing = tasks.create_task(crowd.publish(stop))
        for _ in range(KILLS):
            await deeds.lose_the_primary()
        stop.set()
        await publishing
        seconds = time.monotonic() - began
        await eventually(lambda: crowd.settled, what="every ack", timeout_s=180)
        await asyncio.to_thread(cluster.wait_whole)
        database = await db.connect(cluster.dsn, program="test", statement_timeout_s=300)

        async def complete() -> bool:
            return (await stored_readings(database, crowd.prefix)).keys() >= crowd.books.acked.keys()

        await eventually(complete, what="every reading", timeout_s=180, every_s=1.0)
        row = row_of(crowd.prefix, crowd.books, await stored_readings(database, crowd.prefix), [])
        events = await stored_events(database, crowd.prefix)
        await database.close()
        await crowd.link.stop()
        await link
    async with httpx2.AsyncClient() as client:
        received = (await client.get(f"http://127.0.0.1:{port}/received")).json()["items"]
    write_report(deeds, row, seconds)
    assert row["acked_and_missing"] == 0
    assert not row["stored_twice"]
    assert crowd.books.events_sent == events.keys()
    assert set(events.values()) == {1}
    assert len({one["notice_id"] for one in received}) == sum(one["first"] for one in received) >= deeds.fires
    assert programs[1].process.poll() is None


def write_report(deeds: Deeds, row: dict[str, Any], seconds: float) -> None:
    """Keep what was measured."""
    times = sorted(one["back_s"] for one in deeds.kills)
    report = {
        "kills": deeds.kills,
        "back_p50_s": times[len(times) // 2],
        "back_p95_s": times[min(len(times) - 1, int(len(times) * 0.95))],
        "fires": deeds.fires,
        "seconds": round(seconds),
        "readings_sent_per_s": round(row["readings_sent"] / seconds),
        "crowd": row,
    }
    keep_report("failover", report)
    print(json.dumps(report))  # noqa: T201
