"""Right counts and right newest state, whatever the order, the repeats, the clock and the borders."""

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from services.core.contracts import RECEIVED
from tests.support.broker_fleet import event, now_ms, reading, topic, wait_for

QUALITY = """
select coalesce(sum(gaps), 0), coalesce(sum(restarts), 0), coalesce(sum(duplicates), 0),
       coalesce(sum(late), 0), coalesce(sum(rejects), 0)
from device_quality q join device d on d.id = q.device_id where d.code = $1
"""

RESETS_OF_AN_HOUR_AHEAD = """
insert into event
select (jsonb_populate_record(e, jsonb_build_object('ts', e.ts + interval '1 hour',
                                                    'received_at', e.received_at + interval '1 hour'))).*
from event e where e.type = 'reset'
"""


async def quality(rows, device):
    """Gaps, restarts, duplicates, late, rejects."""
    return tuple(int(value) for value in (await rows.all(QUALITY, device))[0])


async def newest(rows, device, field):
    state = await rows.one(
        "select s.state from device_state s join device d on d.id = s.device_id where d.code = $1", device
    )
    return state[field]


async def test_a_batch_of_six_hundred_repeated_and_reordered_is_stored_once(ingest, fleet, rows):
    base = now_ms() - 100_000
    body = [reading(i, base + i * 100, level_m=float(i) / 100) for i in range(600)]
    shuffled = random.Random(3).sample(body, 600)
    for batch in (shuffled, body, body[100:400]):
        await fleet.send(topic("W1", kind="water"), batch)
    await rows.until("select count(*) from reading_water", equals=600)
    await rows.until("select sum(duplicates) from ingest_batch", equals=900)
    assert await quality(rows, "W1") == (0, 0, 900, 0, 0)
    assert await newest(rows, "W1", "level_m") == 5.99
    assert await rows.one("select sum(water) from ingest_batch") == 600


async def test_the_newest_value_of_each_field_survives_late_and_partial_readings(ingest, fleet, rows):
    base = now_ms() - 60_000
    await fleet.send(topic("H1"), reading(3, base + 3000, pressure_mpa=0.33, flow_lps=3.0))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    await fleet.send(topic("H1"), reading(2, base + 2000, pressure_mpa=0.22, tilt_deg=2.0))
    await rows.until("select count(*) from reading_hydrant", equals=2)
    await fleet.send(topic("H1"), [reading(5, base + 5000, flow_lps=5.0), reading(4, base + 4000, tilt_deg=4.0)])
    await rows.until("select count(*) from reading_hydrant", equals=4)
    assert [await newest(rows, "H1", field) for field in ("pressure_mpa", "flow_lps", "tilt_deg")] == [0.33, 5.0, 4.0]
    assert await rows.one("select seq from device_state") == 5


async def test_a_time_ahead_counts_as_the_receive_time(ingest, fleet, rows):
    await fleet.send(topic("H1"), reading(1, now_ms() + 200_000, pressure_mpa=0.1))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    await asyncio.sleep(0.05)
    await fleet.send(topic("H1"), reading(2, now_ms(), pressure_mpa=0.2))
    await rows.until("select count(*) from reading_hydrant", equals=2)
    assert await newest(rows, "H1", "pressure_mpa") == 0.2


async def test_gaps_fills_restarts_and_the_wrap_are_told_apart(ingest, fleet, rows):
    base = now_ms() - 100_000
    await fleet.send(topic("H1"), [reading(seq, base + seq * 1000) for seq in (10, 11, 15, 16)])
    await rows.until("select count(*) from reading_hydrant", equals=4)
    assert await quality(rows, "H1") == (3, 0, 0, 0, 0)
    await fleet.send(topic("H1"), reading(13, base + 13_000))  # one of the missing comes late
    await fleet.send(topic("H1"), [reading(0, base + 20_000), reading(1, base + 21_000)])
    await rows.until("select count(*) from reading_hydrant", equals=7)
    assert await quality(rows, "H1") == (2, 1, 0, 0, 0)
    await fleet.send(topic("H2"), [reading(2**32 - 1, base), reading(0, base + 1), reading(1, base + 2)])
    await rows.until("select count(*) from reading_hydrant", equals=10)
    assert await quality(rows, "H2") == (0, 0, 0, 0, 0)


