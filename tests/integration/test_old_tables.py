"""As fast in its eighth year as on its first day: no statement of any program looks into chunks it has no use for.

The database has 400 chunks in each table. The server itself counts into which of them a transaction looked, and which
it locked.
"""

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import orjson
import pytest

from services.alerts.backtest import PLAN_FOR_THE_SPAN
from services.api.measured.readings import Span, bucketed, raw
from services.api.request.database import Inside
from services.core import db
from services.core.moment import to_us
from services.core.topics import Kind
from services.ingest import lease
from services.ingest.decode import Message, decode
from services.ingest.retention import QUERIES as RETENTION
from services.ingest.store import Rest, Store, Written
from services.ingest.writer import WALK_BY_KEY
from tests.support.broker_fleet import now_ms, reading, topic
from tests.support.probes import CHUNKS, OF_ALERTS, Probe, probes
from tests.support.servers import PostgresServer

WEEK = timedelta(days=7)
ROOT = Path(__file__).parents[2]

_A_DEVICE = """insert into device (code, kind, area, created_at)
values ('OLD', 'hydrant', '140931100', now() - interval '400 weeks');
insert into device_state (device_id, state, ts, last_seen)
select id, '{"pressure_mpa": 0.3}', now(), now() from device;
insert into ingest_lane (writer, lane, owner, connected) values ('old', 'telemetry', gen_random_uuid(), true);
insert into ingest_batch (id, writer, number, owner, lane, min_ts, max_ts, hydrant, electrical, water, panel, events)
overriding system value
values (0, 'old', 1, gen_random_uuid(), 'telemetry', now() - interval '1 hour', now(), 1, 1, 1, 1, 1)"""
# the newest week is full: one row in five minutes
_READINGS = """insert into reading_{kind} (device_id, ts, seq, received_at, batch_id, {field})
select 1, date_trunc('hour', now(), 'UTC') - n * interval '{step}', n, now(), 0, 0.3
from generate_series(0, {rows}) n"""
_FIELD = {Kind.HYDRANT: "pressure_mpa", Kind.ELECTRICAL: "temp_a_c", Kind.WATER: "level_m", Kind.PANEL: "battery_v"}
_EVENTS = """insert into event (device_id, ts, received_at, batch_id, event_id, type, digest)
select 1, date_trunc('hour', now(), 'UTC') - make_interval(days => 7 * n), now(), 0, '', 'test', ''
from generate_series(0, {rows}) n"""
# of the tables of this very transaction, whatever their plans: those that somebody looked into, and those locked
_LOOKED_INTO = """select count(*) from pg_stat_xact_user_tables
where schemaname = '_timescaledb_internal' and coalesce(idx_scan, 0) + seq_scan > 0"""
_LOCKED = """select count(*) from pg_locks l join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and c.relkind = 'r' and c.relnamespace = '_timescaledb_internal'::regnamespace"""
_CUSTOM_PLANS = 6  # after five the server may take a plan that knows no times, and lock every chunk


@pytest.fixture(scope="module")
def old_tables(_postgres_server: PostgresServer) -> Iterator[str]:
    dsn = _postgres_server.create_database()
    name = dsn.rpartition("/")[2]
    _postgres_server.sql(_A_DEVICE, name)
    for kind in Kind:
        for step, rows in (("7 days", CHUNKS - 1), ("5 minutes", 2000)):
            readings = _READINGS.format(kind=kind, field=_FIELD[kind], step=step, rows=rows)
            _postgres_server.sql(f"{readings} on conflict do nothing", name)
    _postgres_server.sql(_EVENTS.format(rows=CHUNKS - 1), name)
    yield dsn
    if _postgres_server.is_running():
        _postgres_server.drop_database(dsn)


@pytest.fixture
async def connection(old_tables: str) -> AsyncIterator[asyncpg.Connection]:
    made = await db.connect(old_tables, program="test")
    yield made
    await made.close()


@pytest.fixture
async def store(connection: asyncpg.Connection) -> Store:
    await connection.execute(WALK_BY_KEY)
    owner, name = str(uuid.uuid4()), f"ingest:{uuid.uuid4()}/telemetry"
    await lease.take(connection, name, owner)
    store = Store(writer=name, lane="telemetry", lease=name, owner=owner)
    await store.begin(connection)
    return store


def lists_of_600(device: str) -> list[Message]:
    """Ten lists, newest readings first, half an hour in all."""
    end_ms, received_us = now_ms(), to_us(datetime.now(UTC))
    bodies = [[reading(600 * part + n, end_ms - 300 * (600 * part + n)) for n in range(600)] for part in range(10)]
    return [decode(topic(device), orjson.dumps(body), received_us) for body in bodies]


async def write(store: Store, connection: asyncpg.Connection, messages: list[Message]) -> Written:
    written = await store.write(connection, messages, Rest())
    assert written is not None
    return written


