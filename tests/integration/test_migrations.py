"""Revisions bring along the rows that are there."""

from datetime import UTC, datetime

from services.core import db
from services.core.alarms.components import normal_component
from services.core.migrate import upgrade

BEFORE_COMPONENT_KEYS = "0012"


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


async def test_open_alarms_of_before_are_found_under_every_spelling_of_their_component(empty_database):
    await upgrade(empty_database, BEFORE_COMPONENT_KEYS)
    connection = await db.connect(empty_database, program="test")
    await connection.execute("insert into device (code, kind, area) values ('P1', 'panel', '140931100')")
    spelled = ["3-012 ", "３－１２", "\u200bA03 Smoke", "", "\u00a0", "0-0", "3-13"]
    for component in spelled:
        await connection.execute(
            """insert into alarm (subject, code, component, category, severity, state, device_id, reason, reason_en,
                   opened_at)
               select 'device:' || id, 'fault', $1, 'device', 'minor', 'unacknowledged', id, '故障', 'fault', now()
               from device""",
            component,
        )
    await upgrade(empty_database)
    rows = await connection.fetch("select component, component_key from alarm order by id")
    await connection.close()
    assert [row["component"] for row in rows] == spelled
    keys = [row["component_key"] for row in rows]
    assert keys[:1] + keys[2:4] + keys[5:] == ["3-12", "a3smoke", None, "0-0", "3-13"]
    plain = [(key, text) for key, text in zip(keys, spelled, strict=True) if key and "\x1f" not in key]
    assert all(key == normal_component(text) for key, text in plain)
    # twins that stood open already stay, each for itself
    assert keys[1].startswith("3-12\x1f")
    assert keys[4].startswith("\x1f")
