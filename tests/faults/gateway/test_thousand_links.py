"""1 000 links with heartbeats every 20 s and 50 fires at once: confirmed within a second, after the commit."""

import asyncio
import time

import asyncpg
import psutil
import pytest

from simulators.panel_link import Habits
from tests.faults.gateway.reporting import write_report
from tests.integration.gateway.crowd import check_books, crowd_of
from tests.support.waiting import eventually

ROUNDS = 10
OPEN = "select count(*) >= $1 from alarm where code = 'fire'"


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_fifty_fires_at_once_among_a_thousand_links_are_confirmed_within_a_second(whole, database, gateway_port):
    connection = await asyncpg.connect(database)
    async with crowd_of(gateway_port, 1000, Habits(heartbeat_s=20), database=database) as crowd:
        await crowd.connected(120)
        await asyncio.sleep(10)
        gateway = psutil.Process(next(one for one in whole if one.name == "gateway").process.pid)
        cpu, started = sum(gateway.cpu_times()[:2]), time.monotonic()
        open_after_s = []
        for turn in range(ROUNDS):
            start = time.perf_counter()
            await asyncio.gather(*(crowd.fire(turn * 50 + number, 1, 1) for number in range(50)))
            wanted = 50 * (turn + 1)
            await eventually(lambda wanted=wanted: connection.fetchval(OPEN, wanted), what=f"{wanted} open alarms")
            open_after_s.append(round(time.perf_counter() - start, 3))
            await asyncio.sleep(4)
        told = await check_books(database, crowd.books)
        told["all_alarms_open_max_s"] = max(open_after_s)
        told["gateway_cpu_share"] = round((sum(gateway.cpu_times()[:2]) - cpu) / (time.monotonic() - started), 3)
        told["gateway_rss_mib"] = round(gateway.memory_info().rss / 2**20, 1)
        told["links"] = len(crowd.links)
        told["connections"] = sum(link.tally.connections for link in crowd.links)
    await connection.close()
    write_report("gateway-thousand-links", told)
    assert told["fires"] == told["alarms"] == 50 * ROUNDS
    assert told["confirm_p99_s"] <= 1.0, told
    assert max(open_after_s) <= 2.0, open_after_s
    assert told["connections"] == told["links"], "links were dropped and dialled again"