async def test_six_thousand_repeated_readings_are_told_apart_in_few_chunks(store, connection):
    sent_twice = lists_of_600("TWICE")
    assert (await write(store, connection, sent_twice)).stored == 6000
    async with connection.transaction():
        again = await write(store, connection, sent_twice)
        assert await connection.fetchval(_LOOKED_INTO) <= 2  # the weeks of half an hour
        assert await connection.fetchval(_LOCKED) <= 2
    after = await write(store, connection, [decode(topic("NEXT"), orjson.dumps(reading(1)), to_us(datetime.now(UTC)))])
    assert (again.stored, again.duplicates, after.stored) == (0, 6000, 1)


async def test_repeats_among_new_readings_are_told_apart(store, connection):
    sent = lists_of_600("HALF")
    await write(store, connection, sent[:5])
    written = await write(store, connection, sent)
    assert (written.stored, written.duplicates) == (3000, 3000)


# Files that name hypertables and read none of their rows.
NAMES_ONLY = {
    "services/core/timescale.py", "services/core/timescale.sql",  # settings of the tables
    "services/ingest/retention.py",  # drops whole chunks, below
    "services/relay/rows.py", "services/api/system/relay.py",  # fill those of their .sql files
    "services/ingest/columns.py",  # fills statements of store.sql and replay.sql
    "services/api/city/sensorthings/rows.py",  # the tables that observations.py reads
    "simulators/history.py",  # copies rows into the tables of a county that has none
    "stack/backup/verify.sql",  # counts all rows of a restored copy
}  # fmt: skip
_NAMES_A_HYPERTABLE = re.compile(
    r"\breading_(\{|hydrant\b|electrical\b|water\b|panel\b)|\b(from|join|into|update) event\b|tables\.event\b|\{table\}"
)


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.name.rpartition("/")[2])
async def test_no_statement_looks_into_chunks_beside_its_time(connection: asyncpg.Connection, probe: Probe) -> None:
    if "services/ingest" in probe.name:
        await connection.execute(WALK_BY_KEY)
    if "services/api" in probe.name:
        await connection.execute("; ".join(f"set {name} = {value}" for name, value in db.READING.items()))
    if any(name in probe.name for name in ("backtest", "stored_walk", "early")):
        await connection.execute(PLAN_FOR_THE_SPAN)
    for _ in range(_CUSTOM_PLANS):
        async with connection.transaction():
            await probe.ask(connection)
    async with connection.transaction():
        await probe.ask(connection)
        looked_into, locked = await connection.fetchval(_LOOKED_INTO), await connection.fetchval(_LOCKED)
    assert looked_into <= probe.most
    assert locked <= (probe.locks or probe.most)


def test_every_file_that_names_a_hypertable_is_walked():
    named = {
        path.relative_to(ROOT).as_posix()
        for folder in ("services", "simulators", "stack")
        for pattern in ("*.py", "*.sql")
        for path in (ROOT / folder).rglob(pattern)
        if _NAMES_A_HYPERTABLE.search(path.read_text())
    }
    walked = {probe.name.partition(" ")[0] for probe in probes()}
    assert named - NAMES_ONLY == walked, "name a probe that asks the new statement as its program does"


def test_every_statement_of_alerts_is_walked() -> None:
    walked = {probe.name for probe in probes()}
    for name, sql in OF_ALERTS.items():
        reads = any(f"from {table}" in sql for table in ("event e", *(f"reading_{kind}" for kind in Kind)))
        assert not reads or name in walked, name


async def test_a_list_in_slices_is_the_whole_list(connection: asyncpg.Connection) -> None:
    now, begin = datetime.now(UTC), datetime.now(UTC) - timedelta(days=3000)
    span, day = Span(1, Kind.HYDRANT, begin, None, timedelta(minutes=5), now), "date_trunc('day', ts, 'Asia/Shanghai')"
    for sql, (items, _) in (
        (
            "select ts from reading_hydrant where ts >= $1 order by ts limit 1000",
            await raw(Inside(connection), span, 1000, None),
        ),
        (
            f"select distinct {day} as ts from reading_hydrant where ts >= $1 order by ts limit 1000",  # noqa: S608 - ours
            await bucketed(Inside(connection), span, 86_400, 1000, None),
        ),
    ):
        shown = [item["ts"] for item in items[:1000]]
        assert shown == [row["ts"] for row in await connection.fetch(sql, begin)]
        assert len(shown) > CHUNKS


async def test_retention_drops_the_oldest_chunks_and_locks_no_others(connection):
    async with connection.transaction():
        dropped = await connection.fetch(RETENTION["drop_chunks"], "reading_water", (CHUNKS - 10) * WEEK.days)
        assert 8 <= len(dropped) <= 10
        assert await connection.fetchval(_LOCKED) <= len(dropped)
