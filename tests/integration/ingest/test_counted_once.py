"""What a commit says that it refused, and what a replay counts: each row once, and nothing that no device has sent."""

import time

import orjson
import pytest

from services.ingest.decode import decode
from services.ingest.replay import fetch_messages
from services.ingest.store import Rest

H1 = "fire/v1/140931100/hydrant/H1/up"
AT_MS = time.time_ns() // 1_000_000
PLACED = "insert into device (code, kind, area, kind_fixed, area_fixed) values ($1, $2, '140931100', true, true)"

TOWNSHIP = """
with key as (
    insert into api_key (name, key_hash, hint, role, areas, created_by, created_at)
    values ('relay.t', '', '', 'duty_officer', '{140931101}', 'test', now()) returning id)
insert into township (name, areas, api_key_id, created_by, created_at) select 't', '{140931101}', id, 'test', now()
from key
"""


@pytest.fixture
def write(stores):
    """Store messages given as (topic, body) in one batch of the lane of the first topic."""

    async def write_all(*sent):
        bodies = ((topic, body if isinstance(body, bytes) else orjson.dumps(body)) for topic, body in sent)
        messages = [decode(topic, body, AT_MS * 1000) for topic, body in bodies]
        lane = "event" if sent[0][0].endswith("/event") else "telemetry"
        return await stores[lane].write(stores["connection"], messages, Rest())

    return write_all


@pytest.fixture
def replay(connection, stores):
    """Have one lane decode all its rejects again; return what is said of each."""

    async def replay_all(lane):
        ids = [row["id"] for row in await connection.fetch("select id from reject order by id")]
        written = await stores[lane].write(connection, await fetch_messages(connection, ids), Rest())
        assert (written.duplicates, dict(written.rejects)) == (0, {})
        return [row["replay_result"] for row in await connection.fetch("select replay_result from reject order by id")]

    return replay_all


@pytest.fixture(autouse=True)
def keep_connection(connection, stores):
    stores["connection"] = connection


def reading(seq, **fields):
    return {"ts": AT_MS + seq, "seq": seq, **fields}


async def test_what_is_counted_is_what_stands_among_the_rejects(connection, write):
    await connection.execute(PLACED, "H1", "water")
    written = await write(
        (f"{H1}/telemetry", reading(1, pressure_mpa=9.5, flow_lps=1)),
        (f"{H1}/telemetry", reading(2, mystery=1)),
        (f"{H1}/telemetry", b"rubbish"),
    )
    assert dict(written.rejects) == {"kind_mismatch": 2, "not_json": 1}
    assert await connection.fetchval("select sum(rejects) from device_quality") == 3
    assert await connection.fetchval("select count(*) from reject") == 3


async def test_what_a_township_says_of_a_device_elsewhere_counts_for_that_device(connection, write):
    await connection.execute("insert into area (code, name) values ('140931101', 'x') on conflict do nothing")
    await connection.execute(PLACED, "H1", "hydrant")
    await connection.execute(TOWNSHIP)
    there = H1.replace("140931100", "140931101")
    written = await write((f"{there}/telemetry", reading(1, pressure_mpa=0.3)))
    assert dict(written.rejects) == {"foreign_area": 1}
    assert await connection.fetchval("select rejects from device_quality") == 1
    row = await connection.fetchrow("select last_seen, last_topic, refused from device_state")
    assert tuple(row) == (None, None, 0)


async def test_a_replay_counts_no_duplicate_and_says_which_fields_are_still_bad(connection, write, replay):
    await write((f"{H1}/telemetry", reading(1, pressure_mpa=9.5, tilt_deg="x", flow_lps=1)))
    assert await replay("telemetry") == ["stored before; still bad: pressure_mpa, tilt_deg"] * 2
    await connection.execute("update reject set payload = $1", orjson.dumps(reading(1, pressure_mpa=0.95, tilt_deg=-1)))
    added = "the reading was stored before; fields it lacked are added; still bad: tilt_deg"
    assert await replay("telemetry") == [added, "stored before; still bad: tilt_deg"]
    assert await connection.fetchval("select pressure_mpa from reading_hydrant") == 0.95
    assert await connection.fetchval("select sum(duplicates) from device_quality") == 0
    assert await connection.fetchval("select sum(duplicates) from ingest_batch") == 0


async def test_a_replay_that_stores_the_reading_says_so_and_names_its_bad_field(connection, write, replay):
    await write((f"{H1}/telemetry", reading(1, seconds=1)))
    await connection.execute("update reject set payload = $1", orjson.dumps(reading(1, flow_lps=1, tilt_deg=-1)))
    assert await replay("telemetry") == ["stored; still bad: tilt_deg"]


@pytest.mark.parametrize("sent", [{"type": "fire"}, {"type": "fire", "event_id": "e-1", "ts": AT_MS}])
async def test_a_mended_event_that_is_replayed_is_no_second_one(connection, write, replay, sent):
    payload = orjson.dumps(sent)[:-1] + b",}"
    await write((f"{H1}/event", payload))
    assert await connection.fetchrow("select reason, stored, payload from reject") == ("not_json", True, payload)
    assert await replay("event") == ["stored before"]
    assert await connection.fetchval("select count(*) from event") == 1
    assert await connection.fetchval("select sum(duplicates) from device_quality") == 0
    assert await connection.fetchval("select coalesce(sum(refused), 0) from device_state") == 0


async def test_a_mended_reading_that_is_replayed_is_no_second_one(connection, write, replay):
    await write((f"{H1}/telemetry", b"x" + orjson.dumps(reading(1, flow_lps=1))))
    assert await replay("telemetry") == ["stored before"]
    assert await connection.fetchval("select count(*) from reading_hydrant") == 1
    assert await connection.fetchval("select count(*) from reject") == 1
