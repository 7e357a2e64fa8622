"""`firetower relay`: joins a township's system to the county's (contract 10).

Started by `up` when FIRETOWER_RELAY_MQTT_URL is set, or by hand. Promises one active relay and hot standbys, that
nothing committed is lost or doubled whatever is killed, and that it waits for whatever is away.
"""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from uuid import UUID

import asyncpg

from services.core import db, lease, program, tenure
from services.core.clock import Clock, SystemClock
from services.core.line import Line
from services.core.mqtt import Delivery, Session, SessionConfig, service_client_id
from services.core.outbound import anywhere
from services.core.settings import RelaySettings
from services.core.topics import Channel, subscription
from services.relay.acts import Acts
from services.relay.commands import Commands
from services.relay.county import County
from services.relay.database import LEASE, Database
from services.relay.lanes import Lane
from services.relay.outbox import Outbox
from services.relay.reports import report
from services.relay.uplink import Uplink

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

    async def work(conn: asyncpg.Connection, owner: UUID) -> None:
        await _work(conn, owner, settings, clock, stopping)

    await tenure.serve(LEASE, settings, work, stopping)


async def _work(
    conn: asyncpg.Connection, owner: UUID, settings: RelaySettings, clock: Clock, stopping: asyncio.Event
) -> None:
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
        acts = Acts(database, county, clock)
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
                tasks.create_task(uplink.aside.run(), name="aside"),
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


async def _keep(conn: asyncpg.Connection, owner: UUID, listener: asyncpg.Connection, clock: Clock) -> None:
    """Keep the lease, and notice a listening connection that died silently."""
    while True:
        async with conn.transaction():
            await lease.hold(conn, LEASE, owner)
        await listener.execute("select 1")
        await clock.sleep(RENEW_S)
