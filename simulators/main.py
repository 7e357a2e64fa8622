"""`firetower simulate`: a county's devices on a real broker.

Called by the command line and the demo. Reads the environment once, registers the fleet when there is an API key,
runs until SIGINT or SIGTERM, then says goodbye to the broker and ends.
"""

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from services.core.clock import SystemClock
from services.core.errors import BadSetting
from services.core.log import configure_log, logger
from services.core.setting_values import OptionalHttpUrl, Port
from services.core.settings import MqttSettings
from services.core.topics import Kind
from simulators.duties import register_duties
from simulators.fleet import Fleet, FleetPlan
from simulators.links import Links
from simulators.panel_wire import FIRST_ADDRESS, run_panels
from simulators.registry import Devices, Registry, register_fleet, register_framed, register_rest
from simulators.scenario import Scenario, find_scenario, read_scenario
from simulators.truth import Truth

log = logger(__name__)

REPORT_EVERY_S = 10.0


class SimulatorSettings(MqttSettings):
    """firetower simulate. The MQTT address carries the fleet account."""

    api_url: OptionalHttpUrl = ""  # empty: devices are discovered by what they send
    api_key: SecretStr = SecretStr("")
    gateway_host: str = "127.0.0.1"
    gateway_port: Port = 26875
    own_accounts: Annotated[int, Field(ge=0, le=1000)] = 5  # devices with an account of their own, if there is an API
    truth_file: Annotated[Path | None, BeforeValidator(lambda value: value or None)] = None  # default: state folder


def main(
    *,
    hydrants: int = 40,
    electrical: int = 24,
    water: int = 8,
    panels: int = 8,
    wire: str = "mqtt",
    seed: int = 1,
    speed: float = 1.0,
    scenario: Path | None = None,
) -> int:
    """Run the fleet until a signal; the exit code."""
    settings = SimulatorSettings.read()
    configure_log("simulate", settings.log_level, settings.log_format)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line per request is only noise
    if wire not in {"mqtt", "gb26875"}:
        raise BadSetting(f"--wire {wire}: use mqtt or gb26875")
    if not 0.01 <= speed <= 10_000:
        raise BadSetting(f"--speed {speed:g}: use 0.01 to 10000")
    plan = FleetPlan(
        counts={
            Kind.HYDRANT: hydrants,
            Kind.ELECTRICAL: electrical,
            Kind.WATER: water,
            Kind.PANEL: panels if wire == "mqtt" else 0,
        },
        seed=seed,
        speed=speed,
        scenario=read_scenario(find_scenario(scenario)) if scenario is not None else Scenario(),
    )
    if any(count < 0 or count > 99_999 for count in plan.counts.values()):
        raise BadSetting("a number of devices must lie between 0 and 99999")
    asyncio.run(simulate(settings, plan, framed_panels=panels if wire == "gb26875" else 0))
    return 0


async def simulate(settings: SimulatorSettings, plan: FleetPlan, *, framed_panels: int = 0) -> None:
    """Register, connect, report; end with the first signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    clock = SystemClock()
    truth = Truth(settings.truth_file or settings.state_dir / "truth.jsonl")
    registry = Registry(settings.api_url, settings.api_key.get_secret_value(), clock) if settings.api_url else None
    try:
        await _simulate(settings, plan, framed_panels, clock=clock, truth=truth, registry=registry, stop=stop)
    finally:
        truth.close()
        if registry is not None:
            await registry.close()


async def _simulate(
    settings: SimulatorSettings,
    plan: FleetPlan,
    framed_panels: int,
    *,
    clock: SystemClock,
    truth: Truth,
    registry: Registry | None,
    stop: asyncio.Event,
) -> None:
    passwords: Mapping[str, str] = {}
    rest: Devices = []
    if registry is not None:
        passwords, rest = await register_fleet(registry, plan, own_accounts=settings.own_accounts)
    links = Links(settings.mqtt, clock, own_passwords=passwords)
    fleet = Fleet(
        plan,
        clock,
        truth,
        links=links.for_twin,
        open_test_window=registry.open_test_window if registry is not None else None,
    )
    links.on_down = fleet.take_down
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(link.run(), name=f"link {index}") for index, link in enumerate(links.all)]
        work = [
            tasks.create_task(_report_when_connected(fleet, links), name="fleet"),
            tasks.create_task(_say_counts(fleet), name="counts"),
        ]
        if registry is not None and plan.counts.get(Kind.HYDRANT):
            work.append(tasks.create_task(register_duties(registry), name="duties"))
        if registry is not None and rest:
            work.append(tasks.create_task(register_rest(registry, plan, rest), name="registration"))
        if registry is not None and framed_panels:
            addresses = [(FIRST_ADDRESS + number).to_bytes(6, "little").hex() for number in range(framed_panels)]
            work.append(tasks.create_task(register_framed(registry, addresses), name="framed registration"))
        if framed_panels:
            host, port = settings.gateway_host, settings.gateway_port
            panels = run_panels(host, port, framed_panels, plan.seed, plan.speed, truth)
            work.append(tasks.create_task(panels, name="framed panels"))
        log.info("simulating", devices=len(fleet.twins), connections=len(links.all), framed_panels=framed_panels)
        if settings.ready_file is not None:
            settings.ready_file.touch()
        await stop.wait()
        fleet.stop()
        for task in work:
            task.cancel()
        for link in links.all:
            await link.stop()
        await asyncio.gather(*running, return_exceptions=True)  # none when every panel dials in over TCP


async def _report_when_connected(fleet: Fleet, links: Links) -> None:
    for link in links.all:
        await link.ready()
    await fleet.run()


async def _say_counts(fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        counts = fleet.counts
        log.info(
            "simulated",
            readings=counts.readings_sent,
            readings_acked=counts.readings_acked,
            events=counts.events_sent,
            events_acked=counts.events_acked,
            resent=counts.readings_resent + counts.events_resent,
            refused=counts.refused,
            discarded=counts.discarded,
        )
