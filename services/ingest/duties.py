"""What ingest does beside moving messages: health rows, registry changes, commands, replays, retention.

main runs it. It has a connection of its own; a database that is away makes the duties wait, never the lanes. A duty
that fails for a reason of its own is set aside and tried again after a minute, and the others go on.
"""

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any

import asyncpg

from services.core import db
from services.core.aside import Asides, Unit, own_fault
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.mqtt import SessionClosed
from services.core.settings import IngestSettings
from services.core.text import describe_error
from services.ingest import commands, replay, retention, watch
from services.ingest.lane import Lane

log = logger(__name__)

PERIOD_S = 1.0
TOPIC = "firetower_topic"
CHANNELS = ("firetower_registry", "firetower_command", "firetower_replay", TOPIC)
REFRESH_PERIOD_S = 10.0
ASIDES_PERIOD_S = 2.0


class Duties:
    """The side work of one ingest process."""

    def __init__(self, settings: IngestSettings, lanes: dict[str, Lane], clock: Clock) -> None:
        self._settings = settings
        self._lanes = lanes
        self._clock = clock
        self._woken = asyncio.Event()
        self._refresh_due = 0.0
        self._retention_due = 0.0
        self._asides_due = 0.0
        self._replaying: dict[str, set[replay.Request]] = {}  # under way, by lane
        self._asides = Asides("ingest", clock)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                await self._work()
            except (SessionClosed, *db.AWAY) as error:
                db.pass_on_cancel()
                log.warning("duties_wait", error=describe_error(error))
                await self._clock.sleep(PERIOD_S)

    async def _work(self) -> None:
        connection = await db.connect(self._settings.database_url, program="ingest.duties", writer=True)
        try:
            for channel in CHANNELS:
                await connection.add_listener(channel, self._wake)
            self._refresh_due = 0.0
            while True:
                self._woken.clear()
                await self._round(connection)
                await wait_at_most(self._woken, PERIOD_S)
        finally:
            connection.terminate()

    def _wake(self, _connection: Any, _pid: int, channel: str, payload: object) -> None:
        if channel == TOPIC:
            self._lanes["telemetry"].writer.store.note_topic(str(payload))
            return
        if channel == "firetower_registry":
            self._refresh_due = 0.0
        self._woken.set()

    async def _round(self, connection: asyncpg.Connection) -> None:
        now = self._clock.monotonic()
        if now >= self._asides_due:
            self._asides_due = now + ASIDES_PERIOD_S
            await self._duty(connection, "set aside", self._try_again(connection))
        if now >= self._refresh_due:
            self._refresh_due = now + REFRESH_PERIOD_S
            for lane in self._lanes.values():
                await self._duty(connection, f"registry {lane.name}", lane.writer.store.devices.refresh(connection))
        for lane in self._lanes.values():
            if lane.active.is_set():
                await self._duty(connection, f"report {lane.name}", watch.report(connection, lane))
                await self._duty(connection, f"replay {lane.name}", self._replay(connection, lane))
        session = self._lanes["event"].session
        if session is not None and session.connected:
            sending = commands.send_queued(connection, session, self._settings.ingest_areas, self._asides)
            await self._duty(connection, "commands", sending)
            await self._duty(connection, "unanswered commands", commands.close_unanswered(connection))
        if now >= self._retention_due:
            self._retention_due = now + retention.PERIOD_S
            for task in retention.TASKS:
                work = retention.drop_old(connection, task, self._settings.retention_days)
                await self._duty(connection, f"retention {task}", work)

    async def _duty(self, connection: asyncpg.Connection, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do one duty; when it fails for a reason of its own, set it aside and leave it alone for a while."""
        if self._asides.waits("duty", name):
            work.close()
            return
        try:
            await work
        except SessionClosed:
            raise
        except Exception as error:
            if not own_fault(error):
                raise
            await self._asides.add(connection, Unit("duty", name), error)
        else:
            await self._asides.over(connection, "duty", name)

    async def _try_again(self, connection: asyncpg.Connection) -> None:
        """Take over what a person wants tried again: a message that could not be kept goes the way of a reject."""
        for row in await self._asides.refresh(connection):
            if row["kind"] == "message":
                kept = row["detail"]
                async with connection.transaction():
                    payload = base64.b64decode(kept["payload_base64"])
                    await connection.execute(
                        replay.QUERIES["request"], kept["topic"], payload, kept["received_us"], row["name"]
                    )
                    await self._asides.over(connection, row["kind"], row["name"])
            elif row["kind"] == "reply":  # its event is stored; duties and commands come up by themselves
                await self._asides.over(connection, row["kind"], row["name"])

    async def _replay(self, connection: asyncpg.Connection, lane: Lane) -> None:
        asked = await replay.find_requested(connection, events=lane.name == "event")
        fresh = asked - self._replaying.get(lane.name, set())
        if fresh:
            lane.inbox.put_again(await replay.fetch_messages(connection, [reject_id for reject_id, _ in fresh]))
        self._replaying[lane.name] = asked  # what is done, or asked for anew, is no longer among them
