"""Kill, cut and stall everything under load, then reconcile: the short runs are part of every test run.

`make chaos` runs the long ones and writes reports/chaos-*.json.
"""

import random
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.chaos.report import check, write_report
from tests.faults.chaos.run import ChaosRun
from tests.support.servers import Broker, PostgresServer, Program
from tests.support.wire import Wire

PAIRS = ("devices-broker", "ingest-broker", "ingest-database")


@pytest.fixture
async def chaos(
    database: str,
    postgres: PostgresServer,
    broker: Broker,
    program: Callable[..., Program],
    wire: Callable[[int], Awaitable[Wire]],
) -> Callable[[int], ChaosRun]:
    ports = {"devices-broker": broker.port, "ingest-broker": broker.services_port, "ingest-database": postgres.port}
    wires = {name: await wire(port) for name, port in ports.items()}
    return lambda seed: ChaosRun(database, postgres, broker, program, wires, seed)


async def test_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(chaos: Callable[[int], ChaosRun]) -> None:
    plan = ["kill ingest", "kill broker", "kill database", "cut ingest-broker", "stall ingest-database", "kill broker"]
    report = await chaos(1).run(plan, pause_s=(1.0, 3.0))
    write_report("chaos-short", report)
    check(report)


async def test_a_publisher_that_trusts_a_puback_loses_nothing_when_ingest_and_database_are_killed(
    chaos: Callable[[int], ChaosRun],
) -> None:
    report = await chaos(2).run(["kill ingest", "kill database", "kill ingest"], pause_s=(1.0, 3.0))
    write_report("chaos-short-without-broker", report)
    check(report)
    assert report["crowds"][1]["acked_and_missing"] == 0


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_forty_kills_of_the_database_neither_end_ingest_nor_hold_it_up(chaos: Callable[[int], ChaosRun]) -> None:
    report = await chaos(4).run(["kill database"] * 40, pause_s=(0.5, 1.6))
    write_report("chaos-database", report)
    check(report)


@pytest.mark.chaos
@pytest.mark.timeout(1800)
async def test_long_run_of_random_kills_cuts_and_stalls(chaos: Callable[[int], ChaosRun]) -> None:
    dice = random.Random(20261123)
    kills = ["kill ingest"] * 10 + ["kill broker"] * 10 + ["kill database"] * 8
    wires = [f"{act} {pair}" for act in ("cut", "refuse", "stall") for pair in PAIRS] * 2
    plan = kills + wires
    dice.shuffle(plan)
    report = await chaos(3).run(plan, pause_s=(2.0, 6.0), settle_s=180)
    write_report("chaos-long", report)
    check(report)
    assert report["kills"] >= 20
    assert report["messages_per_s"] >= 1000
