"""Revisions bring along the rows that are there."""

import asyncio
import re
import secrets
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from services.core import db, migrate
from services.core.alarms.life.components import normal_component
from services.core.errors import FiretowerError
from services.core.migrate import SchemaTooNew, upgrade
from services.core.topics import Kind
from stack.postgres import OWNER
from tests.support.waiting import eventually

BEFORE_COMPONENT_KEYS = "0012"
BEFORE_SINCE = "0043"
BEFORE_INCIDENTS_OVER = "0048"
BEFORE_CORRECTIONS = "0062"


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


BEFORE_WEEKS = "0022"
LENGTHS = """select (range_end - range_start) from timescaledb_information.chunks
where hypertable_name = 'reading_panel' order by range_start"""


async def test_what_came_back_before_stands_since_then_and_a_fire_since_its_incident_began(empty_database):
    await upgrade(empty_database, BEFORE_SINCE)
    connection = await db.connect(empty_database, program="test")
    day, noon = timedelta(days=1), datetime(2026, 11, 1, 12, tzinfo=UTC)
    lines = {  # outcome and incident, by day
        "fault": ["opened 1", "returned 1", "reopened 1", "repeated 1", "returned 1", "reopened 2", "rose 2"],
        "fire": ["opened 1", "returned 1", "reopened 2", "returned 2", "reopened 2"],
        "tamper": ["opened 1", "repeated 1"],
    }
    for code, steps in lines.items():
        alarm = await connection.fetchval(
            """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at)
               values ('system', $1, 'system', 'minor', 'unacknowledged', '', '', $2) returning id""",
            code,
            noon,
        )
        for number, (outcome, incident) in enumerate(map(str.split, steps)):
            await connection.execute(
                """insert into alarm_transition (
                       alarm_id, number, at, actor, act, outcome, to_state, detail, previous, hash)
                   values ($1, $2, $3, 'event', 'report', $4, 'unacknowledged', $5, '', '')""",
                alarm, number + 1, noon + number * day, outcome, {"incident_id": incident},
            )  # fmt: skip
    await upgrade(empty_database)
    since = dict(await connection.fetch("select code, since from alarm"))
    await connection.close()
    assert since == {"fault": noon + 5 * day, "fire": noon + 2 * day, "tamper": None}


async def test_incidents_whose_alarms_are_all_closed_are_over(empty_database):
    await upgrade(empty_database, BEFORE_INCIDENTS_OVER)
    connection = await db.connect(empty_database, program="test")
    day, noon = timedelta(days=1), datetime(2026, 11, 1, 12, tzinfo=UTC)
    members = {"left open": "closed", "stands": "unacknowledged", "over": "closed", "without alarms": None}
    for kind, state in members.items():
        incident = await connection.fetchval(
            """insert into incident (kind, cause, title, title_en, opened_at, updated_at, closed_at)
               values ($1, '', '', '', $2, $3, $4) returning id""",
            kind, noon, noon + 2 * day, noon + day if kind == "over" else None,
        )  # fmt: skip
        for code, of_one in (("fault", "closed"), ("tamper", state)):
            if of_one is not None and state is not None:
                await connection.execute(
                    """insert into alarm (
                           subject, code, category, severity, state, reason, reason_en, opened_at, incident_id)
                       values ('system', $1, 'system', 'minor', $2, '', '', $3, $4)""",
                    code, of_one, noon, incident,
                )  # fmt: skip
    await upgrade(empty_database)
    over = dict(await connection.fetch("select kind, closed_at from incident"))
    await connection.close()
    assert over == {"left open": noon + 2 * day, "stands": None, "over": noon + day, "without alarms": None}


async def test_a_verdict_that_waits_for_the_other_system_and_was_given_after_the_end_is_a_correction(empty_database):
    await upgrade(empty_database, BEFORE_CORRECTIONS)
    connection = await db.connect(empty_database, program="test")
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    alarm = await connection.fetchval(
        """insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, closed_at)
           values ('system', 'fire', 'fire', 'critical', 'closed', '', '', $1, $1) returning id""",
        noon,
    )
    said = [("verify", 0, None), ("verify", 5, None), ("verify", 6, "applied"), ("acknowledge", 7, None)]
    for act, minute, result in said:
        await connection.execute(
            "insert into carried_act (alarm_id, act, actor, at, result) values ($1, $2, 'user:bob', $3, $4)",
            alarm, act, noon + timedelta(minutes=minute), result,
        )  # fmt: skip
    await upgrade(empty_database)
    rows = await connection.fetch("select correction from carried_act order by id")
    await connection.close()
    assert [row["correction"] for row in rows] == [False, True, False, False]


