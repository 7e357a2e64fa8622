"""A lease that is given up or whose owner was stopped is free in time, in whatever state its connection was left."""

import time
from functools import partial
from uuid import uuid4

from services.core import db, lease
from services.ingest import lease as lane_lease
from tests.support.waiting import eventually

ENDED = "select count(*) from pg_stat_activity where query = 'select 26875'"
UNFINISHED = "select 26875"  # parsed, and not run: the server waits for the rest


async def test_a_transaction_that_a_cancelled_task_left_open_does_not_keep_the_lease(database):
    first, standby = [await db.connect(database, program="test") for _ in range(2)]
    owner = uuid4()
    assert await lease.take(first, "alerts", owner)
    assert not await lease.take(standby, "alerts", uuid4())
    await first.execute("begin")  # its answer came after the cancellation
    await lease.release(first, "alerts", owner)
    first.terminate()
    assert await lease.take(standby, "alerts", uuid4())
    await standby.close()


async def test_a_worker_stopped_in_the_middle_of_a_statement_is_replaced(database):
    stopped, standby = [await db.connect(database, program="test", writer=True) for _ in range(2)]
    owner = uuid4()
    assert await lease.take(stopped, "alerts", owner)
    begun = time.monotonic()
    await stopped.transaction().start()
    await lease.hold(stopped, "alerts", owner)
    await stopped.prepare(UNFINISHED)
    await eventually(partial(lease.take, standby, "alerts", uuid4()), what="the lease")
    assert time.monotonic() - begun > 2, "a worker that is only slow is left alone"
    assert await standby.fetchval(ENDED) == 0
    stopped.terminate()
    await standby.close()


async def test_a_lane_stopped_in_the_middle_of_a_statement_is_replaced(database):
    stopped, standby = [await db.connect(database, program="test", writer=True) for _ in range(2)]
    owner = str(uuid4())
    assert await lane_lease.take(stopped, "ingest/a/0", owner)
    await stopped.transaction().start()
    assert await lane_lease.take(stopped, "ingest/a/0", owner)
    await stopped.prepare(UNFINISHED)
    await eventually(partial(lane_lease.take, standby, "ingest/a/0", str(uuid4())), what="the lease")
    stopped.terminate()
    await standby.close()
