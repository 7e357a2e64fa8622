"""What is read back of a device when its rules are loaded: what was judged since its state was saved, and no more."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import asyncpg

from services.alerts.registry import Registry
from services.alerts.rule_states import NO_BOUND, ROWS_AT_ONCE, RuleStates
from services.core.feed import Feed
from tests.support.county import County


class Counted:
    """A connection that notes how many rows each question brought."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self.rows: list[int] = []
        self.spans: list[timedelta] = []

    async def fetch(self, *question: Any) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self._conn.fetch(*question)
        if "from reading_" in question[0]:
            self.rows.append(len(found))
            self.spans.append(question[-1] - question[-2])
        return found


async def test_a_start_reads_so_much_at_once_that_a_fire_can_wait_for_it(county: County) -> None:
    devices = {await county.add_device(f"h-{n}", "hydrant"): 2**62 for n in range(20)}
    await county.send_readings("hydrant", [{"device": "h-0", "pressure_mpa": 0.3}])
    await county.conn.execute(
        """
        insert into reading_hydrant (device_id, ts, seq, received_at, pressure_mpa, batch_id)
        select d.id, now() - n * interval '1 s', n, now(), 0.3, 1 from device d, generate_series(1, 500) n
        """
    )
    await county.conn.execute("insert into feed_cursor (writer, number) values ('all/telemetry', 1)")
    registry, conn, looks = Registry(), Counted(county.conn), 0
    await registry.load(county.conn, devices)

    async def breathe() -> None:
        nonlocal looks
        looks += 1

    await RuleStates(registry).load(cast("Any", conn), devices, datetime.now(UTC), breathe)
    assert sum(conn.rows) == 20 * 500 + 1
    assert sorted(conn.rows)[-2] <= ROWS_AT_ONCE  # all but the first answer, before which nobody knows
    assert looks >= len(devices)


async def test_what_is_read_back_to_count_a_wrong_clock_hides_no_reading_that_waits(county: County) -> None:
    """A panel's event has a wrong time, and its readings of the same moment are not judged yet."""
    number = await county.add_device("panel-1")
    for fine in (True, False, False):
        await county.send_readings("panel", [{"device": "panel-1", "mains_ok": fine}])
    feed, registry = Feed("telemetry"), Registry()
    await feed.find_writers(county.conn)
    (first, *waiting) = await feed.next_batches(county.conn, 10, 10)
    await feed.save(county.conn, [first])
    feed.moved([first])
    await registry.load(county.conn, [number])
    states, now = RuleStates(registry), datetime.now(UTC)
    await states.load(county.conn, {number: NO_BOUND}, now, partial(asyncio.sleep, 0))
    rows = await county.conn.fetch("select * from reading_panel where batch_id >= $1 order by batch_id", waiting[0].id)
    assert [finding.code for finding in states.walk(number, rows, now, 0.0)] == ["power_fault"]


async def test_what_was_begun_first_and_committed_last_is_judged_though_its_device_was_read_back(
    county: County,
) -> None:
    """A batch has its number from the beginning of its transaction, and all lanes share one row of numbers."""
    number = await county.add_device("panel-1")
    await county.send_readings("panel", [{"device": "panel-1", "mains_ok": True}])
    feed, registry = Feed("telemetry"), Registry()
    await feed.find_writers(county.conn)
    judged = await feed.next_batches(county.conn, 10, 10)
    await feed.save(county.conn, judged)
    feed.moved(judged)
    next_id = "select nextval(pg_get_serial_sequence('ingest_batch', 'id'))"
    under_way = [await county.conn.fetchval(next_id) for _ in range(2)]
    await county.send_events([{"device": "panel-1", "type": "fault"}])
    for batch_id in under_way:
        await county.conn.execute(
            """
            insert into ingest_batch (id, writer, number, owner, lane, min_ts, max_ts, panel) overriding system value
            select $1, writer, max(number) + 1, $2, 'telemetry', now(), now(), 1 from ingest_batch
            where writer = 'all/telemetry' group by writer
            """,
            batch_id,
            county.owner,
        )
        await county.conn.execute(
            """
            insert into reading_panel (device_id, ts, seq, received_at, mains_ok, batch_id)
            values ($1, clock_timestamp(), $2::bigint, clock_timestamp(), false, $2)
            """,
            number,
            batch_id,
        )
    await registry.load(county.conn, [number])
    states, now = RuleStates(registry), datetime.now(UTC)
    await states.load(county.conn, {number: NO_BOUND}, now, partial(asyncio.sleep, 0))
    rows = await county.conn.fetch("select * from reading_panel where not mains_ok order by batch_id")
    assert [finding.code for finding in states.walk(number, rows, now, 0.0)] == ["power_fault"]


async def test_devices_that_fell_silent_long_ago_are_read_back_without_all_that_others_sent_since(
    county: County,
) -> None:
    """One of them is heard again, one is not."""
    codes = ("silent", "back", "lively")
    devices = {await county.add_device(code, "hydrant"): 2**62 for code in codes}
    silent, back, lively = devices
    long_ago = datetime.now(UTC) - timedelta(days=400)
    await county.send_readings("hydrant", [{"device": "silent", "pressure_mpa": 0.3}], received_at=long_ago)
    await county.conn.execute("insert into feed_cursor (writer, number) values ('all/telemetry', 1)")
    await county.conn.execute("insert into device_state (device_id) select id from device on conflict do nothing")
    for device_id, heard, saved in ((silent, 400, 401), (back, 0, 400), (lively, 0, 0)):
        await county.conn.execute(
            "update device_state set last_seen = now() - make_interval(days => $2) where device_id = $1",
            device_id,
            heard,
        )
        await county.conn.execute(
            """
            insert into rule_state (device_id, state, batch_id, updated_at)
            values ($1, '{}', 0, now() - make_interval(days => $2))
            """,
            device_id,
            saved,
        )
    registry, conn = Registry(), Counted(county.conn)
    await registry.load(county.conn, devices)
    states = RuleStates(registry)
    looks: list[int] = []

    async def breathe() -> None:
        looks.append(len(conn.rows))

    await states.load(cast("Any", conn), devices, datetime.now(UTC), breathe)
    assert {1, 2, 3} <= set(looks), "a fire waits for one answer at most"
    assert [round(span / timedelta(days=1)) for span in sorted(conn.spans)] == [1, 2, 401]
    assert sum(conn.rows) == 1
