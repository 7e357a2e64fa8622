"""Every committed row of a township stands once at the county, as its device sent it, whatever is killed or cut."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import asyncpg
import orjson

from services.core.contracts import READING_FIELDS
from services.core.topics import Kind
from services.ingest.retention import drop_old
from stack.children import free_port
from tests.integration.relay.conftest import County, Side
from tests.support.broker_fleet import AREA, event, now_ms, reading, topic
from tests.support.servers import Program
from tests.support.waiting import eventually
from tests.support.wire import Wire

EVENTS = """
    select d.code, encode(e.digest, 'hex') as digest, e.event_id, e.type, e.active, e.component, e.seq, e.zone,
        e.ts, e.extra - 'flags' - 'bad' as extra
    from event e join device d on d.id = e.device_id order by d.code, digest"""
READINGS = {
    kind: f"select d.code, d.kind, d.area, r.ts, r.seq, r.extra, {', '.join(READING_FIELDS[kind])}"  # noqa: S608
    f" from reading_{kind} r join device d on d.id = r.device_id order by d.code, r.ts, r.seq"
    for kind in Kind
}
COUNT = "select count(*) from reading_hydrant"
BOTH = "select array[(select count(*) from event), (select count(*) from reading_hydrant)]"
BEIJING = timezone(timedelta(hours=8))
CARRIED = """
    select bool_and(n.number >= (select max(number) from ingest_batch b where starts_with(n.writer, b.writer || ' ')))
    from feed_cursor n where n.writer like '% relay %'"""


def plain(rows: list[asyncpg.Record]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]


async def same_rows(township: Side, county: County) -> bool:
    for sql in (EVENTS, *READINGS.values()):
        if plain(await township.rows.all(sql)) != plain(await county.rows.all(sql)):
            return False
    return True


def every_kind(seq: int) -> list[tuple[str, bytes]]:
    sent = {
        "hydrant": {"pressure_mpa": 0.31, "flow_lps": 0.0, "cap_open": False, "vendor": {"fw": "1.2"}},
        "electrical": {"residual_current_ma": 12, "arc_count": 3, "relay_closed": True},
        "water": {"level_m": 2.25, "level_pct": 140},
        "panel": {"mains_ok": False, "battery_v": 26.4},
    }
    return [
        (topic(f"{kind}-1", kind=kind), orjson.dumps(reading(seq, now_ms() - 1000 * seq, **fields)))
        for kind, fields in sent.items()
    ]


async def test_rows_stand_at_the_county_as_their_devices_sent_them(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    await township.fleet.send_all([message for seq in range(20) for message in every_kind(seq)])
    many = [reading(n, now_ms() - 60_000 + n) for n in range(100)]
    await township.fleet.send(topic("hydrant-2"), many)
    hour_ago = datetime.now(BEIJING).replace(microsecond=123_456) - timedelta(hours=1)
    await township.fleet.send(topic("hydrant-3"), reading(1, hour_ago.isoformat()))
    events: list[Any] = [
        event("e-1", component="1-23", zone="三层", description="点型感烟", system_type=1, vendor="x"),
        event("e-1", "reset"),
        {"event_id": 7, "ts": hour_ago.isoformat(), "type": "Manual Alarm", "active": "yes", "component": 12},
        {"event_id": "late", "ts": 1, "type": "fault"},
        {"type": "fire", "ts": now_ms(), "flags": ["mine"], "bad": 1},
        event("e-2", "fault", active=False, flags="mine"),
    ]
    for one in events:
        await township.fleet.send(topic("panel-9", "up/event", "panel"), one)
    await township.fleet.send(topic("panel-9", "up/event", "panel"), b'{"event_id":"cut","ts":17954600000')
    await township.fleet.send(topic("other-1", area="140931101"), reading(1))
    await township.rows.until(BOTH, equals=[len(events), 122])
    relay()
    await county.rows.until(BOTH, equals=[len(events), 121])
    await eventually(lambda: township.rows.one(CARRIED), what="cursors at the end")
    assert await county.rows.one("select count(*) from device where code = 'other-1'") == 0
    for sql in (EVENTS, *READINGS.values()):
        own = [row for row in plain(await township.rows.all(sql)) if row["code"] != "other-1"]
        assert plain(await county.rows.all(sql)) == own
    (shown,) = (await county.http.get("/api/v1/townships")).json()["items"]
    assert (shown["silent"], shown["version"].startswith("firetower")) == (False, True)
    await eventually(lambda: backlog_is(county, 0), what="an empty backlog is told")


async def backlog_is(county: County, rows: int) -> bool:
    (shown,) = (await county.http.get("/api/v1/townships")).json()["items"]
    return shown["backlog_rows"] == rows and shown["heard_until"] is not None


def again(*programs: Program) -> None:
    for one in programs:
        one.kill()
        one.restart()
        one.wait_ready()


async def test_every_row_is_there_once_after_kills_and_cuts_anywhere(
    township: Side, county: County, relay: Callable[..., Program], wire: Callable[[int], Awaitable[Wire]]
) -> None:
    broker, api = await wire(county.broker.port), await wire(int(county.url.rpartition(":")[2]))
    running = relay(broker.port, api.port)
    dice = random.Random(7)
    sent = 0

    async def send_some() -> None:
        nonlocal sent
        for _ in range(10):
            messages = [
                (topic(f"hydrant-{dice.randrange(8)}"), orjson.dumps(reading(sent + n, now_ms(), pressure_mpa=0.3)))
                for n in range(20)
            ]
            await township.fleet.send_all(messages)
            sent += 20
            one = event(f"e-{sent // 20 % 5}", dice.choice(["fire", "fault"]), ts=now_ms() + sent, component="a")
            await township.fleet.send(topic(f"panel-{sent % 3}", "up/event", "panel"), one)

    async def cut_the_api() -> None:
        await api.refuse()
        await eventually(lambda: "county_away" in running.log_text(), what="a request in vain")
        api.restore()

    async def kill_the_broker() -> None:
        await asyncio.to_thread(county.broker.kill)
        await asyncio.to_thread(county.broker.start)

    breaks: list[Callable[[], Awaitable[None]]] = [
        lambda: asyncio.to_thread(again, running),
        broker.cut,
        lambda: asyncio.to_thread(again, county.ingest),
        kill_the_broker,
        lambda: asyncio.to_thread(again, township.ingest),
        cut_the_api,
        lambda: asyncio.to_thread(again, county.api, running),
        broker.cut,
        lambda: asyncio.to_thread(again, running),
        kill_the_broker,
    ]
    for one in breaks:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(send_some())
            tasks.create_task(one())  # type: ignore[arg-type]
    await township.rows.until(BOTH, equals=[sent // 20, sent])
    await eventually(lambda: same_rows(township, county), what="the same rows on both sides", timeout_s=180)
    await eventually(lambda: township.rows.one(CARRIED), what="cursors at the end")


async def test_a_fire_overtakes_a_backlog_of_readings_and_of_other_events(
    township: Side, county: County, relay: Callable[..., Program], wire: Callable[[int], Awaitable[Wire]]
) -> None:
    broker = await wire(county.broker.port)
    await township.fleet.send_all(
        [
            (topic(f"hydrant-{n % 40}"), orjson.dumps([reading(600 * n + m, now_ms() - 10**6 + m) for m in range(600)]))
            for n in range(40)
        ]
    )
    faults = [event(f"f-{n}", "fault", component=str(n), description="x" * 400) for n in range(3000)]
    for n in range(0, 3000, 100):
        await township.fleet.send(topic("panel-1", "up/event", "panel"), faults[n : n + 100])
    await township.rows.until(BOTH, equals=[3000, 24_000])
    broker.slow(100_000)  # the line is what holds it up
    relay(broker.port)
    await county.rows.until("select count(*) > 0 from reading_hydrant")
    await township.fleet.send(topic("panel-2", "up/event", "panel"), event("now", "manual_alarm"))
    await county.rows.until("select count(*) > 0 from event where event_id = 'now'")
    assert await county.rows.one(COUNT) < 24_000
    assert await county.rows.one("select count(*) from event") < 3001
    broker.restore()
    await county.rows.until(BOTH, equals=[3001, 24_000])


async def test_a_fire_overtakes_a_backlog_of_fires(
    township: Side, county: County, relay: Callable[..., Program], wire: Callable[[int], Awaitable[Wire]]
) -> None:
    broker = await wire(county.broker.port)
    flood = [event(f"f-{n}", component=str(n), description="x" * 100) for n in range(8000)]
    for n in range(0, 8000, 100):
        await township.fleet.send(topic("panel-1", "up/event", "panel"), flood[n : n + 100])
    await township.rows.until("select count(*) from event", equals=8000)
    broker.slow(200_000)
    relay(broker.port)
    await county.rows.until("select count(*) > 0 from event")
    await township.fleet.send(topic("panel-2", "up/event", "panel"), event("now", "manual_alarm"))
    await county.rows.until("select count(*) > 0 from event where event_id = 'now'")
    assert await county.rows.one("select count(*) from event") < 8001
    broker.restore()
    await county.rows.until("select count(*) from event", equals=8001)
    await eventually(lambda: township.rows.one(CARRIED), what="cursors at the end")


async def test_what_the_county_refuses_does_not_hold_up_the_log(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    made = await county.http.put("/api/v1/devices/hydrant-1", json={"kind": "water", "area": AREA})
    assert made.status_code == 201, made.text
    running = relay()
    await township.fleet.send(topic("hydrant-1"), reading(1))
    await county.rows.until("select count(*) from reject where reason = 'kind_mismatch'", equals=1)
    await township.fleet.send(topic("hydrant-2"), reading(1))
    await county.rows.until(COUNT, equals=1)
    await eventually(lambda: township.rows.one(CARRIED), what="cursors behind what was refused")
    assert "reading_refused" in running.log_text()


async def test_a_row_that_waited_for_longer_than_a_clock_may_be_wrong_is_a_row_at_the_county(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    await township.fleet.send(topic("hydrant-1"), reading(1))
    await township.rows.until(COUNT, equals=1)
    await township.rows.connection.execute(
        """
        with old as (
            insert into ingest_batch (writer, number, owner, lane, first_received_at, min_ts, max_ts, hydrant)
            select 'gone/telemetry', 1, gen_random_uuid(), 'telemetry', t, t, t, 1
            from (select now() - interval '40 days' as t) w returning id, min_ts)
        insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)
        select d.id, old.min_ts, 9, old.min_ts, old.id, 0.3 from old, device d
        """
    )
    relay()
    await county.rows.until(COUNT, equals=2)
    assert await same_rows(township, county)
    assert await county.rows.one("select count(*) from reject") == 0


async def test_a_second_relay_stands_by_and_goes_on_where_the_first_ended(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    first, second = relay(), relay()
    await township.fleet.send(topic("hydrant-1"), reading(1))
    await county.rows.until(COUNT, equals=1)
    first.kill()
    await township.fleet.send(topic("hydrant-1"), reading(2))
    await county.rows.until(COUNT, equals=2)
    assert second.process.poll() is None


async def test_an_area_that_the_county_did_not_give_ends_it_with_one_line(
    county: County, relay: Callable[..., Program]
) -> None:
    running = relay(RELAY_AREAS=f"{AREA},140931101")
    await asyncio.to_thread(running.process.wait, 60)
    line = running.log_text().strip().splitlines()[-1]
    assert "FIRETOWER_RELAY_MQTT_URL: user 'relay.dongguan' may not subscribe to fire/v1/140931101/" in line


async def test_what_waits_for_the_county_is_kept_in_the_log(
    township: Side, county: County, relay: Callable[..., Program]
) -> None:
    running = relay(free_port(), free_port())  # nobody is there
    for n in range(3):  # a batch each
        await township.fleet.send(topic("hydrant-1"), reading(n))
        await township.fleet.send(topic("panel-1", "up/event", "panel"), event(f"e-{n}"))
        await township.rows.until(BOTH, equals=[n + 1, n + 1])
    marks = "select array_agg((writer, number)::text order by writer) from feed_cursor where writer like '% relay %'"
    wanted = ["all/event relay events", "all/event relay fires", "all/telemetry relay readings"]
    wanted_rows = ['("all/event relay events",3)', *(f'("{name}",0)' for name in wanted[1:])]
    await township.rows.until(marks, equals=wanted_rows)
    running.kill()
    connection = township.rows.connection
    await connection.execute("update ingest_batch set committed_at = now() - interval '399 days'")
    await connection.execute(  # as alerts, which has read it all
        "insert into feed_cursor (writer, number) select writer, max(number) from ingest_batch group by writer"
    )
    await drop_old(connection, "prune_batches", 400)
    relay()
    await county.rows.until(BOTH, equals=[3, 3])
