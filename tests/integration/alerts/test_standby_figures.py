"""What a process that judged before says of alarms while another one judges."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from prometheus_client import REGISTRY

from services.alerts import main
from services.core import lease, metrics
from tests.support.broker_fleet import rows_of
from tests.support.waiting import eventually


async def test_a_standby_says_nothing_on_of_what_it_measured_while_it_judged(database: str) -> None:
    metrics.FEED_LAG.labels("event").set(7)
    stopping, settings = asyncio.Event(), cast("Any", SimpleNamespace(ready_file=None))
    async with rows_of(database) as rows, rows_of(database) as own:
        await lease.take(rows.connection, main.LEASE, uuid4())
        waiting = asyncio.create_task(main.wait_for_lease(own.connection, uuid4(), settings, stopping))

        lag = "firetower_alerts_feed_lag_seconds", {"lane": "event"}
        await eventually(lambda: REGISTRY.get_sample_value(*lag) == 0, what="the lag of before is gone")
        stopping.set()
        assert not await waiting
