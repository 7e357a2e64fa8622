"""Database or broker away: nothing is acknowledged early, the MQTT connection lives, everything arrives once."""

import asyncio

import orjson

from stack.mosquitto import BrokerLimits
from tests.support.broker_fleet import event, fleet_of, now_ms, reading, rows_of, topic, wait_for
from tests.support.waiting import PATIENCE_S


def many(first: int, count: int) -> list[tuple[str, bytes]]:
    return [
        (topic(f"H{i % 10}"), b'{"ts":%d,"seq":%d,"flow_lps":1}' % (now_ms() + i % 50, i))
        for i in range(first, first + count)
    ]


async def test_a_database_that_is_away_stops_the_acks_and_not_the_connection(ingest, database, fleet, rows, postgres):
    await fleet.send_all(many(0, 100))
    await rows.until("select count(*) from reading_hydrant", equals=100)
    connections = ingest.log_text().count("mqtt_connected")
    postgres.kill()
    await fleet.send_all(many(100, 3000))
    await fleet.send(topic("P1", "up/event", "panel"), event("e-1"))
    await asyncio.sleep(15)  # longer than the keepalive: a network loop that waits would be dropped by now
    assert fleet.acked_ids("P1") == []
    assert ingest.process.poll() is None
    assert ingest.log_text().count("mqtt_connected") == connections
    postgres.start()
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"], what="the event after the outage")
    async with rows_of(database) as again:
        await again.until("select count(*) from reading_hydrant", equals=3100)
        await again.until("select count(*) from event", equals=1)
        numbers = await again.one("select count(*) = max(number) from ingest_batch where writer = 'all/telemetry'")
        assert numbers
    assert ingest.log_text().count("mqtt_connected") == connections


async def test_an_answer_lost_on_the_way_neither_loses_nor_doubles_a_batch(
    start_ingest, wired_database, line, fleet, rows
):
    running = start_ingest(DATABASE_URL=wired_database)
    await asyncio.to_thread(running.wait_ready)
    messages = many(0, 6000)
    sending = asyncio.create_task(fleet.send_all(messages))
    for _ in range(12):
        await asyncio.sleep(0.25)
        await line.cut()
    await sending
    await rows.until("select count(*) from reading_hydrant", equals=6000)
    assert await rows.one("select sum(hydrant) from ingest_batch") == 6000
    assert await rows.one("select count(*) = max(number) from ingest_batch where writer = 'all/telemetry'")
    assert await rows.one("select coalesce(sum(gaps), 0) from device_quality") == await rows.one(
        "select coalesce(sum(telemetry_missing), 0) from device_state"
    )
    assert running.process.poll() is None


async def test_connections_that_the_server_ended_unnoticed_are_opened_anew(
    start_ingest, wired_database, line, fleet, rows
):
    """The server's last words arrive, the end of the stream does not: the next statement meets a broken protocol."""
    running = start_ingest(DATABASE_URL=wired_database)
    await asyncio.to_thread(running.wait_ready)
    await fleet.send_all(many(0, 100))
    await rows.until("select count(*) from reading_hydrant", equals=100)
    line.hide_ends()
    ours = "from pg_stat_activity where application_name like 'firetower.ingest.%'"
    old = await rows.one(f"select array_agg(pid) {ours} and pg_terminate_backend(pid)")
    assert len(old) == 3  # two lanes and the duties
    await fleet.send_all(many(100, 100))
    await rows.until("select count(*) from reading_hydrant", equals=200)
    await rows.until(f"select count(*) = 3 {ours} and not pid = any($1)", old)
    assert running.process.poll() is None


async def test_a_broker_killed_and_back_brings_everything_acknowledged(ingest, broker, fleet, rows):
    for round_ in range(3):
        await fleet.send_all(many(round_ * 1000, 1000))
        broker.kill()
        broker.start()
    await rows.until("select count(*) >= 2990 from reading_hydrant")
    await fleet.send(topic("P1", "up/event", "panel"), event("last"))
    await rows.until("select count(*) from event", equals=1)
    assert await rows.one("select count(*) = count(distinct (device_id, ts, seq)) from reading_hydrant")
    assert ingest.process.poll() is None


async def test_ingest_killed_again_and_again_loses_nothing(ingest, fleet, rows):
    sending = asyncio.create_task(fleet.send_all(many(0, 8000)))
    for _ in range(4):
        await asyncio.sleep(0.7)
        ingest.kill()
        ingest.restart()
    await sending
    await rows.until("select count(*) from reading_hydrant", equals=8000)
    assert await rows.one("select sum(hydrant) from ingest_batch") == 8000


async def test_no_event_is_acknowledged_before_its_commit(ingest, fleet, rows):
    for i in range(30):
        await fleet.send(topic("P1", "up/event", "panel"), event(f"e-{i}"))
    seen: set[str] = set()
    while len(seen) < 30:
        for name in set(fleet.acked_ids("P1")) - seen:
            assert await rows.one("select count(*) from event where event_id = $1", name) == 1
            seen.add(name)
        await asyncio.sleep(0.005)


HELD_COMMIT = """
create function wait_at_commit() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock(4711); return null; end $$;
create constraint trigger wait_at_commit after insert on event_key deferrable initially deferred
for each row execute function wait_at_commit()
"""


async def test_no_event_is_acknowledged_before_commit_returns(ingest, fleet, rows):
    await rows.connection.execute(HELD_COMMIT)
    await rows.one("select pg_advisory_lock(4711)")
    await fleet.send(topic("P1", "up/event", "panel"), event("e-1"))
    await rows.until("select count(*) from pg_locks where locktype = 'advisory' and not granted", equals=1)
    for _ in range(20):
        await asyncio.sleep(0.01)
        assert fleet.acked_ids("P1") == [], "acknowledged while its commit was under way"
    assert await rows.one("select count(*) from event") == 0
    await rows.one("select pg_advisory_unlock(4711)")
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"], what="the acknowledgement after the commit")


