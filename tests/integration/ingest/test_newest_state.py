"""The newest value of each field, against a plain model: whatever the order, the mixture and the cut into batches."""

import random
import time
import uuid

import orjson
import pytest

from services.core import db
from services.core.topics import Kind
from services.ingest import lease
from services.ingest.decode import decode
from services.ingest.store import Rest, Store
from tests.support.broker_fleet import AREA

FIELDS = ("pressure_mpa", "flow_lps", "tilt_deg")
RECEIVED_US = 1_764_000_000_000_000
TOPIC = f"fire/v1/{AREA}/{Kind.HYDRANT}/H1/up/telemetry"


@pytest.fixture
async def connection(database):
    one = await db.connect(database, program="test")
    yield one
    await one.close()


def mixed_batches(seed):
    """Batches of readings around their receive times: late, sent again, ahead, with some of the fields."""
    chance = random.Random(seed)
    received_us, batches, sent = RECEIVED_US, [], []
    for number in range(30):
        batch = []
        for _ in range(chance.choice((1, 1, 2, 5))):
            received_us += 1_000_000
            if sent and chance.random() < 0.25:
                batch.append((received_us, chance.choice(sent[-6:])))
                continue
            ts_ms = received_us // 1000 - chance.choice((0, 0, 0, 1000, 5000, 20_000, -3000, -100_000))
            fields = {name: chance.randrange(1, 4) for name in chance.sample(FIELDS, chance.choice((1, 2, 3, 3)))}
            sent.append({"ts": ts_ms, "seq": chance.choice((number, 7)), **fields})
            batch.append((received_us, sent[-1]))
        batches.append(batch)
    return batches


def remember(model, received_us, reading):
    at = (min(reading["ts"] * 1000, received_us), received_us, reading["seq"])
    for name in FIELDS:
        if name in reading and (name not in model or model[name][1] <= at):
            model[name] = (reading[name], at)


@pytest.mark.parametrize("seed", range(8))
async def test_the_newest_state_is_that_of_a_plain_model(connection, seed):
    store = Store(writer="w", lane="telemetry", lease="l", owner=str(uuid.uuid4()))
    await lease.take(connection, "l", store.owner)
    model, stored = {}, set()
    for batch in mixed_batches(seed):
        messages = [decode(TOPIC, orjson.dumps(reading), received_us) for received_us, reading in batch]
        await store.write(connection, messages, Rest())
        for received_us, reading in batch:
            if (key := (reading["ts"], reading["seq"])) not in stored:
                remember(model, received_us, reading)
            stored.add(key)
        row = await connection.fetchrow("select state, state_at, (newest_at(s))::text as newest from device_state s")
        newest = tuple(orjson.loads(row["newest"]))
        shown = {
            name: (value, tuple(row["state_at"][name]) if name in row["state_at"] else newest)
            for name, value in row["state"].items()
        }
        assert shown == model
        if chance_of_restart(model):
            store.devices = type(store.devices)()  # what is remembered must not matter
    assert await connection.fetchval("select count(*) from reading_hydrant") == len(stored)


def chance_of_restart(model):
    return sum(value for value, _at in model.values()) % 3 == 0


