"""One poisoned row never holds up another: the batch is cut down to it, it is kept and told of, the rest is stored."""

import uuid

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.core.clock import SystemClock
from services.core.moment import to_us
from services.ingest import lease
from services.ingest.decode import decode
from services.ingest.store import Store
from services.ingest.writer import Writer
from tests.support.broker_fleet import event, reading, rows_of, topic, wait_for
from tests.support.poison import cure, poison

ASIDE = "select count(*) from set_aside where program = 'ingest' and kind = '{}' and done_at is null"


def panel(device: str) -> str:
    return topic(device, "up/event", "panel")


async def test_an_event_that_a_trigger_refuses_takes_no_neighbour_with_it(ingest, fleet, rows):
    await poison(rows.connection, "event", "new.description = 'bad'")
    body = [event(f"e{n}", "fire", component=f"c{n}", description="bad" if n == 7 else "good") for n in range(40)]
    await fleet.send(panel("P1"), body)
    await fleet.send(panel("P2"), event("other"))
    await rows.until("select count(*) from event", equals=40)
    await wait_for(lambda: len(set(fleet.acked_ids("P1"))) == 40, what="every event acknowledged, the refused one too")
    assert "poisoned row of event" in await rows.one("select detail from reject where reason = 'storage_refused'")
    assert ingest.process.poll() is None


async def test_a_device_whose_row_cannot_be_written_delays_nobody_and_its_fire_is_kept(ingest, fleet, rows):
    await fleet.send(panel("SICK"), event("before"))
    await rows.until("select count(*) from event", equals=1)
    await poison(rows.connection, "device_state", "true", errcode="23514")
    await fleet.send(panel("SICK"), event("after"))
    await rows.until("select count(*) from reject where reason = 'storage_refused' and device_id is null", equals=1)
    await cure(rows.connection, "device_state")
    await fleet.send(panel("WELL"), event("fire"))
    await rows.until("select count(*) from event", equals=2)
    await rows.connection.execute("update reject set replay_requested_at = now()")
    await rows.until("select count(*) from event", equals=3)


async def test_what_not_even_the_reject_table_takes_is_set_aside_and_comes_back(ingest, fleet, rows):
    for table, condition in (("event", "new.event_id = 'bad'"), ("reject", "true")):
        await poison(rows.connection, table, condition)
    await fleet.send(panel("P1"), [event("bad"), event("good", component="2")])
    await fleet.send(panel("P2"), event("fire"))
    await rows.until("select count(*) from event", equals=2)
    await rows.until(ASIDE.format("message"), equals=1)
    kept = (await rows.all("select * from set_aside"))[0]
    assert (kept["fire"], kept["area"]) == (True, "140931100")
    assert "poisoned row of reject" in kept["error"]
    for table in ("event", "reject"):
        await cure(rows.connection, table)
    await rows.connection.execute("update set_aside set retry_requested_at = now(), retry_requested_by = 'test'")
    await rows.until("select count(*) from event", equals=3)
    await rows.until("select result from set_aside", equals="done")


async def test_an_answer_whose_command_cannot_be_closed_is_stored_all_the_same(ingest, fleet, rows):
    await fleet.send(panel("P1"), event("known", "test"))
    await rows.until("select count(*) from event", equals=1)
    command = await rows.one(
        """insert into command (device_id, command, created_by, state, sent_at)
           select id, 'mute', 'test', 'sent', now() from device returning id"""
    )
    await poison(rows.connection, "command", "new.replied_at is not null")
    await fleet.send(panel("P1"), [event("answer", "feedback", command_id=str(command)), event("f", component="2")])
    await rows.until("select count(*) from event", equals=3)
    await rows.until(ASIDE.format("reply"), equals=1)


async def test_a_command_that_cannot_be_sent_fails_and_the_next_one_goes_out(ingest, fleet, rows):
    await fleet.send(panel("P1"), event("known", "test"))
    await rows.until("select count(*) from event", equals=1)
    for name, arguments in (("first", '{"timeout_min": 1e30}'), ("second", '"no object"'), ("third", "{}")):
        await rows.connection.execute(
            "insert into command (device_id, command, created_by, arguments) "
            "select id, $1, 'test', $2::text::jsonb from device",
            name,
            arguments,
        )
    await poison(rows.connection, "command", "new.command = 'first' and new.state = 'sent'")
    await rows.until("select string_agg(state, ' ' order by command) from command", equals="failed sent sent")
    assert "poisoned row" in await rows.one("select error from command where command = 'first'")


