"""Every statement that reads a hypertable, asked as its program does. Used by the walk over old tables."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import sqlalchemy as sa

from services.api.alarms.expectations import SQL as EXPECTATIONS
from services.api.alarms.queue import find_evidence
from services.api.city.sensorthings.model import STREAMS_PER_DEVICE
from services.api.city.sensorthings.options import read_options
from services.api.city.sensorthings.paths import read_path
from services.api.city.sensorthings.query import answer
from services.api.city.sensorthings.rows import View
from services.api.live.cursors import Cursor, look_at_devices
from services.api.measured.events import find_events
from services.api.measured.readings import Span, bucketed, raw
from services.api.registry.ledger_checks import Check, Look
from services.api.request import tables
from services.api.request.database import Inside
from services.api.request.paging import encode_cursor
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.system.relay import STORED
from services.api.system.slo import QUERIES as SLO
from services.api.system.slo import read_clocks
from services.core.alarms.ledger.carried import SQL as CARRIED
from services.core.fields import FIELD_RULES
from services.core.moment import to_us
from services.core.statements import load_queries
from services.core.topics import Kind
from services.ingest.replay import ADD_FIELDS
from services.ingest.store import FIND_INSERTED
from services.relay.rows import OF_KIND
from services.relay.rows import SQL as RELAY

ROOT = Path(__file__).parents[2]
CHUNKS = 400  # of each table
OF_ALERTS = {
    f"{path.relative_to(ROOT).as_posix()} {name}": sql
    for path in sorted((ROOT / "services/alerts").rglob("*.sql"))
    for name, sql in load_queries(str(path)).items()
}
EVERYWHERE = Scope(("*",))

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
    yield of_alerts("events", 2, *batch, ["fire"], False, 100)
    yield of_alerts("event_again", 1, 0, now, "00")
    month_ago = now - timedelta(days=30)
    yield of_alerts("implausible_clocks", 6, [1], hour_ago, now)  # an event may be a month older than it came
    yield of_alerts("late_rows", 18, [0], month_ago, now)  # three tables
    for kind in (Kind.HYDRANT, Kind.ELECTRICAL, Kind.WATER):
        yield of_alerts(f"first_{kind}", 6, [1], month_ago)
        yield of_alerts(f"rows_{kind}", 2, [1], ["OLD"], [month_ago], hour_ago, now, 100)
        eight_h = timedelta(hours=8)
        clock = [eight_h], hour_ago - eight_h
        yield of_alerts(f"behind_{kind}", 2, [1], ["OLD"], [month_ago], hour_ago, now, 100, *clock)
        yield of_alerts(f"arrived_{kind}", 2, [0], hour_ago, now)
    for kind in Kind:
        nothing = [None] * len(FIELD_RULES[kind])
        yield of_alerts(f"batch_{kind}", 2, *batch)
        yield of_alerts(f"since_{kind}", 2, ids, [0] * 3, [9] * 3, since, min(since), now)
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


def of_the_relay(now: datetime) -> Iterator[Probe]:
    batch, areas = (list(range(40)), now - timedelta(hours=1), now), ["140931100"]
    since = statement(CARRIED["fires_since"], 1, now - timedelta(hours=1), now - timedelta(hours=1), True)
    yield Probe("services/core/alarms/ledger/carried.sql fires_since", since, 2)
    yield Probe("services/relay/rows.sql events", statement(RELAY["events"], *batch, ["fire"], True, areas), 2)
    for kind in Kind:
        yield Probe(f"services/relay/rows.sql readings {kind}", statement(OF_KIND[kind], *batch, areas), 2)
        one: dict[str, Any] = {"places": [0], "codes": ["OLD"], "times": [to_us(now)], "seqs": [1]}
        span = {"first": to_us(now - timedelta(hours=1)), "last": to_us(now)}

        async def ask(connection: asyncpg.Connection, sql: str = STORED[kind], asked: Any = one | span) -> None:
            await Inside(connection).rows(sql, **asked)

        yield Probe(f"services/api/system/relay.sql stored {kind}", ask, 2)


def of_the_api(now: datetime) -> Iterator[Probe]:
    hydrant = Kind.HYDRANT

    def span(begin: timedelta | None = None, end: timedelta | None = None) -> Span:
        first, last = (None if back is None else now - back for back in (begin, end))
        return Span(1, hydrant, first, last, timedelta(minutes=5), now)

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
    for name, most in (("pressure", 6), ("water_temperature", 12), ("residual_current", 6), ("temperature", 6)):
        yield expected(name, most, now)
    yield Probe(
        "services/api/system/slo.sql clocks",
        lambda connection: Inside(connection).rows(
            SLO["clocks"], since=now - day, until=now, **EVERYWHERE.parameters()
        ),
        6,  # an event may be a month older than its batch
    )
    yield Probe(
        "services/api/system/slo.sql clocks of a month of last year",
        lambda connection: read_clocks(Inside(connection), EVERYWHERE, now - year, now - year + 30 * day),
        12,
    )

    async def look(connection: asyncpg.Connection) -> None:
        upto = await connection.fetchval("select pg_current_snapshot()::text")
        found = await look_at_devices(Inside(connection), Cursor(upto, {"old": 0}, now), now)
        assert found.rest == [1]

    yield Probe(
        "services/api/registry/ledger_checks.sql interval_contradicts",
        lambda connection: Look(Inside(connection), EVERYWHERE, "", now).rows(Check.INTERVAL_CONTRADICTS, 10),
        12,  # four tables, two weeks
    )
    yield Probe("services/api/live/cursors.py heard of", look, 10)  # five tables, two weeks
    yield from of_sensorthings(now)


def expected(name: str, most: int, now: datetime) -> Probe:
    async def ask(connection: asyncpg.Connection) -> None:
        month = {"begin": now - timedelta(days=30), "until": now, "width": timedelta(minutes=30)}
        await Inside(connection).rows(EXPECTATIONS[name], devices=[1], **month)

    return Probe(f"services/api/alarms/expectations.sql {name}", ask, most)


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

        return Probe(f"services/api/city/sensorthings/plain.py {name}", ask, most)

    yield probe("newest of a stream", 3, stream, f"{newest}&$top=100")
    yield probe("a day of a stream", 2, stream, a_day)
    yield probe("oldest of a stream", 8, stream, "$top=2")  # a month more than the device is known
    yield probe("newest of all", 12, "Observations", f"{newest}&$top=100")  # four tables
    yield probe("a day of all", 8, "Observations", a_day)
    expand = f"$expand=Datastreams($expand=Observations($top=1;{newest}))"
    yield probe("newest of each stream", 12, "Things", expand)  # of a device with one reading, back to where it came


def probes() -> list[Probe]:
    now = datetime.now(UTC)
    return [*of_alerts_and_ingest(now), *of_the_relay(now), *of_the_api(now)]