async def test_a_reading_of_a_clock_ahead_that_comes_again_is_no_newer_than_when_it_first_came(connection):
    store = Store(writer="w", lane="telemetry", lease="l", owner=str(uuid.uuid4()))
    await lease.take(connection, "l", store.owner)

    def sent(second, ahead_s, seq, **fields):
        reading = {"ts": RECEIVED_US // 1000 + (second + ahead_s) * 1000, "seq": seq, **fields}
        return decode(TOPIC, orjson.dumps(reading), RECEIVED_US + second * 1_000_000), reading

    first, body = sent(2, 98, 1, flow_lps=0.0, battery_pct=85)
    await store.write(connection, [first], Rest())
    second, _ = sent(5, 96, 2, battery_pct=78)
    await store.write(connection, [second], Rest())
    again = decode(TOPIC, orjson.dumps(body), RECEIVED_US + 7_000_000)
    third, _ = sent(6, 96, 3, tilt_deg=1.0)
    for batch in ([again], [third, again]):
        await store.write(connection, batch, Rest())
        row = await connection.fetchrow("select state, state_at, (newest_at(s))::text as newest from device_state s")
        assert (row["state"]["battery_pct"], row["state"]["flow_lps"]) == (78.0, 0.0)
        assert row["state_at"]["flow_lps"] == [RECEIVED_US + 2_000_000, RECEIVED_US + 2_000_000, 1]
    assert orjson.loads(row["newest"]) == [RECEIVED_US + 6_000_000, RECEIVED_US + 6_000_000, 3]
    assert row["state"]["tilt_deg"] == 1.0


async def test_what_a_clock_that_was_set_back_called_the_newest_gives_way_to_what_comes_now(connection):
    store = Store(writer="w", lane="telemetry", lease="l", owner=str(uuid.uuid4()))
    await lease.take(connection, "l", store.owner)

    async def state_after(at_us, seq, **fields):
        reading = orjson.dumps({"ts": at_us // 1000, "seq": seq, **fields})
        await store.write(connection, [decode(TOPIC, reading, at_us)], Rest())
        row = await connection.fetchrow(
            "select state, to_us(ts) as ts, to_us(received_at) as at, seq from device_state"
        )
        return row["state"], row["ts"] // 1000, row["at"], row["seq"]

    now_us = time.time_ns() // 1000
    hour_ahead_us = now_us + 3_600_000_000
    await state_after(hour_ahead_us, 1, pressure_mpa=0.3, flow_lps=1.0)
    assert await state_after(now_us, 2, pressure_mpa=0.0) == (
        {"pressure_mpa": 0.0, "flow_lps": 1.0}, now_us // 1000, now_us, 2,
    )  # fmt: skip
    late_us = now_us - 5_000_000
    await store.write(connection, [decode(TOPIC, orjson.dumps({"ts": late_us // 1000, "seq": 0, "pressure_mpa": 0.2}),
                                          now_us + 1)], Rest())  # fmt: skip
    assert await connection.fetchval("select state ->> 'pressure_mpa' from device_state") == "0.0"


async def test_what_a_device_whose_clock_went_back_says_is_the_newest_once_it_counts_by_its_receive_time(connection):
    store = Store(writer="w", lane="telemetry", lease="l", owner=str(uuid.uuid4()))
    await lease.take(connection, "l", store.owner)
    now_us, back_us = time.time_ns() // 1000, 8 * 3_600_000_000

    async def state_after(at_us, *readings):
        body = [{"ts": ts_us // 1000, "seq": seq, **fields} for ts_us, seq, fields in readings]
        await store.write(connection, [decode(TOPIC, orjson.dumps(body[0] if len(body) == 1 else body), at_us)], Rest())
        row = await connection.fetchrow("select state, to_us(received_at) as at, seq from device_state")
        return row["state"], (row["at"] - now_us) // 1_000_000, row["seq"]

    full, dry = {"pressure_mpa": 0.3, "battery_pct": 90.0}, {"pressure_mpa": 0.02}
    await state_after(now_us, (now_us, 1, full))
    said = []
    for minute in range(1, 5):
        at_us = now_us + minute * 60_000_000
        said.append(await state_after(at_us, (at_us - back_us, 1 + minute, dry)))
    assert said == [(full, 0, 1)] * 2 + [(full | dry, 180, 4), (full | dry, 240, 5)]
    filled = [(now_us - back_us - minute * 60_000_000, 100 + minute, full) for minute in (3, 2, 1)]
    assert await state_after(now_us + 241_000_000, *filled) == (full | dry, 240, 5), "a back-fill changes nothing"
    later_us = now_us + 300_000_000
    store.devices = type(store.devices)()  # what is remembered must not matter
    assert await state_after(later_us, (later_us - back_us, 6, {"pressure_mpa": 0.01})) == (
        full | {"pressure_mpa": 0.01}, 300, 6,
    )  # fmt: skip
    right_us = now_us + 360_000_000
    assert await state_after(right_us, (right_us, 7, full)) == (full, 360, 7)


async def test_a_clock_that_went_back_within_one_batch_is_heard_as_well(connection):
    store = Store(writer="w", lane="telemetry", lease="l", owner=str(uuid.uuid4()))
    await lease.take(connection, "l", store.owner)
    now_us, back_us = time.time_ns() // 1000, 8 * 3_600_000_000
    messages = [decode(TOPIC, orjson.dumps({"ts": now_us // 1000, "seq": 1, "pressure_mpa": 0.3}), now_us)]
    for second in (1, 2, 3):
        at_us = now_us + second * 1_000_000
        body = {"ts": (at_us - back_us) // 1000, "seq": 1 + second, "pressure_mpa": 0.02}
        messages.append(decode(TOPIC, orjson.dumps(body), at_us))
    await store.write(connection, messages, Rest())
    assert await connection.fetchval("select state ->> 'pressure_mpa' from device_state") == "0.02"


async def test_microseconds_travel_unchanged(connection):
    chance = random.Random(1)
    us = [chance.randrange(0, 4_102_444_800_000_000) for _ in range(2000)]
    rows = await connection.fetch("select to_us(from_us(us)) as back from unnest($1::bigint[]) as us", us)
    assert [row["back"] for row in rows] == us
