"""A county on two brokers: each with an ingest for its areas, one database, one alerts with its standby."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from services.core import db
from tests.integration.alerts.conftest import DeskControl
from tests.support.broker_fleet import fleet_of
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

NORTH, SOUTH = "140931100", "140931101"


@dataclass
class Side:
    """One broker and the ingest of its area."""

    area: str
    broker: Broker
    ingest: Program

    async def send(self, device: str, channel: str, body: dict[str, Any]) -> None:
        """Publish one message of a panel of this area; the broker has acknowledged it on return."""
        told = json.dumps({"ts": int(time.time() * 1000), **body})
        to = f"fire/v1/{self.area}/panel/{device}/up/{channel}"
        assert await asyncio.to_thread(self.broker.publish, to, told) == 0

    async def press(self, device: str) -> None:
        """A pressed call point."""
        await self.send(device, "event", {"event_id": device, "type": "manual_alarm", "component": "c1"})


Sides = tuple[Side, Side]


@pytest.fixture
async def sides(database: str, private_broker: Callable[..., Broker], program: Callable[..., Program]) -> Sides:
    def start(area: str) -> Side:
        broker = private_broker()
        running = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, INGEST_AREAS=area)
        return Side(area, broker, running)

    north, south = start(NORTH), start(SOUTH)
    for side in (north, south):
        await asyncio.to_thread(side.ingest.wait_ready)
    return north, south


@pytest.fixture
async def conn(database: str) -> AsyncIterator[asyncpg.Connection]:
    made = await db.connect(database, program="test")
    yield made
    await made.close()


async def at_the_desk(desk: DeskControl, *devices: str) -> None:
    """Wait until 119 has accepted a fire of each; none of them twice by the notice's id (a kill may repeat one)."""

    async def told() -> list[str]:
        notices = {one["notice_id"]: one["body"] for one in await desk.received(type="fire.confirmed")}
        return sorted(body["device"]["code"] for body in notices.values())

    async def all_told() -> bool:
        return set(devices) <= set(await told())

    await eventually(all_told, what=f"{devices} at the desk")
    found = await told()
    assert found == sorted(set(found))


async def test_fires_of_both_brokers_reach_119_whatever_falls_on_the_other_side(
    sides: Sides, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    north, south = sides
    active = alerts()
    standby = alerts()
    await eventually(lambda: "standing_by" in standby.log_text(), what="the standby stands by")
    await north.press("north-1")
    await south.press("south-1")
    await at_the_desk(desk, "north-1", "south-1")

    north.broker.kill()
    await south.press("south-2")
    await at_the_desk(desk, "south-2")

    active.kill()
    south.ingest.kill()
    await asyncio.to_thread(north.broker.start)
    await north.press("north-2")
    await at_the_desk(desk, "north-2")

    await south.press("south-3")  # kept by its broker while its ingest is away
    south.ingest.restart()
    await at_the_desk(desk, "north-1", "north-2", "south-1", "south-2", "south-3")


async def test_each_side_writes_a_log_of_its_own_and_sends_the_commands_of_its_own_devices(
    sides: Sides, conn: asyncpg.Connection
) -> None:
    for number, side in enumerate(sides):
        await side.send(f"p{number}", "telemetry", {"seq": 1, "mains_ok": True})

    async def writers() -> bool:
        rows = await conn.fetch("select writer from ingest_lane where writer like '%/telemetry' order by writer")
        stored = await conn.fetchval("select count(*) from reading_panel")
        return stored == 2 and [row["writer"] for row in rows] == [f"{NORTH}/telemetry", f"{SOUTH}/telemetry"]

    await eventually(writers, what="a reading in each log")
    await conn.execute(
        "update device set area = $1 where code = 'p0'", SOUTH
    )  # as a person may: it still talks in north
    async with fleet_of(sides[0].broker.fleet_url) as north, fleet_of(sides[1].broker.fleet_url) as south:
        await conn.execute(
            "insert into command (device_id, command, arguments, created_by, answer_by)"
            " select id, 'guard_check', '{}', 'test', now() + interval '10 min' from device"
        )

        def heard() -> list[list[str]]:
            """The topics of commands on each side; one may be sent again."""
            down = [[one.topic for one in fleet.down if one.topic.endswith("/command")] for fleet in (north, south)]
            return [sorted(set(topics)) for topics in down] if all(down) else []

        topics = await eventually(heard, what="a command on each side")
    assert topics == [[f"fire/v1/{side.area}/panel/p{number}/down/command"] for number, side in enumerate(sides)]
