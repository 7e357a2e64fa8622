"""As fast in its second year as on its first day: no statement of ingest or alerts looks into chunks it has no use for.

The database has 400 chunks in each table. The server itself counts into which of them a transaction looked.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg
import orjson
import pytest

from services.alerts.backtest import PLAN_FOR_THE_SPAN
from services.core import db
from services.core.statements import load_queries
from services.core.topics import Kind
from services.ingest import lease
from services.ingest.decode import Message, decode
from services.ingest.fields import FIELD_RULES
from services.ingest.moment import to_us
from services.ingest.replay import ADD_FIELDS
from services.ingest.retention import QUERIES as RETENTION
from services.ingest.store import Rest, Store, Written
from services.ingest.writer import WALK_BY_KEY
from tests.support.broker_fleet import now_ms, reading, topic
from tests.support.servers import PostgresServer

CHUNKS = 400
FEED = load_queries("services/alerts/feed.sql")
READINGS = load_queries("services/alerts/readings.sql")
RULE_STATES = load_queries("services/alerts/rule_states.sql")
BACKTEST = load_queries("services/alerts/backtest.sql")

_A_ROW_A_DAY = """insert into reading_{kind} (device_id, ts, seq, received_at, batch_id)
select 1, date_trunc('day', now(), 'UTC') - make_interval(days => n), 0, now(), 0 from generate_series(0, {days}) n"""
_A_ROW_A_WEEK = """insert into event (device_id, ts, received_at, batch_id, event_id, type, digest)
select 1, date_trunc('day', now(), 'UTC') - make_interval(days => 7 * n), now(), 0, '', 'test', ''
from generate_series(0, {days}) n"""
# of the tables of this very transaction, whatever their plans: those that somebody looked into
_LOOKED_INTO = """select count(*) from pg_stat_xact_user_tables
where schemaname = '_timescaledb_internal' and coalesce(idx_scan, 0) + seq_scan > 0"""


@pytest.fixture(scope="module")
def old_tables(_postgres_server: PostgresServer) -> Iterator[str]:
    dsn = _postgres_server.create_database()
    for kind in Kind:
        _postgres_server.sql(_A_ROW_A_DAY.format(kind=kind, days=CHUNKS - 1), dsn.rpartition("/")[2])
    _postgres_server.sql(_A_ROW_A_WEEK.format(days=CHUNKS - 1), dsn.rpartition("/")[2])
    yield dsn
    if _postgres_server.is_running():
        _postgres_server.drop_database(dsn)


@pytest.fixture
async def connection(old_tables: str) -> AsyncIterator[asyncpg.Connection]:
    made = await db.connect(old_tables, program="test")
    await made.execute(WALK_BY_KEY)
    yield made
    await made.close()


@pytest.fixture
async def store(connection: asyncpg.Connection) -> Store:
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


async def test_six_thousand_repeated_readings_do_not_hold_up_the_next(store, connection):
    sent_twice = lists_of_600("TWICE")
    assert (await write(store, connection, sent_twice)).stored == 6000
    next_one = [decode(topic("NEXT"), orjson.dumps(reading(1)), to_us(datetime.now(UTC)))]
    async with connection.transaction():
        again = await write(store, connection, sent_twice)
        after = await write(store, connection, next_one)
        assert await connection.fetchval(_LOOKED_INTO) <= 3, "the next reading waits while old chunks are searched"
    assert (again.stored, again.duplicates, after.stored) == (0, 6000, 1)


async def test_repeats_among_new_readings_are_told_apart_in_few_chunks(store, connection):
    sent = lists_of_600("HALF")
    await write(store, connection, sent[:5])
    async with connection.transaction():
        written = await write(store, connection, sent)
        assert await connection.fetchval(_LOOKED_INTO) <= 3  # the days of half an hour
    assert (written.stored, written.duplicates) == (3000, 3000)


class Statement(NamedTuple):
    """One that reads a hypertable, asked of a busy hour; `most` chunks hold what it asks for."""

    name: str
    sql: str
    arguments: tuple[object, ...]
    most: int


def statements() -> list[Statement]:
    now = datetime.now(UTC)
    hour_ago, batch = now - timedelta(hours=1), (list(range(40)), now - timedelta(hours=1), now)
    found = [Statement("feed.events", FEED["events"], (*batch, ["fire"], True), 2)]
    found.append(Statement("feed.event_again", FEED["event_again"], (0, now, "00"), 1))
    for kind in Kind:
        ids, since = [1, 2, 3], [hour_ago, hour_ago, now - timedelta(days=1)]
        key = (1, to_us(now), 1)
        nothing = [None] * len(FIELD_RULES[kind])
        found += [
            Statement(f"readings.batch_{kind}", READINGS[f"batch_{kind}"], batch, 2),
            Statement(
                f"readings.since_{kind}", RULE_STATES[f"since_{kind}"], (ids, [0] * 3, [9] * 3, since, min(since)), 3
            ),
            Statement(f"backtest.history_{kind}", BACKTEST[f"history_{kind}"], (ids, hour_ago, now), 33),
            Statement(f"replay.add_fields {kind}", ADD_FIELDS[kind], (*key, *nothing), 1),
        ]
    return found


@pytest.mark.parametrize("statement", statements(), ids=lambda statement: statement.name)
@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_no_statement_looks_into_chunks_beside_its_time(connection, plans, statement):
    async with connection.transaction():
        await connection.execute(f"set local plan_cache_mode = {plans}")
        if statement.name.startswith("backtest"):
            await connection.execute(PLAN_FOR_THE_SPAN)
        await connection.fetch(statement.sql, *statement.arguments)
        assert await connection.fetchval(_LOOKED_INTO) <= statement.most


def test_all_statements_with_hypertables_are_walked():
    walked = {statement.name for statement in statements()}
    for path, queries in (("feed", FEED), ("readings", READINGS), ("backtest", BACKTEST)):
        for name, sql in queries.items():
            reads = any(f"from {table}" in sql for table in ("event e", *(f"reading_{kind}" for kind in Kind)))
            assert not reads or f"{path}.{name}" in walked, f"{path}.{name} is not held to its chunks"


async def test_retention_drops_the_oldest_chunks(connection):
    async with connection.transaction():
        dropped = await connection.fetch(RETENTION["drop_chunks"], "reading_water", CHUNKS - 10)
        assert 8 <= len(dropped) <= 10
