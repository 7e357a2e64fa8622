"""A township's account speaks for devices of its own areas alone: it moves none of another area and resets nothing."""

import time
import uuid
from typing import Any

import asyncpg
import orjson
import pytest

from services.core import db
from services.ingest import lease
from services.ingest.decode import decode
from services.ingest.store import Rest, Store
from tests.support.broker_fleet import AREA, Fleet, Rows, event, reading, topic
from tests.support.waiting import eventually

ELSEWHERE = "140931101"
COUNTED = "select sum(rejects) from device_quality"
REFUSED = "select count(*) from reject where reason = 'foreign_area' and not stored"
WHERE = """
    select d.area || ' ' || split_part(s.last_topic, '/', 3) || ' ' || s.online
    from device d join device_state s on s.device_id = d.id where d.code = 'p-1'"""


@pytest.fixture
async def township(rows: Rows) -> None:
    """A township with one area, before ingest starts."""
    await rows.connection.execute(
        """with key as (
               insert into api_key (name, key_hash, hint, role, areas, created_by, created_at)
               values ('relay.t', '', '', 'duty_officer', $1, 'test', now()) returning id)
           insert into township (name, areas, api_key_id, created_by, created_at) select 't', $1, id, 'test', now()
           from key
        """,
        [AREA],
    )


async def test_a_device_of_another_area_is_neither_moved_nor_reset_and_its_fire_is_kept(
    township: None, ingest: Any, fleet: Fleet, rows: Rows
) -> None:
    at_home, abroad = (topic("p-1", "up/event", "panel", area) for area in (ELSEWHERE, AREA))
    await fleet.send(at_home, event("e-1", "fault"))
    await rows.until("select count(*) from event", equals=1)
    await fleet.send(topic("p-1", kind="panel"), reading(1, mains_ok=True))
    await fleet.send(topic("p-1", "up/status", kind="panel"), {"online": True})
    await fleet.send(abroad, event("e-2", "reset"))
    await fleet.send(abroad, event("e-3", "fire", component="1-1"))
    await eventually(lambda: {"e-2", "e-3"} <= set(fleet.acked_ids("p-1")), what="the relay is told of both")
    await rows.until(REFUSED, equals=3)
    stored = await rows.all("select event_id, extra -> 'flags' as flags from event order by event_id")
    assert [tuple(row) for row in stored] == [("e-1", None), ("e-3", ["foreign_area"])]
    assert await rows.one("select count(*) from reading_panel") == 0
    assert await rows.one(WHERE) == f"{ELSEWHERE} {ELSEWHERE} true"


async def test_once_its_area_is_right_in_the_registry_the_township_speaks_for_it(
    township: None, ingest: Any, fleet: Fleet, rows: Rows
) -> None:
    await fleet.send(topic("p-1", kind="panel", area=ELSEWHERE), reading(1, mains_ok=True))
    await rows.until("select count(*) from reading_panel", equals=1)
    await fleet.send(topic("p-1", kind="panel"), reading(2, mains_ok=True))
    await rows.until(REFUSED, equals=1)
    await rows.connection.execute(
        "update device set area = $1, area_fixed = true, updated_at = clock_timestamp()", AREA
    )
    await rows.connection.execute("select pg_notify('firetower_registry', '')")

    async def stored() -> bool:
        await fleet.send(topic("p-1", kind="panel"), reading(3, mains_ok=True))
        return await rows.one("select count(*) from reading_panel where seq = 3") == 1

    await eventually(stored, what="its reading is taken", every_s=0.2)


async def test_a_device_that_leaves_a_township_and_one_that_nobody_knew_are_taken(
    township: None, ingest: Any, fleet: Fleet, rows: Rows
) -> None:
    for n, area in enumerate((AREA, ELSEWHERE)):
        await fleet.send(topic("p-1", kind="panel", area=area), reading(n + 1, mains_ok=True))
        await rows.until("select area from device", equals=area)
    assert await rows.one(REFUSED) == 0


@pytest.mark.parametrize(("lane", "sort"), [("telemetry", ""), ("event", "fault"), ("event", "fire")])
async def test_what_is_refused_of_a_device_of_another_partition_sets_nothing_back_that_its_own_lane_knows(
    township: None, connection: asyncpg.Connection, stores: dict[str, Store], lane: str, sort: str
) -> None:
    others = Store(writer=f"{AREA}/{lane}", lane=lane, lease=f"other {lane}", owner=str(uuid.uuid4()))
    await lease.take(connection, others.lease, others.owner)

    async def send(store: Store, area: str, seq: int) -> None:
        body = reading(seq, mains_ok=True) if lane == "telemetry" else event(f"e-{seq}", sort) | {"seq": seq}
        raw_topic = topic("p-1", f"up/{lane}", "panel", area)
        message = decode(raw_topic, orjson.dumps(body), time.time_ns() // 1000)
        await store.devices.refresh(connection)
        await store.write(connection, [message], Rest())

    await send(stores[lane], ELSEWHERE, 1)
    await send(others, AREA, 1)
    await send(stores[lane], ELSEWHERE, 5)
    known = f"select {lane}_ts, {lane}_seq, {lane}_missing, clock, last_seen, last_topic from device_state"  # noqa: S608
    before = await connection.fetchrow(known)
    assert tuple(before)[1:3] == (5, 3)
    await send(others, AREA, 2)
    assert await connection.fetchrow(known) == before
    refused = "select count(*) from reject where reason = 'foreign_area' and stored = $1"
    assert await connection.fetchval(refused, sort == "fire") == 2
    assert await connection.fetchval(COUNTED) == 2


async def test_an_event_waits_for_no_lane_that_counts_what_is_refused_of_its_device_and_each_is_counted_once(
    township: None, connection: asyncpg.Connection, database: str, stores: dict[str, Store]
) -> None:
    own = await db.connect(database, program="test")
    await own.execute("set lock_timeout = '1s'")
    seq = 0

    async def send(lane: str, area: str, text: bytes) -> None:
        store, conn = (stores["event"], own) if lane == "event" else (stores["telemetry"], connection)
        await store.devices.refresh(conn)
        message = decode(topic("p-1", f"up/{lane}", "panel", area), text, time.time_ns() // 1000)
        await store.write(conn, [message], Rest())

    async def refuse() -> None:
        nonlocal seq
        seq += 1
        await send("telemetry", AREA, orjson.dumps(reading(seq, mains_ok=True)))

    await send("event", ELSEWHERE, b"no event")
    held = connection.transaction()
    await held.start()
    await refuse()
    await send("event", ELSEWHERE, orjson.dumps(event("e-1", "fire")))
    await send("event", ELSEWHERE, b"no event")
    await held.commit()
    assert await connection.fetchval("select count(*) from event") == 1
    await send("event", ELSEWHERE, orjson.dumps(event("e-2", "fire")))
    assert await own.fetchval(COUNTED) == 3

    held = own.transaction()
    await held.start()
    await send("event", ELSEWHERE, b"no event")
    await connection.execute("set lock_timeout = '1s'")
    await refuse()
    await held.commit()
    assert await own.fetchval(COUNTED) == 4
    await refuse()
    assert await own.fetchval(COUNTED) == 6
    await own.close()
