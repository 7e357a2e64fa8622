"""`firetower gateway`: panels that speak GB/T 26875.3, 2011 edition, over TCP become devices on MQTT.

Bytes -> frames (link, frames) -> meaning -> journal on disk -> MQTT -> ingest commits -> `down/ack` -> confirm to the
panel. Started by people, the supervisor or a container; promises to confirm nothing that is not stored.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.core import program
from services.core.aside import Unit
from services.core.clock import Clock, SystemClock
from services.core.limits import raise_file_limit
from services.core.listening import listen_on
from services.core.log import logger
from services.core.mqtt import Delivery, Session, SessionConfig, service_client_id
from services.core.settings import GatewaySettings
from services.core.topics import ROOT, Channel, Kind
from services.gateway.border import Border
from services.gateway.commands import Commands
from services.gateway.door import Door
from services.gateway.front import Front
from services.gateway.intake import Intake
from services.gateway.journal import Journal
from services.gateway.limits import Limits, limits_within
from services.gateway.profiles import load_profiles
from services.gateway.publish import Publisher
from services.gateway.registry import Registry

log = logger(__name__)

WHERE = "FIRETOWER_GATEWAY_HOST, FIRETOWER_GATEWAY_PORT"
BACKLOG = 1024  # panels that come back at the same time wait in the kernel's queue
NAMES_WITHIN_S = 15.0  # after that panels are heard without the registry: a stranger's fire counts like any other
ACCEPTS_AT_ONCE = 64  # before the links that are open have their turn
FILTERS = tuple(f"{ROOT}/+/{Kind.PANEL}/+/{channel}" for channel in (Channel.ACK, Channel.COMMAND))


@dataclass(slots=True)
class Gateway:
    """The parts, put together."""

    journal: Journal
    registry: Registry
    session: Session
    publisher: Publisher
    door: Door
    intake: Intake
    commands: Commands
    border: Border
    clock: Clock


def build(settings: GatewaySettings, clock: Clock, limits: Limits) -> Gateway:
    """Put the parts together and take up what the journal holds."""
    client_id = service_client_id(settings.state_dir, "gateway")  # first: what is no state folder is told in one line
    profiles_file = settings.state_dir / "gateway-profiles.json"
    profiles = load_profiles(profiles_file if profiles_file.exists() else None)
    border = Border(clock)
    journal = Journal(settings.state_dir / "gateway" / "journal.sqlite3", border)
    remembered = journal.load()
    registry = Registry(settings.database_url, clock, profiles, settings.gateway_area, border)
    registry.restore(remembered)
    intake = Intake(registry, journal, clock, limits, remembered, border)
    front = Front(intake, registry, clock, border)
    door = Door(front, clock, limits, profiles)
    commands = Commands(registry, door, clock, border)
    journal.take_up, journal.remember = intake.take_up, intake.remember
    border.retry = {"frame": intake.take_again}

    def take(delivery: Delivery) -> None:
        with border.around(Unit("message", delivery.topic)):
            publisher.acknowledged(delivery)
            commands.delivered(delivery)
        session.ack([delivery])

    def go_on(step: Callable[[], None]) -> None:
        with border.around(Unit("duty", "connection", fire=True)):
            step()

    session = Session(
        SessionConfig.from_url(settings.mqtt, client_id, filters=FILTERS, receive_maximum=1000),
        on_delivery=take,
        on_connected=lambda _present: go_on(publisher.connected),
        on_lost=lambda: go_on(publisher.connection_lost),
    )
    publisher = Publisher(
        session,
        clock,
        on_stored=intake.stored,
        on_settled=intake.settled,
        strangers_published=limits.strangers_published,
    )
    intake.publisher, front.commands = publisher, commands
    intake.presence.publisher, intake.presence.door = publisher, door
    resumed = intake.resume(remembered)
    log.info("journal_read", records=len(remembered.records), to_publish_again=resumed)
    return Gateway(journal, registry, session, publisher, door, intake, commands, border, clock)


async def tick(gateway: Gateway) -> None:
    """Repeats and forgetting, every second."""
    duties = {"publishing": gateway.publisher.tick, "forgetting": gateway.intake.tick}
    while True:
        for name, duty in duties.items():
            with gateway.border.around(Unit("duty", name, fire=True)):
                duty()
        await gateway.clock.sleep(1.0)


async def listen(gateway: Gateway, settings: GatewaySettings, ready_file: Path | None) -> None:
    """Open the door once it is known who is who; say that we are ready once the broker took our subscriptions."""
    opened_at = gateway.clock.monotonic() + NAMES_WITHIN_S
    while not gateway.registry.loaded and gateway.clock.monotonic() < opened_at:
        await gateway.clock.sleep(0.05)
    gateway.intake.take_heard()
    loop = asyncio.get_running_loop()
    handle = listen_on(settings.gateway_host, settings.gateway_port, WHERE)
    server = await loop.create_server(gateway.door.new_link, sock=handle, backlog=ACCEPTS_AT_ONCE)
    handle.listen(BACKLOG)
    port = handle.getsockname()[1]
    log.info("listening", host=settings.gateway_host, port=port, standard="GB/T 26875.3-2011")
    async with server:
        await gateway.session.ready()
        if ready_file is not None:
            ready_file.touch()  # noqa: ASYNC240 - once
        await server.serve_forever()


async def run(settings: GatewaySettings, limits: Limits, stopping: asyncio.Event) -> None:
    """Run until `stopping` is set."""
    listen_on(settings.gateway_host, settings.gateway_port, WHERE).close()  # where we cannot, it is said at once
    gateway = build(settings, SystemClock(), limits)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(gateway.journal.run(), name="journal"),
            tasks.create_task(gateway.session.run(), name="mqtt"),
            tasks.create_task(gateway.registry.run(gateway.journal), name="registry"),
            tasks.create_task(gateway.registry.answer(), name="registry answers"),
            tasks.create_task(gateway.commands.run(), name="commands"),
            tasks.create_task(gateway.border.run(gateway.registry), name="border"),
            tasks.create_task(gateway.door.run(), name="door"),
            tasks.create_task(tick(gateway), name="tick"),
            tasks.create_task(listen(gateway, settings, settings.ready_file), name="listen"),
        ]
        await stopping.wait()
        gateway.door.close()
        await gateway.session.stop()
        for task in running:
            task.cancel()
    await gateway.registry.close()


def main() -> None:
    """Run from the command line. Raises as `program.run`."""
    settings = GatewaySettings.read()
    limits = limits_within(raise_file_limit())
    program.run("gateway", settings, partial(run, settings, limits), fast_loop=False)
