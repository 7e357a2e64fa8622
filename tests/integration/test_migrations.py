"""Revisions bring along the rows that are there."""

from datetime import UTC, datetime

from services.core import db
from services.core.alarms.life.components import normal_component
from services.core.migrate import upgrade
from services.core.topics import Kind

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


ALTERED_AT = """select distinct xmin::text from pg_attribute where attname = 'clock_behind'
and attrelid in ('reading_hydrant'::regclass, 'reading_electrical'::regclass, 'reading_water'::regclass,
    'reading_panel'::regclass)"""
CHUNKS = """insert into reading_{kind} (device_id, ts, seq, received_at, batch_id)
select 1, date_trunc('day', now(), 'UTC') - make_interval(days => n), 0, now(), 0 from generate_series(0, 99) n"""
CHUNKS_WITH_THE_COLUMN = """select count(*) from pg_attribute join pg_class c on c.oid = attrelid
where attname = 'clock_behind' and c.relkind = 'r' and c.relnamespace = '_timescaledb_internal'::regnamespace"""


async def test_no_transaction_locks_the_chunks_of_two_tables_and_a_kill_between_two_is_made_good(empty_database):
    await upgrade(empty_database, "0010")
    connection = await db.connect(empty_database, program="test")
    for kind in Kind:
        await connection.execute(CHUNKS.format(kind=kind))
    # a run that was killed after its first table
    await connection.execute("alter table reading_hydrant add column clock_behind boolean not null default false")
    await upgrade(empty_database)
    transactions = await connection.fetch(ALTERED_AT)
    with_the_column = await connection.fetchval(CHUNKS_WITH_THE_COLUMN)
    await connection.close()
    assert len(transactions) == len(Kind)
    assert with_the_column == 100 * len(Kind)


async def test_secrets_that_the_audit_told_and_words_of_contacts_in_errors_are_taken_out(empty_database):
    await upgrade(empty_database, "0008")
    connection = await db.connect(empty_database, program="test")
    secret = {
        "name": "队长", "channel": "webhook", "area": None, "enabled": True,
        "address": "https://u:pa55word@h.example/x?token=t0ken&b=1", "settings": {"headers": "Bearer s3cret", "n": 1},
    }  # fmt: skip
    phone = secret | {"channel": "sms", "address": "13800000000", "settings": {}}
    for action, detail in (("contact.create", secret), ("contact.update", phone), ("device.put", {"address": "a=b"})):
        await connection.execute("insert into audit (actor, action, detail) values ('user:a', $1, $2)", action, detail)
    alarm = await connection.fetchval(
        """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at)
           values ('system', 'fault', 'system', 'minor', 'closed', '', '', now()) returning id"""
    )
    for number, channel in enumerate(("desk", "contact:1")):
        notice = await connection.fetchval(
            """insert into notice (id, alarm_id, number, channel, type, body, due_at, created_at, last_error)
               values (gen_random_uuid(), $1, $2, $3, 'call', '{}', now(), now(), 'HTTP 500: inner: words')
               returning id""",
            alarm,
            number,
            channel,
        )
        await connection.execute(
            "insert into notice_attempt (notice_id, number, at, duration_ms, error) values ($1, 1, now(), 1, $2)",
            notice,
            "HTTP 500: inner: words",
        )
    await upgrade(empty_database)
    told = await connection.fetch("select detail from audit order by id")
    errors = await connection.fetch("select channel, last_error from notice order by channel")
    tries = await connection.fetch(
        "select a.error from notice_attempt a join notice n on n.id = a.notice_id order by n.channel"
    )
    await connection.close()
    assert told[0]["detail"] == secret | {
        "address": "https://***@h.example/x?token=***&b=***",
        "settings": {"headers": "***", "n": "***"},
    }
    assert [row["detail"] for row in told[1:]] == [phone, {"address": "a=b"}]
    assert [row["last_error"] for row in errors] == ["HTTP 500", "HTTP 500: inner: words"]
    assert [row["error"] for row in tries] == ["HTTP 500", "HTTP 500: inner: words"]
