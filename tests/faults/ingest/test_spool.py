"""A flood beyond the event lane's window: spooled, acknowledged to the broker, stored once, whoever is killed."""

import asyncio

import orjson

from services.ingest.lane_limits import LIMITS
from tests.support.broker_fleet import event, topic, wait_for

PER_LIST, LISTS = 100, 80
TEXT = "x" * 1900  # lists of about 200 kB
SLOW = """
create function be_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return null; end $$;
create trigger slow after insert on event_key for each statement execute function be_slow()
"""


def flood():
    for start in range(0, LISTS * PER_LIST, PER_LIST):
        body = [event(f"f-{n}", "fault", description=TEXT, seq=n) for n in range(start, start + PER_LIST)]
        yield topic("FLOOD", "up/event", "panel"), orjson.dumps(body)


async def test_a_flood_beyond_the_window_is_stored_once_over_a_kill_and_a_takeover(start_ingest, fleet, rows):
    first = start_ingest()
    await asyncio.to_thread(first.wait_ready)
    first.stop()
    messages = list(flood())
    assert sum(len(payload) for _, payload in messages) > 1.5 * LIMITS["event"].spool_bytes
    await fleet.send_all(messages)
    await rows.connection.execute(SLOW)  # or all would be stored before we look
    first.restart()
    await rows.until("select count(*) > 5 from spool")
    first.kill()
    spooled = await rows.all(
        "select convert_from(unnest(payloads), 'UTF8') as payload, unnest(received_us) as received_us from spool"
    )
    second = start_ingest()
    await fleet.send(topic("QUIET", "up/event", "panel"), event("quiet"))
    await rows.until("select count(*) from event where event_id = 'quiet'", equals=1)
    assert await rows.one("select count(*) from spool") > 0, "there was nothing to wait behind"
    await rows.connection.execute("drop trigger slow on event_key")
    await rows.until("select count(*) from spool", equals=0)
    await rows.until("select count(*) from event where type = 'fault'", equals=LISTS * PER_LIST)
    assert await rows.one("select count(distinct event_id) from event where type = 'fault'") == LISTS * PER_LIST
    for message in spooled:
        ids = [one["event_id"] for one in orjson.loads(message["payload"])]
        wrong = await rows.one(
            "select count(*) from event where event_id = any($1) and received_at <> from_us($2)",
            ids,
            message["received_us"],
        )
        assert wrong == 0, "it was received when it came, not when it was decoded"
    everything = {f"f-{n}" for n in range(LISTS * PER_LIST)}
    await wait_for(lambda: everything <= set(fleet.acked_ids("FLOOD")), what="every event acknowledged")
    assert second.process.poll() is None


async def test_a_spool_that_cannot_be_written_holds_up_no_fire_and_loses_nothing(start_ingest, fleet, rows):
    first = start_ingest()
    await asyncio.to_thread(first.wait_ready)
    first.stop()
    await rows.connection.execute(SLOW)
    await rows.connection.execute("alter table spool add constraint none check (false)")
    await fleet.send_all(list(flood()))
    first.restart()
    await fleet.send(topic("QUIET", "up/event", "panel"), event("quiet"))
    await rows.until("select count(*) from event where event_id = 'quiet'", equals=1)
    await wait_for(lambda: "spool_not_reached" in first.log_text(), what="a spool that fails")
    await rows.connection.execute("alter table spool drop constraint none")
    await rows.connection.execute("drop trigger slow on event_key")
    await rows.until("select count(*) from event where type = 'fault'", equals=LISTS * PER_LIST)
    await rows.until("select count(*) from spool", equals=0)
    assert first.process.poll() is None


async def test_a_fire_that_overtakes_the_rest_of_its_block_leaves_the_block_in_the_spool(start_ingest, rows):
    lists = [[event(f"f-{n}", "fault", seq=n) for n in range(start, start + 100)] for start in range(0, 900, 100)]
    payloads = [orjson.dumps(body) for body in [*lists, [event("last", "fire")]]]
    await rows.connection.execute(
        "insert into spool (writer, number, sender, topics, payloads, retained, received_us, bytes)"
        " select 'all/event', 1, 'FLOOD', array_fill($1::text, array[10]), $2, array_fill(false, array[10]),"
        " array_fill(to_us(now()), array[10]), 1",
        topic("FLOOD", "up/event", "panel"),
        payloads,
    )
    await rows.connection.execute(SLOW)  # or all would be stored before we look
    first = start_ingest()
    await rows.until("select count(*) from event where event_id = 'last'", equals=1)
    first.kill()
    assert await rows.one("select count(*) from event") < 901, "there was nothing left to lose"
    await rows.connection.execute("drop trigger slow on event_key")
    start_ingest()
    await rows.until("select count(*) from event", equals=901)
    await rows.until("select count(*) from spool", equals=0)
