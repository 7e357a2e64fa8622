"""The faults that the gateway's runs share: kills in turn, and panels that go on saying fires."""

import asyncio

from tests.integration.gateway.crowd import Crowd
from tests.support.servers import Broker, PostgresServer, Program


async def say_fires(crowd: Crowd, *, per_panel: int, pause_s: float) -> None:
    """Every panel says so many fires, each of another component, one after the other."""

    async def one(number: int) -> None:
        for point in range(1, per_panel + 1):
            await crowd.fire(number, 1 + number % 9, point)
            await asyncio.sleep(pause_s)

    await asyncio.gather(*(one(number) for number in range(len(crowd.links))))


def revive(programs: list[Program]) -> None:
    """Start again what ended, as the supervisor does."""
    for program in programs:
        if program.process.poll() is not None:
            program.restart()


async def kill_in_turn(
    programs: list[Program], broker: Broker, postgres: PostgresServer, *, every_s: float, rounds: int = 1
) -> None:
    """SIGKILL gateway, ingest, broker and database in turn; each is back after a second."""

    for _ in range(rounds):
        for victim in [*(one for one in programs if one.name in {"gateway", "ingest"}), broker, postgres]:
            await asyncio.sleep(every_s)
            victim.kill()
            await asyncio.sleep(1)
            if victim is broker or victim is postgres:
                victim.start()  # in this thread: a server ends with the thread that started it
            revive(programs)
    for _ in range(20):
        revive(programs)
        await asyncio.sleep(0.25)
