"""Who is there: status, wills, retained copies, probes, and what alerts is told of devices heard."""

import asyncio
from urllib.parse import urlsplit

from services.core.mqtt import Session, SessionConfig, Will
from tests.support.broker_fleet import AREA, drop, now_ms, reading, topic

STATE = "select s.* from device_state s join device d on d.id = s.device_id where d.code = $1"


async def test_a_device_that_dies_leaves_its_will_which_is_no_sign_of_life(ingest, broker, fleet, rows):
    await fleet.send(topic("H1"), reading(1))
    await rows.until("select count(*) from device_state where last_seen is not null", equals=1)
    seen = await rows.one("select last_seen from device_state")
    will = Will(topic("H1", "up/status"), b'{"online": false, "ts": 1}')
    account = broker.add_device("H1")
    url = urlsplit(f"mqtt://H1:{account.password}@{broker.host}:{broker.port}")
    session = Session(SessionConfig.from_url(url, "H1", will=will))
    running = asyncio.create_task(session.run())
    await session.ready()
    drop(session)
    await rows.until("select connected = false from device_state")
    await session.stop()
    await running
    row = (await rows.all(STATE, "H1"))[0]
    assert (row["last_seen"], row["online"]) == (seen, True)
    assert row["connected_at"] >= seen  # our clock, not the will's


async def test_a_live_status_registers_and_a_retained_copy_does_not(ingest, fleet, rows):
    await fleet.send(topic("NEW", "up/status"), {"online": True, "ts": now_ms()}, retain=True)
    await rows.until("select connected from device_state s join device d on d.id = s.device_id where d.code = 'NEW'")
    assert (await rows.all(STATE, "NEW"))[0]["last_seen"] is not None
    assert await rows.one("select count(*) from ingest_batch where cardinality(seen) = 1") == 1


async def test_a_retained_copy_from_before_our_time_is_no_sign_of_life(broker, fleet, rows, program, database):
    await fleet.send(topic("OLD", "up/status"), {"online": True, "ts": now_ms()}, retain=True)
    running = program("ingest", DATABASE_URL=database, MQTT_URL=broker.url)
    running.wait_ready()
    await fleet.send(topic("H1"), reading(1))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    assert [row["code"] for row in await rows.all("select code from device")] == ["H1"]


async def test_duplicates_and_rejects_tell_alerts_that_the_device_lives(ingest, fleet, rows):
    body = reading(1)
    await fleet.send(topic("H1"), body)
    await rows.until("select count(*) from reading_hydrant", equals=1)
    await rows.connection.execute("update device_state set online = false, offline_since = now()")
    await fleet.send(topic("H1"), b"garbage")
    await rows.until("select online and offline_since is null from device_state")
    device_id = await rows.one("select id from device")
    await rows.until("select count(*) from ingest_batch where seen = array[$1::integer]", device_id, equals=1)


async def test_probes_move_the_watermark_of_both_lanes_without_making_batches(ingest, rows):
    await rows.until("select count(*) from ingest_lane where watermark is not null", equals=2)
    first = await rows.one("select min(watermark) from ingest_lane")
    await rows.until("select min(watermark) > $1::timestamptz + interval '1.5 s' from ingest_lane", first)
    assert await rows.one("select count(*) from ingest_batch") == 0
    lanes = await rows.all("select * from ingest_lane order by writer")
    assert [(lane["writer"], lane["connected"], lane["sessions_lost"]) for lane in lanes] == [
        ("all/event", True, 0),
        ("all/telemetry", True, 0),
    ]


async def test_a_gap_in_the_probes_gives_a_fresh_grace(ingest, rows):
    await rows.until("select count(*) from ingest_lane where watermark is not null", equals=2)
    before = await rows.one("select max(watermark_gap_at) from ingest_lane")
    await rows.connection.execute("update ingest_lane set watermark = watermark - interval '1 minute'")
    await rows.until("select count(*) from ingest_lane where watermark_gap_at > $1", before, equals=2)


async def test_a_lost_session_is_counted_and_seen(ingest, broker, rows):
    await rows.until("select count(*) from ingest_lane where connected_at is not null", equals=2)
    broker.stop()
    for file in broker.folder.rglob("*.sqlite3*"):
        file.unlink()
    broker.start()
    await rows.until("select count(*) from ingest_lane where sessions_lost = 1 and connected", equals=2)
    assert await rows.one("select count(*) from ingest_lane where session_lost_at is not null") == 2


async def test_a_moved_device_follows_its_topic_until_a_person_fixes_the_area(ingest, fleet, rows):
    await fleet.send(topic("H1"), reading(1))
    await rows.until("select area from device", equals=AREA)
    await fleet.send(topic("H1", area="140931999"), reading(2))
    await rows.until("select area from device", equals="140931999")
    assert tuple((await rows.all("select name, parent from area where code = '140931999'"))[0]) == (
        "140931999",
        "140931",
    )
    await rows.connection.execute("update device set area = '140931101', area_fixed = true")
    await fleet.send(topic("H1"), reading(3))  # whether or not ingest has heard of the change by now
    await rows.until("select count(*) from reading_hydrant", equals=3)
    assert await rows.one("select area from device") == "140931101"
    assert await rows.one("select last_topic from device_state") == f"fire/v1/{AREA}/hydrant/H1"
