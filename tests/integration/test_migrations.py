"""Revisions bring along the rows that are there."""

from datetime import UTC, datetime

from services.core import db
from services.core.migrate import upgrade


async def test_newest_states_of_the_earlier_form_keep_each_value_with_its_time(empty_database):
    await upgrade(empty_database, "0006")
    connection = await db.connect(empty_database, program="test")
    await connection.execute("insert into device (code, kind, area) values ('H1', 'hydrant', '140931100')")
    ts_ms, older_ms = 1_764_000_000_123, 1_763_999_000_000
    await connection.execute(
        "insert into device_state (device_id, state, ts, received_at, seq) select id, $1, $2, $2, 9 from device",
        {
            "pressure_mpa": {"value": 0.31, "at": [ts_ms, ts_ms + 5, 9]},
            "cap_open": {"value": False, "at": [older_ms, older_ms, 4]},
        },
        datetime.fromtimestamp(ts_ms / 1000, UTC),
    )
    await upgrade(empty_database)
    row = await connection.fetchrow("select state, state_at from device_state")
    await connection.close()
    assert row["state"] == {"pressure_mpa": 0.31, "cap_open": False}
    assert row["state_at"] == {
        "pressure_mpa": [ts_ms * 1000, (ts_ms + 5) * 1000, 9],
        "cap_open": [older_ms * 1000, older_ms * 1000, 4],
    }