async def test_a_broker_past_its_queue_limit_is_counted(private_broker, start_ingest, rows):
    small = private_broker(BrokerLimits(queue_bytes=20_000))
    running = start_ingest(MQTT_URL=small.url)
    await asyncio.to_thread(running.wait_ready)
    await rows.until("select broker_counter is not null from ingest_lane where lane = 'telemetry'")
    running.stop()
    async with fleet_of(small.fleet_url) as fleet:
        await fleet.send_all(many(0, 3000))
    running.restart()
    await rows.until("select broker_dropped > 0 from ingest_lane where lane = 'telemetry'")


async def test_a_backlog_of_telemetry_does_not_delay_an_event(start_ingest, rows, fleet):
    """Less than a third of the 200 000 of `firetower bench backlog`, yet more than is stored while the events come."""
    count, old = 60_000, now_ms() - 7_200_000  # 2.5 s apart for each of the devices: kept, not a clock that is behind
    first = start_ingest()
    await asyncio.to_thread(first.wait_ready)
    first.stop()
    await fleet.send_all(
        [(topic(f"H{i % 50}"), b'{"ts":%d,"seq":%d,"flow_lps":1}' % (old + 50 * i, i)) for i in range(count)]
    )
    first.restart()
    await rows.until("select count(*) > 0 from reading_hydrant")  # the backlog is being worked off
    for i in range(5):
        await fleet.send(topic("P1", "up/event", "panel"), event(f"e-{i}"))
    await rows.until("select count(*) from event", equals=5)
    await rows.until("select count(*) from reading_hydrant where late", equals=count)
    behind = "select count(*) from reading_hydrant where batch_id > (select max(batch_id) from event)"
    assert await rows.one(behind) > 0, "every reading was stored before the last event"


async def test_a_fire_overtakes_the_events_that_were_sent_before_it(start_ingest, rows, fleet):
    first = start_ingest()
    await asyncio.to_thread(first.wait_ready)
    first.stop()
    await fleet.send_all(
        [(topic(f"P{i % 50}", "up/event", "panel"), orjson.dumps(event(f"e-{i}", "feedback"))) for i in range(3000)]
    )
    await fleet.send(topic("P51", "up/event", "panel"), event("the-fire"))
    first.restart()
    await rows.until("select count(*) from event", equals=3001)
    behind = await rows.one(
        "select count(*) from event where batch_id > (select batch_id from event where type = 'fire')"
    )
    assert behind > 100, f"only {behind} of 3000 earlier events were stored after the fire"


async def test_sigterm_under_load_ends_it_cleanly(ingest, fleet, rows):
    sending = asyncio.create_task(fleet.send_all(many(0, 3000)))
    await rows.until("select count(*) > 100 from reading_hydrant")
    assert await asyncio.to_thread(ingest.stop) == 0
    await sending
    ingest.restart()
    await rows.until("select count(*) from reading_hydrant", equals=3000)


async def test_sigterm_loses_nothing_that_came_at_qos_0_because_the_broker_does_not_send_it_again(
    ingest, database, broker, fleet, rows
):
    waiting = "select count(*) > 0 from pg_locks where not granted and relation = 'event_key'::regclass"
    async with rows_of(database) as other, other.connection.transaction():
        await other.connection.execute("lock table event_key in exclusive mode")
        await fleet.send(topic("P1", "up/event", "panel"), event("first"))
        await rows.until(waiting)  # so all that follows comes too late for this batch
        for name in ("a", "b"):  # each larger than its sender's share of the common queue
            body = orjson.dumps(event(name, text="x" * 20_000))
            await asyncio.to_thread(broker.publish, topic("P2", "up/event", "panel"), body, qos=0)
        await fleet.send(topic("P2", "up/event", "panel"), event("at QoS 1"))
        ingest.process.terminate()
    assert await asyncio.to_thread(ingest.process.wait, PATIENCE_S) == 0
    stored = {row["event_id"] for row in await rows.all("select event_id from event")}
    assert stored >= {"first", "a", "b"}
    ingest.restart()
    await rows.until("select count(*) from event", equals=4)
    await wait_for(lambda: "at QoS 1" in fleet.acked_ids("P2"), what="what the broker kept")


async def test_late_readings_do_not_move_the_newest_state(ingest, fleet, rows):
    await fleet.send(topic("H1"), reading(9, pressure_mpa=0.9))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    await fleet.send(topic("H1"), reading(1, now_ms() - 7_200_000, pressure_mpa=0.1))
    await rows.until("select count(*) from reading_hydrant", equals=2)
    assert await rows.one("select state ->> 'pressure_mpa' from device_state") == "0.9"


async def test_an_event_does_not_wait_for_a_locked_state_row(ingest, database, fleet, rows):
    await fleet.send(topic("P1", kind="panel"), reading(1, mains_ok=True))
    await rows.until("select count(*) from device_state where last_seen is not null", equals=1)
    first, second = event("e-1", seq=7), event("e-2", seq=8)
    async with rows_of(database) as other, other.connection.transaction():
        await other.connection.execute("select from device_state for update")
        for body in (first, first, second):
            await fleet.send(topic("P1", "up/event", "panel"), body)
            await asyncio.sleep(0.1)
        await wait_for(lambda: set(fleet.acked_ids("P1")) == {"e-1", "e-2"}, what="both events")
        assert await rows.one("select event_seq is null from device_state")
    await rows.until("select event_seq = 8 from device_state")
    await rows.until("select sum(duplicates) from device_quality", equals=1)
