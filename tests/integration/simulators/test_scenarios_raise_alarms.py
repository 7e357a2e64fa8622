"""The scenarios in a running system: the alarms, incidents and notices that docs/simulators.md promises for each.

Not here: the escalation of `false-alarm` after 180 s, the step of `cable-overheating` to critical, and the `demo`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.core import db
from services.core.alarms.ledger import acts
from services.core.clock import SystemClock
from services.core.topics import Kind
from simulators.fleet import Fleet, FleetPlan
from simulators.links import Links
from simulators.scenario import Scenario, find_scenario, read_scenario
from simulators.truth import Truth
from simulators.twin import Twin
from tests.support.county import County
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

SPEED = 150.0  # a second is 150 of the scenario's
COUNTS = {Kind.HYDRANT: 48, Kind.ELECTRICAL: 24, Kind.WATER: 8, Kind.PANEL: 8}
EVERY_S = dict.fromkeys(Kind, 0.5) | {Kind.ELECTRICAL: 0.1}  # three readings in the minute before a power cut silences
TOWNSHIP = "140931101"  # where the power is cut: six hydrants and three circuits fall silent
TESTED = "PAN-00003"


@asynccontextmanager
async def fleet_of(
    broker: Broker, *names: str, open_test_window: Callable[[Twin, float], Awaitable[None]] | None = None
) -> AsyncIterator[Fleet]:
    """A fleet that plays the shipped scenarios of these names at once."""
    played = [read_scenario(find_scenario(Path(name))) for name in names]
    scenario = Scenario(
        step=tuple(step for one in played for step in one.step),
        air_shift_c=min(one.air_shift_c for one in played),
        intervals_s=EVERY_S,
    )
    clock = SystemClock()
    links = Links(urlsplit(broker.fleet_url), clock)
    plan = FleetPlan(COUNTS, speed=SPEED, scenario=scenario)
    fleet = Fleet(plan, clock, Truth(None), links=links.for_twin, open_test_window=open_test_window)
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


@pytest.fixture
async def county(database: str, broker: Broker, program: Callable[..., Program]) -> AsyncIterator[County]:
    """Ingest and alerts run; the panel of the weekly test belongs to a site, all other devices are discovered."""
    county = await County.open(database)
    site = await county.add_site("惠民商场", area="140931102")
    await county.add_device(TESTED, area="140931102", site_id=site)
    started = [program("ingest", DATABASE_URL=database, MQTT_URL=broker.url), program("alerts", DATABASE_URL=database)]
    for one in started:
        one.wait_ready()
    yield county
    await county.close()


async def see(county: County, expected: set[tuple[str, str]]) -> None:
    """Wait until each of these (code, device or area; "" is any) has been raised."""
    seen: set[tuple[str, str]] = set()

    async def all_raised() -> bool:
        rows = await county.conn.fetch(
            "select a.code, coalesce(d.code, a.area, '') as who from alarm a left join device d on d.id = a.device_id"
        )
        seen.update({(row["code"], row["who"]) for row in rows} | {(row["code"], "") for row in rows})
        return expected <= seen

    try:
        await eventually(all_raised, what="the alarms", timeout_s=120, every_s=0.5)
    except AssertionError:
        pytest.fail(f"not raised: {sorted(expected - seen)}")


async def test_a_fire_is_told_once_and_the_fires_of_an_announced_test_never(
    county: County, database: str, broker: Broker
) -> None:
    async def open_test_window(twin: Twin, minutes: float) -> None:
        conn = await db.connect(database, program="test window")  # `see` is using the county's
        site = await conn.fetchval("select site_id from device where code = $1", twin.code)
        now = datetime.now(UTC)
        until = now + timedelta(minutes=minutes)
        await acts.set_test_window(conn, site, until=until, reason="周检", actor="user:t", now=now)
        await conn.close()

    names = ("kitchen-fire", "false-alarm", "hydrant-knocked-over", "cable-overheating", "weekly-panel-test")
    async with fleet_of(broker, *names, open_test_window=open_test_window):
        await see(
            county,
            {
                ("fire", "PAN-00001"), ("fire", "PAN-00002"), ("fire", TESTED), ("hydrant_tilt", "HYD-00003"),
                ("hydrant_pressure_low", "HYD-00003"), ("hydrant_in_use", "HYD-00003"),
                ("cable_temperature_high", "ELE-00002"), ("residual_current_high", "ELE-00002"),
                ("arc_fault", "ELE-00002"),
            },
        )  # fmt: skip
    fires = await county.conn.fetchrow(
        "select array_agg(distinct a.incident_id) as incidents, bool_or(a.confidence = 'confirmed') as confirmed "
        "from alarm a join device d on d.id = a.device_id where d.code = 'PAN-00001' and a.category = 'fire'"
    )
    assert fires is not None
    assert fires["confirmed"]
    [incident] = fires["incidents"]
    told = "select count(*) from notice where incident_id = $1 and type = 'fire.confirmed' and channel = 'desk'"
    assert await county.conn.fetchval(told, incident) == 1

    tested = await county.conn.fetch(
        "select a.component, a.test_window from alarm a join device d on d.id = a.device_id "
        "where d.code = $1 and a.category = 'fire'",
        TESTED,
    )
    assert {fire["component"]: fire["test_window"] for fire in tested} == {"1-1": True, "1-31": True}
    told = (
        "select count(*) from notice n join alarm a on a.id = n.alarm_id join device d on d.id = a.device_id "
        "where d.code = $1"
    )
    assert await county.conn.fetchval(told, TESTED) == 0


async def test_a_burst_and_a_power_cut_are_one_incident_each(county: County, broker: Broker) -> None:
    async def expect_a_message_each_second() -> bool:
        """Silence shows after three intervals; the 300 s of a discovered device outlast the scenario at this speed."""
        changed = await county.conn.execute(
            "update device set expected_interval_s = 1, updated_at = now() "
            "where area = $1 and kind in ('hydrant', 'electrical')",
            TOWNSHIP,
        )
        await county.conn.execute("select pg_notify('firetower_registry', '')")
        return bool(changed == "UPDATE 9")

    async def all_grouped() -> bool:
        members = await county.conn.fetchval(
            "select count(distinct a.device_id) from alarm a join incident i on i.id = a.incident_id "
            "where i.kind = 'silence' and i.cause = $1 and a.code = 'device_offline'",
            f"area:{TOWNSHIP}",
        )
        return bool(members == 9)

    async with fleet_of(broker, "mains-burst", "power-cut", "freezing-night"):
        await eventually(expect_a_message_each_second, what="the township's devices", every_s=0.1)
        await see(
            county,
            {
                ("mains_event", "140931100"), ("hydrant_freezing", ""), ("power_fault", ""), ("undervoltage", ""),
                ("device_offline", TOWNSHIP), ("battery_low", ""), ("hydrant_pressure_low", "HYD-00007"),
            },
        )  # fmt: skip
        await eventually(all_grouped, what="every silent device in the incident", every_s=0.2)
    kinds = await county.conn.fetch("select kind from incident where kind in ('mains', 'silence') order by kind")
    assert [row["kind"] for row in kinds] == ["mains", "silence"]
