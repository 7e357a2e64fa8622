"""As fast in its eighth year as on its first day: no statement of any program looks into chunks it has no use for.

The database has 400 chunks in each table. The server itself counts into which of them a transaction looked, and which
it locked.
"""

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import orjson
import pytest
import sqlalchemy as sa

from services.alerts.backtest import PLAN_FOR_THE_SPAN
from services.api.alarms.queue import find_evidence
from services.api.city.sensorthings.model import STREAMS_PER_DEVICE
from services.api.city.sensorthings.options import read_options
from services.api.city.sensorthings.paths import read_path
from services.api.city.sensorthings.query import answer
from services.api.city.sensorthings.rows import View
from services.api.live.cursors import Cursor, look_at_devices
from services.api.measured.events import find_events
from services.api.measured.readings import Span, bucketed, raw
from services.api.request import tables
from services.api.request.database import Inside
from services.api.request.paging import encode_cursor
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.system.slo import QUERIES as SLO
from services.core import db
from services.core.fields import FIELD_RULES
from services.core.moment import to_us
from services.core.statements import load_queries
from services.core.topics import Kind
from services.ingest import lease
from services.ingest.decode import Message, decode
from services.ingest.replay import ADD_FIELDS
from services.ingest.retention import QUERIES as RETENTION
from services.ingest.store import FIND_INSERTED, Rest, Store, Written
from services.ingest.writer import WALK_BY_KEY
from tests.support.broker_fleet import now_ms, reading, topic
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.timeout(300)  # making two thousand chunks takes a minute on a busy machine
CHUNKS = 400
WEEK = timedelta(days=7)
ROOT = Path(__file__).parents[2]
OF_ALERTS = {
    f"{path.relative_to(ROOT).as_posix()} {name}": sql
    for path in sorted((ROOT / "services/alerts").rglob("*.sql"))
    for name, sql in load_queries(str(path)).items()
}
EVERYWHERE = Scope(("*",))

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


Ask = Callable[[asyncpg.Connection], Awaitable[Any]]


class Probe(NamedTuple):
    """A statement that reads a hypertable, asked as its program does; `most` chunks hold what it asks for."""

    name: str  # file, then the statement
    ask: Ask
    most: int
    locks: int | None = None  # chunks, where more than it looks into


def statement(sql: str, *arguments: object) -> Ask:
    return lambda connection: connection.fetch(sql, *arguments)


def of_alerts(name: str, most: int, *arguments: object) -> Probe:
    """Ask the statement of that name, in whatever file of alerts it stands."""
    (whole_name,) = [one for one in OF_ALERTS if one.endswith(f" {name}")]
    return Probe(whole_name, statement(OF_ALERTS[whole_name], *arguments), most)


def of_alerts_and_ingest(now: datetime) -> Iterator[Probe]:
    hour_ago, batch = now - timedelta(hours=1), (list(range(40)), now - timedelta(hours=1), now)
    ids, since = [1, 2, 3], [hour_ago, hour_ago, now - timedelta(days=1)]
    yield of_alerts("events", 2, *batch, ["fire"], True)
    yield of_alerts("event_again", 1, 0, now, "00")
    month_ago = now - timedelta(days=30)
    yield of_alerts("late_rows", 18, [0], month_ago, now)  # three tables
    for kind in (Kind.HYDRANT, Kind.ELECTRICAL, Kind.WATER):
        yield of_alerts(f"first_{kind}", 6, [1], month_ago)
        yield of_alerts(f"rows_{kind}", 2, [1], ["OLD"], [month_ago], hour_ago, now)
    for kind in Kind:
        nothing = [None] * len(FIELD_RULES[kind])
        yield of_alerts(f"batch_{kind}", 2, *batch)
        yield of_alerts(f"since_{kind}", 2, ids, [0] * 3, [9] * 3, since, min(since))
        yield of_alerts(f"history_{kind}", 6, ids, hour_ago, now)  # a month
        yield Probe(
            f"services/ingest/replay.sql add_fields {kind}",
            statement(ADD_FIELDS[kind], 1, to_us(now), 1, *nothing),
            1,
            CHUNKS,  # an update locks them all, whatever it looks into; a person's act
        )
        yield Probe(
            f"services/ingest/store.sql find_inserted {kind}",
            statement(FIND_INSERTED[kind], 0, to_us(hour_ago), to_us(now)),
            2,
        )


