"""kill -9 of gateway, ingest, broker and database while 100 panels send 2 000 alarms with retransmission."""

import asyncio

import pytest

from simulators.panel_link import Habits
from tests.faults.gateway.reporting import write_report
from tests.faults.gateway.rounds import kill_in_turn, revive, say_fires
from tests.integration.gateway.crowd import check_books, crowd_of


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_two_thousand_alarms_survive_every_kill_exactly_once(whole, database, gateway_port, broker, postgres):
    async with crowd_of(gateway_port, 100, Habits(splits=0.1, spoils=0.02, noise=0.02), database=database) as crowd:
        await crowd.connected()
        fires = asyncio.create_task(say_fires(crowd, per_panel=20, pause_s=3.0))
        await kill_in_turn(whole, broker, postgres, every_s=6, rounds=3)
        while not fires.done():  # what the kills end late is started again, too
            revive(whole)
            await asyncio.sleep(0.25)
        await fires
        told = await check_books(database, crowd.books)
        told["repeated"] = sum(link.tally.repeated for link in crowd.links)
        told["connections"] = sum(link.tally.connections for link in crowd.links)
    write_report("gateway-kills", told)
    assert told["fires"] == told["alarms"] == 2000
