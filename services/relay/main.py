"""`firetower relay`: joins a township's system to the county's (contract 10).

Started by `up` when FIRETOWER_RELAY_MQTT_URL is set, or by hand. Promises one active relay and hot standbys, that
nothing committed is lost or doubled whatever is killed, and that it waits for whatever is away.
"""

import asyncio
import uuid
from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from services.core import db, lease, program
from services.core.clock import Clock, SystemClock, wait_at_most
from services.core.line import Line
from services.core.log import logger
from services.core.mqtt import Delivery, Session, SessionConfig, service_client_id
from services.core.outbound import anywhere
from services.core.settings import RelaySettings
from services.core.text import describe_error
from services.core.topics import Channel, subscription
from services.relay.acts import Acts
from services.relay.commands import Commands
from services.relay.county import County
from services.relay.database import LEASE, Database
from services.relay.lanes import Lane
from services.relay.outbox import Outbox
from services.relay.reports import report
from services.relay.uplink import Uplink

log = logger(__name__)
AWAY_PAUSE_S = 0.5
STANDBY_S = 0.5
RENEW_S = 1.0
RECEIVE_MAXIMUM = 1000
CONNECTIONS = 4  # to the county's API: as many ask at once


def main() -> None:
    """Run from the command line. Raises as `program.run`."""
    settings = RelaySettings.read()
    settings.require_whole()
    program.run("relay", settings, partial(run, settings, SystemClock()))


async def run(settings: RelaySettings, clock: Clock, stopping: asyncio.Event) -> None:
    """Wait for the lease, then carry until told to end."""
    owner = uuid.uuid4()
    while not stopping.is_set():
        try:
            async with AsyncExitStack() as stack:
                conn = await db.connect(settings.database_url, program="relay", writer=True)
                stack.callback(conn.terminate)
                if await _wait_for_lease(conn, owner, settings, stopping):
                    await _work(conn, owner, settings, clock, stopping)
                    await lease.release(conn, LEASE, owner)
        except Exception as error:
            db.pass_on_cancel()
            if not db.only_away(error):
                raise
            log.warning("database_away", error=describe_error(error))
            await wait_at_most(stopping, AWAY_PAUSE_S)


async def _wait_for_lease(
    conn: asyncpg.Connection, owner: uuid.UUID, settings: RelaySettings, stopping: asyncio.Event
) -> bool:
    """Stand by until the lease is ours; False when told to end before. Ready means waiting for it, or having it."""
    while not stopping.is_set():
        active = await lease.take(conn, LEASE, owner)
        if settings.ready_file is not None:
            settings.ready_file.touch()
        if active:
            return True
        await wait_at_most(stopping, STANDBY_S)
    return False


async def _work(
    conn: asyncpg.Connection, owner: uuid.UUID, settings: RelaySettings, clock: Clock, stopping: asyncio.Event
) -> None:
    log.info("lease_taken", owner=str(owner))
    async with AsyncExitStack() as stack:
        database = await Database.open(settings.database_url, owner)
        stack.callback(database.close)
        line = await stack.enter_async_context(Line(settings.relay_api_url, anywhere(), keep=CONNECTIONS))
        county = County(line, settings.relay_api_url, settings.relay_api_key.get_secret_value(), clock)
        uplink: Uplink
        commands: Commands

        def take(delivery: Delivery) -> None:
            if delivery.topic.endswith(Channel.COMMAND):
                commands.delivered(delivery)
            else:
                uplink.acknowledged(delivery)
                session.ack([delivery])

        session = Session(
            SessionConfig.from_url(
                settings.relay_mqtt,
                service_client_id(settings.state_dir, "relay"),
                setting="FIRETOWER_RELAY_MQTT_URL",
                filters=tuple(
                    subscription(channel, area)
                    for area in settings.relay_areas
                    for channel in (Channel.ACK, Channel.COMMAND)
                ),
                receive_maximum=RECEIVE_MAXIMUM,
            ),
            on_delivery=take,
            on_connected=lambda _present: uplink.reconnected(),
        )
        uplink = Uplink(database, settings.relay_areas, Outbox(session, clock), county, clock)
        commands = Commands(database, session, county, clock)
        acts = Acts(database, settings.relay_areas, county, clock)
        listener = await db.connect(settings.database_url, program="relay.listen")
        stack.callback(listener.terminate)
        await listener.add_listener("firetower_batch", lambda *_: uplink.hint())
        await listener.add_listener("firetower_alarm", lambda *_: acts.hint.set())
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(session.run(), name="mqtt"),
                *(tasks.create_task(uplink.run(lane), name=f"lane {lane.name}") for lane in Lane),
                tasks.create_task(uplink.ask(), name="ask"),
                tasks.create_task(uplink.tick(), name="tick"),
                tasks.create_task(commands.run(), name="commands"),
                tasks.create_task(commands.report(), name="replies"),
                tasks.create_task(acts.run(), name="acts"),
                tasks.create_task(report(database, county, session, settings.relay_areas, clock), name="report"),
                tasks.create_task(_keep(conn, owner, listener, clock), name="lease"),
            ]
            await stopping.wait()
            await session.stop()
            for task in running:
                task.cancel()


async def _keep(conn: asyncpg.Connection, owner: uuid.UUID, listener: asyncpg.Connection, clock: Clock) -> None:
    """Keep the lease, and notice a listening connection that died silently."""
    while True:
        async with conn.transaction():
            await lease.hold(conn, LEASE, owner)
        await listener.execute("select 1")
        await clock.sleep(RENEW_S)
