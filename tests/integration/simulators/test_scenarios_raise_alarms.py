"""The scenarios in a running system: what each file says it expects is what people would see."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.core import db
from services.core.clock import SystemClock
from services.core.topics import Kind
from simulators.fleet import Fleet, FleetPlan
from simulators.links import Links
from simulators.scenario import Scenario, find_scenario, read_scenario
from simulators.truth import Truth
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

SPEED = 150.0  # a second is 150 of the scenario's
COUNTS = {Kind.HYDRANT: 48, Kind.ELECTRICAL: 24, Kind.WATER: 8, Kind.PANEL: 8}
EVERY_S = dict.fromkeys(Kind, 0.5) | {Kind.ELECTRICAL: 0.1}  # three readings in the minute before a power cut silences


@asynccontextmanager
async def fleet_of(broker: Broker, *names: str) -> AsyncIterator[Fleet]:
    """A fleet that plays the shipped scenarios of these names at once."""
    played = [read_scenario(find_scenario(Path(name))) for name in names]
    scenario = Scenario(
        step=tuple(step for one in played for step in one.step),
        air_shift_c=min(one.air_shift_c for one in played),
        intervals_s=EVERY_S,
    )
    clock = SystemClock()
    links = Links(urlsplit(broker.fleet_url), clock)
    fleet = Fleet(FleetPlan(COUNTS, speed=SPEED, scenario=scenario), clock, Truth(None), links=links.for_twin)
    links.on_down = fleet.take_down
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(link.run()) for link in links.all]
        for link in links.all:
            await link.ready()
        report = tasks.create_task(fleet.run())
        yield fleet
        fleet.stop()
        await report
        for link in links.all:
            await link.stop()
        await asyncio.wait(running)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            ("kitchen-fire", "false-alarm", "hydrant-knocked-over", "cable-overheating"),
            {
                ("fire", "PAN-00001"), ("fire", "PAN-00002"), ("hydrant_tilt", "HYD-00003"),
                ("hydrant_pressure_low", "HYD-00003"), ("hydrant_in_use", "HYD-00003"),
                ("cable_temperature_high", "ELE-00002"), ("residual_current_high", "ELE-00002"),
                ("arc_fault", "ELE-00002"),
            },
            id="fire, knocked-over hydrant, hot cable",
        ),
        pytest.param(
            ("mains-burst", "power-cut", "freezing-night"),
            {("mains_event", "140931100"), ("hydrant_freezing", ""), ("power_fault", ""), ("undervoltage", "")},
            id="burst, power cut, frost",
        ),
    ],
)  # fmt: skip
async def test_a_scenario_raises_what_it_promises(
    names: tuple[str, ...],
    expected: set[tuple[str, str]],
    database: str,
    broker: Broker,
    program: Callable[..., Program],
) -> None:
    started = [program("ingest", DATABASE_URL=database, MQTT_URL=broker.url), program("alerts", DATABASE_URL=database)]
    for one in started:
        one.wait_ready(40)
    connection = await db.connect(database, program="test")

    async def raised() -> set[tuple[str, str]]:
        rows = await connection.fetch(
            "select a.code, coalesce(d.code, a.area, '') as who from alarm a left join device d on d.id = a.device_id"
        )
        return {(row["code"], row["who"]) for row in rows} | {(row["code"], "") for row in rows}

    seen: set[tuple[str, str]] = set()

    async def all_raised() -> bool:
        seen.update(await raised())
        return expected <= seen

    async with fleet_of(broker, *names):
        try:
            await eventually(all_raised, what="the alarms", timeout_s=120, every_s=0.5)
        except AssertionError:
            pytest.fail(f"not raised: {sorted(expected - seen)}")
    if "kitchen-fire" in names:
        row = await connection.fetchrow(
            "select count(distinct a.incident_id) as incidents, bool_or(a.confidence = 'confirmed') as confirmed "
            "from alarm a join device d on d.id = a.device_id where d.code = 'PAN-00001' and a.category = 'fire'"
        )
        assert row is not None
        assert row["confirmed"]
        assert row["incidents"] == 1
    await connection.close()