async def test_a_duty_that_fails_is_set_aside_and_the_others_go_on(ingest, fleet, rows):
    await poison(rows.connection, "ingest_lane", "new.lane = 'event'")
    await rows.until(ASIDE.format("duty"), equals=1)
    await fleet.send(panel("P1"), event("e"))
    await rows.until("select count(*) from event", equals=1)
    await rows.connection.execute(
        "insert into command (device_id, command, created_by) select id, 'mute', 'test' from device"
    )
    await rows.until("select state from command", equals="sent")
    assert ingest.process.poll() is None


async def test_a_registry_row_with_a_state_that_is_no_object_is_read(ingest, fleet, rows):
    await rows.connection.execute("insert into area (code, name) values ('140931100', 'x') on conflict do nothing")
    await rows.connection.execute(
        "with d as (insert into device (code, kind, area) values ('ODD', 'panel', '140931100') returning id) "
        """insert into device_state (device_id, state) select id, '"text"' from d"""
    )
    await fleet.send(panel("ODD"), event("fire"))
    await rows.until("select count(*) from event", equals=1)


# --- any mixture ---

ITEMS = st.lists(
    st.tuples(st.sampled_from(["event", "reading", "list"]), st.sampled_from(["", "", "", "row", "state", "reject"])),
    min_size=1,
    max_size=25,
)


@pytest.fixture
async def poisoned(database):
    """A database that refuses rows by their device's code or their words, and a writer on it."""
    async with rows_of(database) as rows:
        by_code = "exists (select from device d where d.id = new.device_id and d.code like '%{}%')"
        await poison(rows.connection, "event", "new.description = 'row' or new.description = 'reject'")
        await poison(rows.connection, "reading_hydrant", "new.flow_lps = 66")
        await poison(rows.connection, "device_state", by_code.format("-state-"))
        await poison(rows.connection, "reject", "new.topic like '%-reject-%'")
        yield rows


async def writer_of(dsn: str, lane: str) -> Writer:
    owner, name = str(uuid.uuid4()), f"{uuid.uuid4()}/{lane}"
    writer = Writer(dsn, Store(writer=name, lane=lane, lease=name, owner=owner), SystemClock())
    connection = await writer.connection()
    await lease.take(connection, name, owner)
    await writer.store.begin(connection)
    return writer


@given(items=ITEMS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_poisoned_all_others_are_stored_once_and_the_bad_ones_are_visible(items, poisoned, database):
    run = uuid.uuid4().hex[:8]
    events, telemetry = [], []
    wanted: dict[str, int] = {}
    for number, (what, bad) in enumerate(items):
        device = f"{run}-{bad or 'good'}-{number}"
        wanted[device] = 0 if bad else 1 if what != "list" else 3
        now_us = to_us(SystemClock().now())
        if what == "reading":
            body = reading(number, flow_lps=66.0 if bad in ("row", "reject") else 1.0)
            telemetry.append(decode(topic(device), orjson.dumps(body), now_us))
        else:
            count = 1 if what == "event" else 3
            body = [event(f"{number}-{n}", component=f"{n}", description=bad) for n in range(count)]
            events.append(decode(panel(device), orjson.dumps(body), now_us))
    for lane, messages in (("event", events), ("telemetry", telemetry)):
        if messages:
            writer = await writer_of(database, lane)
            await writer.commit(messages)
            await writer.close()
    stored = await poisoned.all(
        """select d.code, count(*) as rows from device d
           join (select device_id from event union all select device_id from reading_hydrant) r on r.device_id = d.id
           where d.code like $1 group by d.code""",
        f"{run}-%",
    )
    assert {row["code"]: row["rows"] for row in stored} == {code: count for code, count in wanted.items() if count}
    kept = await poisoned.all(
        """select topic as where from reject where topic like $1 and reason = 'storage_refused'
           union all select name from set_aside where name like $1""",
        f"%/{run}-%",
    )
    told = " ".join(row["where"] for row in kept)
    assert all(code in told for code, count in wanted.items() if not count)
