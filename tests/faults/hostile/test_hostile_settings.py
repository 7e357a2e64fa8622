"""Hostile settings, rows and answers with fires going in meanwhile: each fire reaches the desk once, no program ends.

A short run is part of every test run; `make chaos` does 10 000 deeds with 500 fires and writes reports/hostile.json.
"""

import asyncio
import contextlib
import json
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from bench.alarm import percentile
from services.api.people.first_admin import make_first_admin
from services.core import db
from stack.children import free_port
from tests.faults.hostile.deeds import Deeds
from tests.faults.hostile.desk import OddDesk
from tests.faults.hostile.odd_broker import OddBroker
from tests.faults.hostile.odd_database import OddDatabase
from tests.faults.reports import keep_report
from tests.integration.alerts.conftest import SECRET
from tests.support.broker_fleet import event, fleet_of, reading, topic
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.subscriber import SECRET as SUBSCRIBER_SECRET
from tests.support.waiting import eventually

START = """
    insert into site (name, area, lon, lat)
        select 'site ' || n, '140931100', 111.09, 39.02 from generate_series(1, 3) n;
    insert into device (code, kind, area, registered, lon, lat)
        select 'hydrant-' || n, 'hydrant', '140931100', true, 111.09, 39.02 from generate_series(0, 4) n;
    insert into device_state (device_id, last_seen) select id, now() from device;
"""
SUBSCRIBE = """
    insert into subscription (name, url, types, areas, format, secret, created_by)
        select 'odd ' || n, $1, array['*'], array['*'], (array['cloudevents', 'cap'])[1 + n % 2], $2, 'test'
        from generate_series(1, 6) n
"""
NEW_PANEL = "insert into device (code, kind, area, registered, site_id) values ($1, 'panel', '140931100', true, $2)"


async def test_three_hundred_hostile_settings_and_answers_keep_no_fire_from_the_desk(
    database: str, broker: Broker, program: Callable[..., Program]
) -> None:
    hold(await run(database, broker, program, fires=15, deeds_each=20, seed=1))


@pytest.mark.chaos
@pytest.mark.timeout(3000)
async def test_ten_thousand_hostile_settings_and_answers_keep_no_fire_from_the_desk(
    database: str, broker: Broker, program: Callable[..., Program]
) -> None:
    report = await run(database, broker, program, fires=500, deeds_each=20, seed=2)
    keep_report("hostile", report)
    print(json.dumps({name: report[name] for name in report if name != "answers"}))  # noqa: T201
    hold(report)


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_a_database_that_answers_as_on_its_worst_days_keeps_no_fire_from_the_desk(
    database: str, broker: Broker, program: Callable[..., Program], postgres: PostgresServer
) -> None:
    async with OddDatabase(postgres.port, seed=3, share=0.05).listening() as odd:
        report = await run(database, broker, program, fires=200, deeds_each=2, seed=3, odd=odd)
    hold(report)
    assert odd.said.total() > 50, "it was hardly odd"


def hold(report: dict[str, Any]) -> None:
    print(json.dumps(report, indent=1, ensure_ascii=False, default=str)[:6000])  # noqa: T201 - shown when it fails
    assert report["ended"] == {}, report["ended"]
    assert report["api_faults"] == []
    assert report["fires_never_at_the_desk"] == []
    assert report["fires_told_twice"] == {}
    assert report["notices_taken_twice"] == {}
    assert report["events_at_subscribers"] > 0
    assert report["broker_answers"], "the broker was not odd"


