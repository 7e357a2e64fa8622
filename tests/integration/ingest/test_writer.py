"""The writer: a task that is to end, and rows taken in one order."""

import asyncio
import uuid

from services.core.clock import SystemClock
from services.ingest import lease
from services.ingest.decode import decode
from services.ingest.store import Rest, Store
from services.ingest.writer import Writer
from tests.support.broker_fleet import rows_of
from tests.support.waiting import PATIENCE_S


async def owning_writer(database, lane):
    """A writer that owns its lane, and its connection."""
    store = Store(writer=f"all/{lane}", lane=lane, lease=f"ingest:all/{lane}", owner=str(uuid.uuid4()))
    writer = Writer(database, store, SystemClock())
    connection = await writer.connection()
    await lease.take(connection, store.lease, store.owner)
    return writer, connection


async def test_a_cancelled_writer_ends_although_its_connection_dies_with_it(database):
    """asyncpg then puts its own error in the place of the cancellation: the database seems away and is waited for."""
    writer, connection = await owning_writer(database, "event")
    async with rows_of(database) as other, other.connection.transaction():
        await other.connection.execute("select from lease for update")
        task = asyncio.create_task(writer.commit([], Rest(watermark_us=1)))
        await other.until("select count(*) from pg_stat_activity where wait_event_type = 'Lock'", equals=1)
        task.cancel()
        connection.terminate()
        await asyncio.wait([task], timeout=PATIENCE_S)
    assert task.cancelled()


async def test_the_lane_of_readings_counts_a_device_only_once_it_holds_its_state(database):
    """As the lane of events does: in two orders, a device that floods both lanes made each wait for the other."""
    writer, connection = await owning_writer(database, "telemetry")
    now_us = 1_780_000_000_000_000
    refused = [decode("fire/v1/140931100/hydrant/HYD-1/up/telemetry", b"\xff\x00", now_us) for _ in range(2)]
    await writer.commit(refused[:1], Rest())
    async with rows_of(database) as other:
        async with other.connection.transaction():
            await other.connection.execute("select from device_state for update")
            task = asyncio.create_task(writer.commit(refused[1:], Rest()))
            await other.until("select count(*) from pg_stat_activity where wait_event_type = 'Lock'", equals=1)
            await other.connection.execute("select from device_quality for update nowait")
        await task
        assert await other.connection.fetchval("select sum(rejects) from device_quality") == 2
    await connection.close()
