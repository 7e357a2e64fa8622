"""A lease that is given up is free at once, in whatever state its connection was left."""

from uuid import uuid4

from services.core import db, lease


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