async def test_chunks_of_a_day_stay_and_new_ones_hold_a_week(empty_database):
    await upgrade(empty_database, BEFORE_WEEKS)
    connection = await db.connect(empty_database, program="test")
    insert = "insert into reading_panel (device_id, ts, seq, received_at, batch_id) values (1, $1, 0, now(), 0)"
    day = timedelta(days=1)
    thursday = datetime(2026, 11, 26, 12, tzinfo=UTC)  # weeks of chunks begin on Thursdays
    for days in (0, 1):
        await connection.execute(insert, thursday + days * day)
    await upgrade(empty_database)
    for days in (1, 2, 6, 9):
        await connection.execute(insert, thursday + days * day + timedelta(hours=1))
    lengths = [row[0] for row in await connection.fetch(LENGTHS)]
    kept = await connection.fetchval("select count(*) from reading_panel")
    await connection.close()
    assert lengths[:2] == [day, day]
    assert lengths[2] <= 5 * day
    assert lengths[3:] == [7 * day]
    assert kept == 6


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


async def test_a_schema_of_a_newer_release_is_refused_in_one_line(empty_database, program):
    await upgrade(empty_database)
    connection = await db.connect(empty_database, program="test")
    await connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="the database has schema 9999"):
        await upgrade(empty_database)
    assert await connection.fetchval("select version_num from alembic_version") == "9999"
    await connection.close()
    old = program("migrate", DATABASE_URL=empty_database)
    assert await asyncio.to_thread(old.process.wait, 60) == 2
    assert re.fullmatch(r"firetower: the database has schema 9999.*upgrade\n", old.log_text())


@pytest.mark.parametrize(
    ("made", "then", "said"),
    [
        (f"owner {OWNER} encoding 'LATIN1' locale 'C'", "", "has the encoding LATIN1, .* encoding 'UTF8'"),
        ("", "", "permission denied for schema public; the role of FIRETOWER_DATABASE_URL must own the database"),
        (f"owner {OWNER}", "set default_transaction_read_only = on", "in a read-only transaction; name the primary"),
        (f"owner {OWNER}", "set search_path = nowhere", "the search_path of the role or the database must begin"),
    ],
)
async def test_a_database_that_cannot_be_ours_is_refused_in_one_line_with_the_cure(postgres, made, then, said):
    name = f"odd_{secrets.token_hex(6)}"
    postgres.sql(f"create database {name} template template0 {made}")
    try:
        if then:
            postgres.sql(f"alter database {name} {then}")
        with pytest.raises(FiretowerError, match=said) as refused:
            await asyncio.to_thread(migrate.main, postgres.postgres.dsn_of(name))
        assert "\n" not in str(refused.value)
    finally:
        postgres.drop_database(name)


async def test_a_long_revision_tells_and_an_interruption_undoes_only_it(
    empty_database, postgres, tmp_path, monkeypatch
):
    slow = tmp_path / "100% ours/migrations"
    shutil.copytree(migrate.MIGRATIONS, slow)
    head = max(path.stem[:4] for path in (slow / "versions").glob("[0-9]*.py"))
    for number, sql in (
        ("9998", "create table quick (n int)"),
        ("9999", "create table long (n int); select pg_sleep(900)"),
    ):
        (slow / f"versions/{number}_made.sql").write_text(sql)
        text = next((slow / "versions").glob("0015_*.py")).read_text()
        text = text.replace('"0015"', f'"{number}"').replace('"0014"', f'"{head}"')
        (slow / f"versions/{number}_made.py").write_text(text)
        head = number
    monkeypatch.setattr(migrate, "MIGRATIONS", slow)
    monkeypatch.setattr(migrate, "_TELL_EVERY_S", 0.2)
    await upgrade(empty_database, "0018")
    said = []
    run = asyncio.create_task(upgrade(empty_database, say=said.append))
    sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(900)%' and pid <> pg_backend_pid()"
    connection = await db.connect(empty_database, program="test")
    await eventually(lambda: connection.fetchval(sleeping), what="the long revision is at work", timeout_s=60)
    await eventually(lambda: any("; 9999, for" in one for one in said), what="it is told")
    assert any("revisions to go" in one for one in said)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await eventually(lambda: no(connection, sleeping), what="the server has stopped too")
    assert await connection.fetchval("select version_num from alembic_version") == "9998"
    assert await connection.fetchval("select to_regclass('long') is null and to_regclass('quick') is not null")
    await connection.close()


async def no(connection, sql):
    return not await connection.fetchval(sql)
