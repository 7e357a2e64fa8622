import asyncio

import psutil

from tests.integration.gateway.dialling import detector_state
from tests.integration.gateway.hostile import attackers
from tests.integration.gateway.leaving import known, register


async def test_strangers_cost_a_good_link_no_fire(gateway, store, dial, database, gateway_port):
    await register(database, 51)
    await known(gateway)
    panel = await dial(51)
    await panel.confirmed(panel.send(b""))
    before = psutil.Process(gateway.process.pid).memory_info().rss
    async with attackers(gateway_port, 200, 200, 4) as attack:
        point = 0
        while not attack.done() or point < 3:
            await panel.confirmed(panel.send(detector_state(0b11, 5, point)))
            point += 1
            await asyncio.sleep(0.2)
        tally = await attack
    assert len([event for event in store.of("fire") if event["device"] == "panel-51"]) == point
    assert not panel.closed.is_set()
    assert gateway.process.poll() is None
    grown = psutil.Process(gateway.process.pid).memory_info().rss - before
    assert grown < 120 * 2**20, f"{grown / 2**20:.0f} MiB for {tally}"
    assert tally["bytes"] > 1_000_000


async def test_a_frame_that_drips_does_not_hold_back_the_fire_behind_it(gateway, store, dial):
    panel = await dial(53)
    await panel.confirmed(panel.send(b""))
    panel.write(b"@@\x01")
    await asyncio.sleep(1)
    await panel.confirmed(panel.send(detector_state(0b11)))
