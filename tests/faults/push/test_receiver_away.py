"""A receiver away for an hour (RECEIVER_AWAY_S shortens it) while events come and push is killed: nothing is lost."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.integration.push.conftest import Subscribe
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

pytestmark = pytest.mark.chaos
AWAY_S = float(os.environ.get("RECEIVER_AWAY_S", "3600"))
SUBJECTS = [f"h-{n}" for n in range(50)]
EVERY_S, KILLS = 2.0, 10


async def test_whatever_happened_in_an_hour_arrives_once_by_id_and_in_order_per_subject(
    county: County,
    push: Callable[..., Program],
    subscribe: Subscribe,
    tell: Callable[..., Awaitable[None]],
) -> None:
    away, number = await subscribe()
    there, _ = await subscribe()
    worker = push()
    await tell("h-0")
    await eventually(lambda: away.took and there.took, what="the first at both")
    await away.close()
    began, told, killed = time.monotonic(), 1, 0
    while (gone_s := time.monotonic() - began) < AWAY_S:
        await tell(*SUBJECTS)
        told += len(SUBJECTS)
        if gone_s > AWAY_S * (killed + 1) / (KILLS + 1):
            worker.kill()
            worker.restart()
            killed += 1
        await asyncio.sleep(EVERY_S)
    await eventually(lambda: len(there.ids()) == told, what="all at the other", timeout_s=120)
    assert len(away.ids()) == 1
    failures = await county.conn.fetchval("select failures from subscription where id = $1", number)
    assert failures >= 3
    await away.open()
    await eventually(lambda: len(away.ids()) == told, what="all of them", timeout_s=60 + told / 50)
    for one in (away, there):
        assert all(numbers == sorted(numbers) for numbers in one.subjects().values())
        assert not one.refused
    assert Counter(one.id for one in away.took).most_common(1)[0][1] == 1, "no kill while it was taken"
    assert killed == KILLS