def of_the_api(now: datetime) -> Iterator[Probe]:
    hydrant = Kind.HYDRANT

    def span(begin: timedelta | None = None, end: timedelta | None = None) -> Span:
        ago = [None if back is None else now - back for back in (begin, end)]
        return Span(1, hydrant, *ago, timedelta(minutes=5), now)

    def readings(name: str, most: int, ask: Callable[[Inside], Awaitable[Any]]) -> Probe:
        return Probe(f"services/api/measured/readings.py {name}", lambda connection: ask(Inside(connection)), most)

    # where the device sent one reading a week, a slice after the other is asked for
    year, hour, day = timedelta(days=365), 3600, timedelta(days=1)
    old = encode_cursor([now - year, 0])
    yield readings("newest", 3, lambda reads: raw(reads, span(), 1000, None))
    yield readings("newest before", 3, lambda reads: raw(reads, span(end=day), 100, None))
    yield readings("a day", 2, lambda reads: raw(reads, span(day, timedelta()), 1000, None))
    yield readings("from a year ago on", 4, lambda reads: raw(reads, span(year), 1, None))
    yield readings("after a place", 4, lambda reads: raw(reads, span(10 * year), 1, old))
    yield readings("newest buckets", 3, lambda reads: bucketed(reads, span(), hour, 24, None))
    yield readings(
        "buckets of a month", 6, lambda reads: bucketed(reads, span(30 * day, timedelta()), hour, 1000, None)
    )
    yield readings("few buckets from a year ago on", 5, lambda reads: bucketed(reads, span(year), hour, 1, None))

    newest_events = sa.select(tables.event).order_by(tables.event.c.ts.desc())

    def events(name: str, most: int, begin: datetime | None, end: datetime | None, enough: int) -> Probe:
        return Probe(
            f"services/api/measured/events.py {name}",
            lambda connection: find_events(
                Inside(connection), newest_events, begin, end, enough=enough, near=end or now
            ),
            most,
        )

    yield events("newest", 2, None, None, 1)
    yield events("before a year ago", 2, None, now - year, 1)
    yield events("a day of a year ago", 2, now - year, now - year + day, 100)
    opened = {"device_id": 1, "site_id": None, "opened_at": now - year, "closed_at": now - year + day}
    yield Probe(
        "services/api/alarms/queue.py evidence",
        lambda connection: find_evidence(Inside(connection), EVERYWHERE, opened, [], now),
        2,
    )
    yield Probe(
        "services/api/system/slo.sql clocks",
        lambda connection: Inside(connection).rows(SLO["clocks"], since=now - day, **EVERYWHERE.parameters()),
        6,  # an event may be a month older than its batch
    )

    async def look(connection: asyncpg.Connection) -> None:
        upto = await connection.fetchval("select pg_current_snapshot()::text")
        found = await look_at_devices(Inside(connection), Cursor(upto, {"old": 0}, now), now)
        assert found.rest == [1]

    yield Probe("services/api/live/cursors.py heard of", look, 10)  # five tables, two weeks
    yield from of_sensorthings(now)


def of_sensorthings(now: datetime) -> Iterator[Probe]:
    who = Who("key:test", "test", Role.VIEWER, EVERYWHERE)
    day = "phenomenonTime ge {:%Y-%m-%dT%H:%M:%SZ} and phenomenonTime lt {:%Y-%m-%dT%H:%M:%SZ}"
    a_day = "$filter=" + day.format(now - timedelta(days=365), now - timedelta(days=364))
    newest, stream = "$orderby=phenomenonTime desc", f"Datastreams({STREAMS_PER_DEVICE + 1})/Observations"

    def probe(name: str, most: int, path: str, query: str) -> Probe:
        target = read_path(path)
        assert target is not None
        options = read_options(target.last.entity, query)

        async def ask(connection: asyncpg.Connection) -> None:
            assert await answer(Inside(connection), View(who, now), target, options)

        return Probe(f"services/api/city/sensorthings/observations.py {name}", ask, most)

    yield probe("newest of a stream", 3, stream, f"{newest}&$top=100")
    yield probe("a day of a stream", 2, stream, a_day)
    yield probe("oldest of a stream", 8, stream, "$top=2")  # a month more than the device is known
    yield probe("newest of all", 12, "Observations", f"{newest}&$top=100")  # four tables
    yield probe("a day of all", 8, "Observations", a_day)
    expand = f"$expand=Datastreams($expand=Observations($top=1;{newest}))"
    yield probe("newest of each stream", 12, "Things", expand)  # of a device with one reading, back to where it came


# Files that name hypertables and read none of their rows.
NAMES_ONLY = {
    "services/core/timescale.py", "services/core/timescale.sql",  # settings of the tables
    "services/ingest/retention.py",  # drops whole chunks, below
    "services/ingest/columns.py",  # fills statements of store.sql and replay.sql
    "services/api/city/sensorthings/rows.py",  # the tables that observations.py reads
    "stack/backup/verify.sql",  # counts all rows of a restored copy
}  # fmt: skip
_NAMES_A_HYPERTABLE = re.compile(
    r"\breading_(\{|hydrant\b|electrical\b|water\b|panel\b)|\b(from|join|into|update) event\b|tables\.event\b|\{table\}"
)


def probes() -> list[Probe]:
    now = datetime.now(UTC)
    return [*of_alerts_and_ingest(now), *of_the_api(now)]


@pytest.mark.parametrize("probe", probes(), ids=lambda probe: probe.name.rpartition("/")[2])
async def test_no_statement_looks_into_chunks_beside_its_time(connection: asyncpg.Connection, probe: Probe) -> None:
    if "services/ingest" in probe.name:
        await connection.execute(WALK_BY_KEY)
    if "services/api" in probe.name:
        await connection.execute("; ".join(f"set {name} = {value}" for name, value in db.READING.items()))
    if "backtest" in probe.name or "early" in probe.name:
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
    span = Span(1, Kind.HYDRANT, begin, None, timedelta(minutes=5), now)
    for sql, (items, _) in (
        (
            "select ts from reading_hydrant where ts >= $1 order by ts limit 1000",
            await raw(Inside(connection), span, 1000, None),
        ),
        (
            "select distinct time_bucket('1 day', ts) as ts from reading_hydrant where ts >= $1 order by ts limit 1000",
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