async def run(
    database: str,
    broker: Broker,
    program: Callable[..., Program],
    *,
    fires: int,
    deeds_each: int,
    seed: int,
    odd: OddDatabase | None = None,
) -> dict[str, Any]:
    """Press so many fires with so many deeds before each; with `odd` the programs reach their database through it."""
    theirs = database if odd is None else re.sub(r":\d+/", f":{odd.port}/", database)
    admin = await make_first_admin(database)
    assert admin is not None
    api_port = free_port()
    conn = await db.connect(database, program="test")
    await conn.execute(START)
    pressed_at: dict[str, datetime] = {}
    odd_broker = OddBroker(broker.services_port, seed, share=0.03)
    async with OddDesk(seed).listening() as desk, odd_broker.listening():
        await conn.execute(SUBSCRIBE, f"http://127.0.0.1:{desk.port}/hook", SUBSCRIBER_SECRET)
        networks = {"SUBSCRIPTION_NETWORKS": "127.0.0.0/8"}
        odd_url = broker.url.replace(f":{broker.services_port}", f":{odd_broker.port}")
        gateway_port = free_port()
        programs = [
            program("ingest", DATABASE_URL=theirs, MQTT_URL=odd_url),
            program(
                "alerts", DATABASE_URL=theirs, DISPATCH_URL=f"http://127.0.0.1:{desk.port}", DISPATCH_SECRET=SECRET,
                **networks,
            ),
            program("api", DATABASE_URL=theirs, MQTT_URL=broker.provisioner_url, API_PORT=api_port, **networks),
            program("push", DATABASE_URL=theirs, **networks),
            program("gateway", DATABASE_URL=theirs, MQTT_URL=odd_url, GATEWAY_PORT=gateway_port),
        ]  # fmt: skip
        for one in programs:
            await asyncio.to_thread(one.wait_ready)  # its database may be a proxy on this loop
        base, headers = f"http://127.0.0.1:{api_port}", {"Authorization": f"Bearer {admin.api_key}"}
        async with (
            httpx2.AsyncClient(base_url=base, headers=headers, trust_env=False, timeout=30) as client,
            fleet_of(broker.fleet_url) as fleet,
        ):
            deeds = Deeds(client, conn, seed, odd=odd is not None)
            odd_broker.hostile = True
            if odd is not None:
                odd.hostile = True
            for number in range(fires):
                for _ in range(deeds_each):
                    await deeds.one()
                panel = f"panel-{number}"
                await conn.execute(NEW_PANEL, panel, None if number % 3 else 1 + number % 9 // 3)
                for hydrant in range(5):
                    await fleet.send(topic(f"hydrant-{hydrant}"), reading(number, pressure_mpa=0.02))
                pressed_at[panel] = datetime.now(UTC)
                call = event(f"press {number}", "manual_alarm", component=f"m{number}")
                await fleet.send(topic(panel, "up/event", kind="panel"), call)
                await _send_junk(gateway_port, number)
            odd_broker.hostile = False
            if odd is not None:
                odd.hostile = False
            with contextlib.suppress(AssertionError):  # what is missing is in the report, by name
                await eventually(lambda: _all_told(conn, fires), what="every fire told", timeout_s=60, every_s=0.5)
        ended = {one.name: one.log_text()[-3000:] for one in programs if one.process.poll() is not None}
        confirmed = {row["code"] for row in await conn.fetch(CONFIRMED)}
        aside = await conn.fetch("select program, kind, error, failures from set_aside order by id desc limit 20")
        await conn.close()
        print(programs[1].log_text()[-3000:])  # noqa: T201
    waits = sorted((at - pressed_at[panel]).total_seconds() for panel, at in desk.took_at.items())
    return {
        "fires": fires,
        "deeds": deeds.done,
        "seed": seed,
        "ended": ended,
        "api_faults": deeds.faults[:20],
        # several fires of one site are one incident: one of them is told as confirmed, the others as its news
        "fires_never_at_the_desk": sorted(pressed_at.keys() - confirmed),
        "fires_told_twice": {panel: times for panel, times in desk.fires.items() if times > 1},
        "notices_taken_twice": {number: times for number, times in desk.taken.items() if times > 1},
        "press_to_taken_s": {"p50": percentile(waits, 0.5), "p99": percentile(waits, 0.99), "max": waits[-1]},
        "set_aside": [dict(row) for row in aside],
        "answers": dict(desk.answers),
        "events_at_subscribers": desk.pushed,
        "broker_answers": dict(odd_broker.said),
        "database_answers": {} if odd is None else dict(odd.said),
    }


async def _send_junk(port: int, number: int) -> None:
    """A link of a panel that speaks no GB/T 26875.3, and is gone before it is answered."""
    with contextlib.suppress(OSError):  # the gateway may refuse it
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(random.Random(number).randbytes(number % 300) + b"@@" * (number % 3))
        await writer.drain()
        writer.transport.abort()


CONFIRMED = """
    select distinct d.code
    from alarm a join device d on d.id = a.device_id
    join notice n on n.incident_id = a.incident_id and n.state = 'delivered' and n.channel = 'desk'
    where a.code = 'fire' and a.confidence = 'confirmed' and n.type = 'fire.confirmed'
"""


async def _all_told(conn: Any, fires: int) -> bool:
    told = await conn.fetchval(f"select count(*) from ({CONFIRMED}) c")  # noqa: S608 - a text of this file
    waiting = await conn.fetchval("select count(*) from notice where channel = 'desk' and fire and state = 'waiting'")
    return told == fires and waiting == 0