async def test_sequences_go_on_across_a_restart_of_ingest(ingest, fleet, rows):
    base = now_ms() - 100_000
    await fleet.send(topic("H1"), reading(10, base))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    ingest.kill()
    ingest.restart()
    await fleet.send(topic("H1"), reading(12, base + 2000))
    await rows.until("select count(*) from reading_hydrant", equals=2)
    gaps, restarts, _again, late, rejects = await quality(rows, "H1")  # what was not acknowledged yet comes again
    assert (gaps, restarts, late, rejects) == (1, 0, 0, 0)


async def test_midnight_and_chunk_borders_lose_nothing(ingest, fleet, rows):
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [
        int((midnight - timedelta(days=day) + timedelta(milliseconds=offset)).timestamp() * 1000)
        for day in range(29)
        for offset in (-1, 0, 1)
    ]
    body = [reading(i, ts, battery_v=12.0) for i, ts in enumerate(sorted(moments))]
    await fleet.send(topic("P1", kind="panel"), random.Random(1).sample(body, len(body)))
    await rows.until("select count(*) from reading_panel", equals=len(body))
    assert await rows.one("select count(distinct ts) from reading_panel") == len(body)
    weeks = await rows.one("select count(*) from show_chunks('reading_panel')")
    assert weeks in (5, 6)  # whose borders are midnights
    assert (await quality(rows, "P1"))[:3] == (0, 0, 0)
    assert await rows.one("select seq from device_state") == len(body) - 1


async def test_late_is_judged_by_the_devices_own_rhythm(ingest, fleet, rows):
    old = now_ms() - 20 * 60_000
    await fleet.send(topic("AWAKE"), reading(1, old))
    await fleet.send(topic("ASLEEP"), reading(1, now_ms()))
    await rows.until("select count(*) from reading_hydrant", equals=2)
    await rows.connection.execute("update device set sleepy = true, registered = true where code = 'ASLEEP'")
    await rows.connection.execute("update device set expected_interval_s = 900, registered = true where code = 'AWAKE'")
    assert ingest.stop() == 0
    ingest.restart()  # reads the registry, however late a notification is
    await fleet.send(topic("AWAKE"), [reading(2, old - 1), reading(3, now_ms() - 31 * 60_000)])
    await fleet.send(topic("ASLEEP"), [reading(2, now_ms() - 24 * 3_600_000), reading(3, now_ms() - 26 * 3_600_000)])
    await rows.until("select count(*) from reading_hydrant", equals=6)
    late = await rows.all("select d.code, r.seq from reading_hydrant r join device d on d.id = r.device_id where late")
    assert sorted(tuple(row) for row in late) == [("ASLEEP", 3), ("AWAKE", 1), ("AWAKE", 3)]
    assert (await quality(rows, "AWAKE"))[3] == 2


async def test_an_event_sent_again_is_one_row_and_is_acknowledged_each_time(ingest, fleet, rows):
    body = event("e-1", component="c")
    for _ in range(3):
        await fleet.send(topic("P1", "up/event", "panel"), body)
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"] * 3, what="three acknowledgements")
    assert await rows.one("select count(*) from event") == 1
    await rows.until(
        "select coalesce(sum(duplicates), 0) from device_quality q join device d on d.id = q.device_id "
        "where d.code = 'P1'",
        equals=2,
    )


async def test_an_event_with_a_wrong_clock_sent_again_stays_one_row(ingest, fleet, rows):
    body = event("e-1") | {"ts": 951_782_400_000}  # the year 2000: a panel with a dead battery
    await fleet.send(topic("P1", "up/event", "panel"), body)
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"], what="the first acknowledgement")
    await fleet.send(topic("P1", "up/event", "panel"), body)
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"] * 2, what="the second acknowledgement")
    found = await rows.all("select ts, received_at, device_ts, late, extra from event")
    assert len(found) == 1
    assert found[0]["ts"] == found[0]["received_at"]
    assert found[0]["device_ts"] == datetime(2000, 2, 29, tzinfo=UTC)
    assert found[0]["extra"]["flags"] == ["clock_implausible"]


async def test_a_restarted_counter_never_swallows_a_new_fire(ingest, fleet, rows):
    first = event("1")
    await fleet.send(topic("P1", "up/event", "panel"), first)
    await fleet.send(topic("P1", "up/event", "panel"), first | {"ts": first["ts"] + 5})
    await rows.until("select count(*) from event", equals=2)


