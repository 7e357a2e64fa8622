"""While what is left on the disk belongs to fires, readings wait unacknowledged and nobody is called silent for it."""

import pytest

from tests.support.broker_fleet import event, reading, topic, wait_for


@pytest.fixture
def start_beside(program, database, broker):
    """Start ingest beside a reserve."""
    return lambda reserve: program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, RESERVE_FILE=reserve)


async def test_readings_wait_for_room_and_events_do_not(start_beside, fleet, rows, tmp_path):
    reserve = tmp_path / "reserve"
    reserve.touch()  # emptied: the disk is nearly full
    ingest = start_beside(reserve)
    await wait_for(ingest.ready_file.exists, what="ready")
    await fleet.send(topic("WAITS"), reading(1))
    await wait_for(lambda: "readings_wait_for_room" in ingest.log_text(), what="it says that readings wait")
    await fleet.send(topic("BURNS", "up/event", "panel"), event("fire-1"))
    await rows.until("select count(*) from event where event_id = 'fire-1'", equals=1)
    token = await rows.one("select token from lease where name like 'ingest:%/telemetry'")
    await rows.until(
        "select expires_at > clock_timestamp() + interval '1 second' from lease where name like 'ingest:%/telemetry'"
    )
    assert await rows.one("select count(*) from reading_hydrant") == 0
    reserve.write_bytes(b"kept")  # there is room again
    await rows.until("select count(*) from reading_hydrant", equals=1)
    assert await rows.one("select token from lease where name like 'ingest:%/telemetry'") == token
    assert ingest.process.poll() is None
