"""How many clients the broker has stands in the lane's row, beside how many devices it may have."""

import asyncpg

from tests.support.waiting import eventually


async def test_connections_and_their_limit_are_reported(database, broker, program):
    program("ingest", DATABASE_URL=database, MQTT_URL=broker.url, MQTT_MAX_CONNECTIONS=1000).wait_ready()
    connection = await asyncpg.connect(database)
    row = await eventually(
        lambda: connection.fetchrow("select connections_limit from ingest_lane where connections >= 2"),
        what="the broker's count of the two lanes in the row",
    )
    assert row["connections_limit"] == 1000
    await connection.close()
