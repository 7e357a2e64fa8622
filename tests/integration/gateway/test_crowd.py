"""Small runs of what `make chaos` does at full size (tests/faults/gateway)."""

import asyncio

from simulators.panel_link import Habits
from tests.faults.gateway.rounds import kill_in_turn, revive, say_fires
from tests.integration.gateway.crowd import check_books, crowd_of


async def test_fires_of_many_panels_at_once_are_committed_before_they_are_confirmed(whole, database, gateway_port):
    async with crowd_of(gateway_port, 40, Habits(splits=0.3, spoils=0.1, noise=0.1, repeat_after_s=5)) as crowd:
        await crowd.connected()
        await asyncio.gather(*(crowd.fire(number, 1, 1) for number in range(10)))
        told = await check_books(database, crowd.books)
    assert told["fires"] == 10


async def test_kills_of_every_part_lose_and_double_no_alarm(whole, database, gateway_port, broker, postgres):
    async with crowd_of(gateway_port, 8, Habits(repeat_after_s=2, heartbeat_s=5), database=database) as crowd:
        await crowd.connected()
        fires = asyncio.create_task(say_fires(crowd, per_panel=6, pause_s=0.7))
        await kill_in_turn(whole, broker, postgres, every_s=1.5)
        while not fires.done():  # what the kills end late is started again, too
            revive(whole)
            await asyncio.sleep(0.25)
        await fires
        told = await check_books(database, crowd.books)
    assert told["fires"] == 48