async def test_the_next_fire_of_a_device_that_sends_neither_id_nor_time_is_another_event(ingest, fleet, rows):
    button, fire = topic("B1", "up/event", "panel"), {"type": "manual_alarm", "component": "1"}
    told = itertools.count(1)

    async def send(body=fire, **how):
        await fleet.send(button, body, **how)
        count = next(told)
        await wait_for(lambda: len(fleet.acked_ids("B1")) == count, what="its acknowledgement")

    async def pass_minutes(minutes):
        await rows.connection.execute("update event_key set received_at = received_at - $1 * interval '1 min'", minutes)

    await send()
    for _ in range(3):  # sent again, as whatever was not acknowledged: at most five minutes apart
        await pass_minutes(9)
        await send()
    assert await rows.one("select count(*) from event") == 1
    await pass_minutes(11)
    await send()
    assert await rows.one("select count(*) from event") == 2
    assert await rows.one("select count(distinct event_id) from event") == 1
    for ended in (fire, {"type": "reset"}, {"type": "reset"}, fire, fire, fire | {"active": False}, fire, fire):
        await send(ended)
    assert await rows.one("select count(*) from event") == 6
    await pass_minutes(-60)  # our own clock was an hour ahead when that one came
    await send()
    await send()
    assert await rows.one("select count(*) from event") == 7
    await send({"type": "reset"})
    await rows.connection.execute(RESETS_OF_AN_HOUR_AHEAD)
    await pass_minutes(-60)  # and so it was at the next reset
    for _ in range(3):
        await send()
    fires = "select count(*) from event where type = 'manual_alarm'"
    assert await rows.one(fires) == 7
    for named in (fire | {"event_id": "a7f3c2d1"}, fire | {"ts": now_ms()}, fire | {"ts": now_ms() // 1000}):
        await send(named)
        await pass_minutes(60)
        await send(named)
    assert await rows.one(fires) == 10
    for counted in (fire | {"event_id": "1"}, fire | {"event_id": "1", "ts": 5}):  # from 1 at each start
        await send(counted)
        await send(counted)
        await pass_minutes(11)
        await send(counted)
    assert await rows.one(fires) == 14
    for number, ended in ((7, {}), (8, {"active": False}), (7, {})):  # the first once more, because its answer was lost
        await send(fire | {"event_id": f"{number}"} | ended)
    assert await rows.one(fires) == 16


async def test_a_copy_that_the_broker_kept_and_one_that_a_relay_brings_again_are_no_new_fires(ingest, fleet, rows):
    fire, hour_ago = {"type": "fire"}, now_ms() * 1000 - 3_600_000_000
    for count, at_us in enumerate((hour_ago, hour_ago, hour_ago + 1_800_000_000), start=1):
        marks = [(RECEIVED, str(at_us))]
        await fleet.session.submit(topic("T1", "up/event", "panel"), orjson.dumps(fire), marks=marks)
        await wait_for(lambda count=count: len(fleet.acked_ids("T1")) == count, what="its acknowledgement")
    assert await rows.one("select count(*) from event") == 2
    await fleet.send(topic("K1", "up/event", "panel"), fire, retain=True)
    await wait_for(lambda: len(fleet.acked_ids("K1")) == 1, what="the live message acknowledged")
    await rows.connection.execute("update event_key set received_at = received_at - interval '1 day'")
    ingest.stop()
    await rows.connection.execute("delete from lease")  # of another process, to which the broker sends its copies
    ingest.restart()
    await wait_for(lambda: len(fleet.acked_ids("K1")) == 2, what="the kept copy acknowledged")
    assert await rows.one("select count(*) from event") == 3


async def test_the_hourly_relations_sum_up_a_device_and_hour(ingest, fleet, rows):
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    start = int(hour.timestamp() * 1000)
    hour_ms = 3_600_000
    pressures = ((1, 0, 0.8), (2, 60_000, 0.1), (3, hour_ms - 1, 0.3), (4, hour_ms, 0.9))
    await fleet.send(topic("H1"), [reading(seq, start + after, pressure_mpa=mpa) for seq, after, mpa in pressures])
    await rows.until("select count(*) from reading_hydrant", equals=4)
    (first, second) = await rows.all("select * from reading_hydrant_hourly order by hour")
    summed = [first[f"pressure_mpa_{name}"] for name in ("min", "max", "mean", "last")]
    assert (first["hour"], first["readings"]) == (hour, 3)
    assert summed == pytest.approx([0.1, 0.8, 0.4, 0.3])
    assert (second["hour"], second["readings"], second["pressure_mpa_mean"]) == (hour + timedelta(hours=1), 1, 0.9)
    assert await rows.all("select hour, readings, temp_a_c_last from reading_electrical_hourly") == []
    assert await rows.all("select hour, readings, level_m_last from reading_water_hourly") == []
    assert await rows.all("select hour, readings, battery_v_last from reading_panel_hourly") == []
