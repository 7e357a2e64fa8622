"""The feed in process, under a clock that stands still: what comes by the hint alone, and what by the second."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.alerts.bench import LEASE, Bench
from services.alerts.health import Health
from services.core import db, lease
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import load_policies
from services.core.aside import Asides
from services.core.feed import Feed
from tests.support.county import County
from tests.support.hand_clock import HandClock
from tests.support.waiting import eventually


@asynccontextmanager
async def bench_at_work(dsn: str, clock: HandClock) -> AsyncIterator[Bench]:
    conn = await db.connect(dsn, program="test")
    owner = uuid.uuid4()
    assert await lease.take(conn, LEASE, owner)
    health = Health(Path("/"), has_desk=True, since=clock.now())
    bench = Bench(conn, owner, clock, await load_policies(conn), health, lambda: None, Asides("alerts", clock))
    running = asyncio.create_task(bench.run())
    yield bench
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await conn.close()


async def test_the_first_event_of_a_writer_is_found_by_its_hint_and_not_only_by_the_second(
    county: County, database: str
) -> None:
    await county.add_device("panel-1")
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock) as bench:
        for n, writer in enumerate(("all/event", "140931100/event")):
            await county.send_events([{"device": "panel-1", "type": "fire", "component": f"d{n}"}], writer=writer)
            bench.hint.set()
            await eventually(lambda n=n: county.alarms("component = $1", f"d{n}"), what=f"the fire of {writer}")
    assert clock.slept == []


async def test_without_a_hint_the_poll_of_the_next_second_finds_it(county: County, database: str) -> None:
    await county.add_device("panel-1")
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock):
        await county.send_events([{"device": "panel-1", "type": "fire", "component": "d1"}])
        await clock.sleep(1.0)
        await eventually(county.alarms, what="the fire")


async def test_what_people_changed_before_the_readings_came_counts_though_nothing_was_heard_of_it(
    county: County, database: str
) -> None:
    device_id = await county.add_device("e-1", "electrical")
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock):  # nobody listens here, and its clock stands still
        await county.send_readings("electrical", [{"device": "e-1", "arc_count": 20}])
        await clock.sleep(1.0)
        await eventually(lambda: county.alarms("a.code = 'arc_fault'"), what="the device known to the rules")
        await county.conn.execute("update device set rated_current_a = 10 where id = $1", device_id)
        await send_each(county, 3, current_a_a=50.0)
        (alarm,) = await eventually(lambda: county.alarms("a.code = 'overcurrent'"), what="over the device's own limit")
        assert alarm["limit_value"] == 10
        await county.conn.execute(
            """
            insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
            values ('overvoltage', 'device', 'e-1', '{"high_v": 245}', now() - interval '1 h', 'user:test')
            """
        )
        await send_each(county, 3, voltage_a_v=250.0)
        (alarm,) = await eventually(lambda: county.alarms("a.code = 'overvoltage'"), what="over the rule's new limit")
        assert alarm["limit_value"] == 245
    assert clock.slept == [1.0]


async def test_readings_in_a_row_count_where_the_clock_of_ingest_is_ahead_of_ours(
    county: County, database: str
) -> None:
    await county.add_device("h-1", "hydrant")
    clock = HandClock(datetime.now(UTC) - timedelta(minutes=5))
    async with bench_at_work(database, clock) as bench:
        await clock.sleep(1.0)
        for number in (1, 2):
            await county.send_readings("hydrant", [{"device": "h-1", "pressure_mpa": 0.13}])
            await clock.sleep(1.0)
            await eventually(lambda n=number: read_so_far(county, n), what=f"reading {number} judged in its own slice")
            bench.hint.set()
        await eventually(lambda: county.alarms("a.code = 'hydrant_pressure_low'"), what="two in a row")


async def read_so_far(county: County, number: int) -> bool:
    return bool(await county.conn.fetchval("select number from feed_cursor where writer = 'all/telemetry'") == number)


async def send_each(county: County, times: int, **fields: float) -> None:
    for _ in range(times):
        await county.send_readings("electrical", [{"device": "e-1", **fields}])


async def nothing() -> None:
    """Take nothing over."""


async def test_a_slice_that_takes_its_time_does_not_lose_the_lease(county: County, database: str) -> None:
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock) as bench:
        pass  # its loop is over; the test takes its part
    bench.conn = bench.border.conn = await db.connect(database, program="test")
    ends = "select expires_at from lease where name = 'alerts'"
    await bench.transact(look_only)
    before = await county.conn.fetchval(ends)
    await bench.look_up()
    assert await county.conn.fetchval(ends) == before, "young enough"
    await clock.sleep(1.0)
    await bench.look_up()
    assert await county.conn.fetchval(ends) > before
    await bench.conn.close()


async def test_a_wrong_clock_of_events_that_had_to_be_read_again_counts_once(county: County, database: str) -> None:
    await county.add_device("panel-1")
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock) as bench:
        pass  # its loop is over; the test takes its part
    bench.conn = bench.border.conn = await db.connect(database, program="test")
    await bench.conn.execute("set lock_timeout = '100ms'")
    await county.send_events(
        [{"device": "panel-1", "type": "operation", "device_ts": datetime(2019, 1, 1, tzinfo=UTC)}]
    )
    await bench.events.find_writers(bench.conn)
    held = county.conn.transaction()
    await held.start()
    await county.conn.execute("insert into feed_cursor (writer, number) values ('all/event', 0)")
    for _ in range(2):
        with pytest.raises(asyncpg.LockNotAvailableError):
            await bench.events.read_others(bench.border)
    await held.commit()
    assert await bench.events.read_others(bench.border)
    assert len(bench.events.bad_clocks) == 1
    await bench.conn.close()


async def look_only(_page: Page) -> None:
    """Change nothing."""


async def test_a_backlog_is_read_in_larger_slices_until_it_is_gone(county: County, database: str) -> None:
    device_id = await county.add_device("h-1", "hydrant")
    await county.conn.execute(
        """
        with made as (
            insert into ingest_batch (writer, number, owner, lane, min_ts, max_ts, hydrant)
            select 'all/telemetry', n, $1, 'telemetry', now() - interval '1 h', now(), 100
            from generate_series(1, 90) n returning id, number)
        insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, pressure_mpa)
        select $2, now() - interval '1 h' + make_interval(secs => number * 30 + n * 0.1), number * 100 + n, now(), id,
            0.3
        from made cross join generate_series(1, 100) n
        """,
        county.owner,
        device_id,
    )
    clock = HandClock(datetime.now(UTC))
    async with bench_at_work(database, clock) as bench:
        pass  # its loop is over; the test takes its part
    bench.conn = bench.border.conn = await db.connect(database, program="test")
    await bench.readings.feed.find_writers(bench.conn)
    cursors: list[int] = []
    while await bench.readings.read_slice(bench.border, nothing, bench.look_up):
        cursors.append(await county.conn.fetchval("select number from feed_cursor where writer = 'all/telemetry'"))
    assert cursors == [15, 15 + 60, 90]
    await bench.conn.close()


@pytest.mark.parametrize("size", [100, 9000])
async def test_a_writer_with_a_backlog_keeps_no_other_waiting(county: County, size: int) -> None:
    await county.conn.execute(
        """
        insert into ingest_batch (writer, number, owner, lane, events)
        select writer, n, $1, 'event', case writer when 'b/event' then 1 else $2 end
        from (values ('a/event', 90), ('b/event', 1), ('c/event', 90)) w (writer, batches)
        cross join generate_series(1, batches) n order by writer, n
        """,
        county.owner,
        size,
    )
    feed = Feed("event")
    await feed.find_writers(county.conn)
    read: list[tuple[str, int]] = []
    calls = 0
    while batches := await feed.next_batches(county.conn, 2000, 4000):
        feed.moved(batches)
        read += [(batch.writer, batch.number) for batch in batches]
        calls += 1
        if calls == 3:
            assert {writer for writer, _ in read} == {"a/event", "b/event", "c/event"}, "each had its turn"
        assert sum(batch.rows["events"] for batch in batches) <= max(4000, size), "no more rows than before"
    for writer, most in (("a/event", 90), ("b/event", 1), ("c/event", 90)):
        assert [number for name, number in read if name == writer] == list(range(1, most + 1)), "each in its order"
    if size == 100:
        assert ("b/event", 1) in read[:41], "in the first answer, beside the backlog of others"
