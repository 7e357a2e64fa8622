"""The writer: a task that is to end, rows taken in one order, and a commit whose answer is lost."""

import asyncio
import time
import uuid
from contextlib import asynccontextmanager

import orjson
import pytest

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


class LosesAnswers:
    """A connection whose COMMIT arrives and whose answer to it does not."""

    def __init__(self, connection):
        self._connection = connection

    def __getattr__(self, name):
        return getattr(self._connection, name)

    @asynccontextmanager
    async def transaction(self):
        async with self._connection.transaction():
            yield
        raise ConnectionResetError("the answer to COMMIT was lost")


async def test_what_a_commit_did_whose_answer_was_lost_is_known_and_done_once(connection, stores, database):
    """Numbers of a panel whose state row is locked wait for a later batch: they are neither lost nor added twice."""
    store, now_ms = stores["event"], time.time_ns() // 1_000_000

    def sent(device, seq):
        body = {"event_id": f"{device}{seq}", "ts": now_ms + seq, "seq": seq, "type": "fault"}
        return decode(f"fire/v1/140931100/panel/{device}/up/event", orjson.dumps(body), now_ms * 1000)

    async def write(message, *, answered=True):
        if answered:
            await store.write(connection, [message], Rest())
            return
        with pytest.raises(ConnectionResetError):
            await store.write(LosesAnswers(connection), [message], Rest())
        assert await store.was_committed(connection)
        assert [written.stored for written in store.skip()] == [1]

    for device in ("P1", "P2", "P3"):
        await write(sent(device, 1))
    async with rows_of(database) as other:
        async with other.connection.transaction():
            await other.connection.execute(
                "select from device_state s join device d on d.id = s.device_id where d.code in ('P1', 'P2') for update"
            )
            await write(sent("P1", 3))
            await write(sent("P2", 5), answered=False)
        await write(sent("P3", 2), answered=False)
        await write(sent("P3", 3))
        found = await other.all(
            "select d.code, s.event_seq::int, s.event_missing::int, coalesce(sum(q.gaps), 0)::int from device d "
            "join device_state s on s.device_id = d.id left join device_quality q on q.device_id = d.id "
            "group by 1, 2, 3 order by 1"
        )
    assert [tuple(row) for row in found] == [("P1", 3, 1, 1), ("P2", 5, 3, 3), ("P3", 3, 0, 0)]
