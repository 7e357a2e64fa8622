"""The thin path: a message in, a row, an acknowledgement."""

from datetime import UTC, datetime

import pytest

from tests.support.broker_fleet import AREA, event, now_ms, reading, topic, wait_for


async def test_a_reading_of_an_unknown_device_is_stored_and_the_device_registered(ingest, fleet, rows):
    ts = now_ms()
    await fleet.send(topic("H1"), reading(1, ts, pressure_mpa=0.31, cap_open=False, firmware="1.2"))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    row = (await rows.all("select * from reading_hydrant r join device d on d.id = r.device_id"))[0]
    assert (row["code"], row["kind"], row["area"], row["registered"]) == ("H1", "hydrant", AREA, False)
    assert (row["seq"], row["pressure_mpa"], row["cap_open"], row["flow_lps"]) == (1, 0.31, False, None)
    assert row["ts"] == datetime.fromtimestamp(ts / 1000, UTC)
    assert row["extra"] == {"firmware": "1.2"}
    assert row["late"] is False
    state = (await rows.all("select * from device_state"))[0]
    assert (state["state"]["pressure_mpa"], state["state_at"]) == (0.31, {})
    assert (state["online"], state["last_topic"]) == (True, f"fire/v1/{AREA}/hydrant/H1")
    batch = (await rows.all("select * from ingest_batch"))[0]
    assert (batch["writer"], batch["number"], batch["hydrant"], batch["lane"]) == ("all/telemetry", 1, 1, "telemetry")
    assert batch["id"] == row["batch_id"]


async def test_an_event_is_stored_and_then_named_on_down_ack(ingest, fleet, rows):
    await fleet.send(topic("P1", "up/event", "panel"), event("e-1", component="1-2-3", zone="B1", floor=3))
    await wait_for(lambda: fleet.acked_ids("P1") == ["e-1"], what="the application ack")
    row = (await rows.all("select * from event"))[0]
    assert (row["event_id"], row["type"], row["active"], row["component"]) == ("e-1", "fire", True, "1-2-3")
    assert (row["zone"], row["extra"]) == ("B1", {"floor": 3})


async def test_sigterm_ends_cleanly_and_the_next_start_goes_on(ingest, broker, fleet, rows):
    await fleet.send(topic("H1"), reading(1))
    await rows.until("select count(*) from reading_hydrant", equals=1)
    assert ingest.stop() == 0
    await fleet.send(topic("H1"), reading(2))
    ingest.restart()
    await rows.until("select count(*) from reading_hydrant", equals=2)
    numbers = await rows.all("select number from ingest_batch where writer = 'all/telemetry' order by number")
    assert [row["number"] for row in numbers] == [1, 2]
    owned = "select count(*) from ingest_lane join lease using (owner) where connected and name = 'ingest:' || writer"
    await rows.until(owned, equals=2)  # the second start has reported
    assert await rows.one("select string_agg(distinct broker, ' ') from ingest_lane") == broker.url.rpartition("@")[2]
    assert await rows.one("select sum(sessions_lost) from ingest_lane") == 0


@pytest.fixture
def addresses(database, broker):
    words = {
        "empty": database.rpartition("/")[0] + "/postgres",
        "database": database,
        "wrong": broker.url.replace("://", "://x"),
    }
    return database, broker.url, words


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"DATABASE_URL": "{empty}"}, "firetower migrate"),
        ({"DATABASE_URL": "{database}x"}, "FIRETOWER_DATABASE_URL"),
        ({"MQTT_URL": "{wrong}"}, "FIRETOWER_MQTT_URL"),
        ({"INGEST_AREAS": "baode"}, "FIRETOWER_INGEST_AREAS"),
    ],
)
async def test_what_cannot_work_ends_at_once_with_one_line(program, addresses, env, named):
    database, broker_url, words = addresses
    given = {"DATABASE_URL": database, "MQTT_URL": broker_url} | {
        key: value.format(**words) for key, value in env.items()
    }
    running = program("ingest", **given)
    await wait_for(lambda: running.process.poll() is not None, what="the program ends")
    assert running.process.returncode == 2
    last = running.log_text().strip().splitlines()[-1]
    assert last.startswith("firetower: ")
    assert named in last
