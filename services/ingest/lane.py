"""One lane: its lease, its MQTT session, its batches. main runs two of them, `event` and `telemetry`.

A message is acknowledged after the commit that holds it, never before; a database that is away stops the acks,
not the network. What the lane acknowledges is safe; what it has not acknowledged the broker sends again.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence

from services.core import db, metrics
from services.core.clock import Clock
from services.core.errors import BadSetting
from services.core.log import logger
from services.core.moment import to_us
from services.core.mqtt import Delivery, OutgoingFull, Session, SessionConfig
from services.core.settings import IngestSettings
from services.core.text import describe_error
from services.core.topics import Channel, subscription
from services.ingest import lease
from services.ingest.acks import ack_payloads, most_bytes
from services.ingest.copies import StoredCopies
from services.ingest.decode import Message
from services.ingest.inbox import Batch, Inbox
from services.ingest.lane_limits import LIMITS
from services.ingest.relief import Relief
from services.ingest.reserve import PERIOD_S as RESERVE_PERIOD_S
from services.ingest.reserve import is_spent
from services.ingest.spool import Spool
from services.ingest.store import Rest, Store
from services.ingest.writer import Writer, is_worth_waiting, setting_at_fault

log = logger(__name__)

HEARTBEAT_S = 1.0  # without a probe of ours for longer, the connection from the broker may be broken
PROBES_WAIT = 1000  # while so many answers to devices wait for the broker, no probe is added to them
DROPPED_TOPIC = "$SYS/broker/publish/messages/dropped"
CONNECTIONS_TOPIC = "$SYS/broker/clients/connected"
_EVENT = f"/{Channel.EVENT}"
_LEVELS_OF_DEVICE = subscription("").count("/")  # of a topic, before its channel
_EVENT_SLASHES = subscription(Channel.EVENT).count("/")


class Lane:
    """Broker to rows for one kind of message, of the areas in `settings`."""

    def __init__(self, name: str, settings: IngestSettings, owner: str, clock: Clock) -> None:
        self.name = name
        self.limits = LIMITS[name]
        self.areas = settings.ingest_areas
        self.partition = partition_name(self.areas)
        self.writer_name = f"{self.partition}/{name}"
        self.lease_name = f"ingest:{self.writer_name}"
        self.owner = owner
        self.connects: list[bool] = []  # session_present of connections not yet reported to the database
        self.dropped_raw: int | None = None
        self.connections: int | None = None  # at the broker now, of everybody
        self.max_connections = settings.mqtt_max_connections
        spoken_to = SessionConfig.from_url(settings.mqtt, self.writer_name)
        self.broker = f"{spoken_to.host}:{spoken_to.port}"  # whose counters these are
        self.active = asyncio.Event()
        self.session: Session | None = None
        self._settings = settings
        self._clock = clock
        self._stopping = asyncio.Event()
        store = Store(writer=self.writer_name, lane=name, lease=self.lease_name, owner=owner)
        self.writer = Writer(settings.database_url, store, clock)
        self.probe_topic = f"firetower/ingest/{self.partition}/{name}/probe"
        self.inbox = Inbox(name, self.limits, self.probe_topic, clock)
        spool = Spool(writer=self.writer_name, lease=self.lease_name, owner=owner)
        self._relief = Relief(self.inbox, self.writer, spool, self.limits, clock)
        self._copies = StoredCopies(self.probe_topic)
        self._leaves_events = name == "telemetry"  # it hears every channel, and events are the other lane's
        self._underway: Batch | None = None

    async def run(self) -> None:
        """Stand by until the lane is ours, then move messages until `stop()`.

        Raises:
            Fenced: another process took the lane.
        """
        token = await self._take_lease()
        if token is None:
            return
        self.session = session = Session(
            self._session_config(token), on_deliveries=self._receive, on_connected=self._connected, on_lost=self._lost
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(session.run(), name=f"{self.name} session")
            decoding = group.create_task(self.inbox.decode_forever(), name=f"{self.name} decode")
            probing = group.create_task(self._probe(session), name=f"{self.name} probe")
            group.create_task(self._write(session, decoding, probing), name=f"{self.name} write")

    def stop(self) -> None:
        """Finish the batches at hand, acknowledge them, say goodbye, and store what the broker no longer has."""
        self._stopping.set()
        self.inbox.close()

    @property
    def oldest_unacked_s(self) -> float:
        """Age of the oldest message not yet committed."""
        oldest_us = self._underway.first_received_us if self._underway is not None else self.inbox.oldest_us
        return 0.0 if oldest_us is None else max(0.0, (self._now_us() - oldest_us) / 1e6)

    def _now_us(self) -> int:
        return to_us(self._clock.now())

    async def _take_lease(self) -> str | None:
        told = False
        while not self._stopping.is_set():
            try:
                connection = await self.writer.connection()
                token = await lease.take(connection, self.lease_name, self.owner)
                if token is not None:
                    await self.writer.store.begin(connection)
                    await self._relief.begin(connection)
                    log.info("lane_taken", writer=self.writer_name, number=self.writer.store.number)
                    return token
            except db.AWAY as error:
                db.pass_on_cancel()
                if (cause := setting_at_fault(error)) is not None:
                    raise BadSetting(cause) from error
                if not is_worth_waiting(error, closed=True):
                    raise
                log.warning("database_away", writer=self.writer_name, error=describe_error(error))
                self.writer.drop()
            if not told:
                log.info("standing_by", writer=self.writer_name)
                told = True
            await self._clock.sleep(lease.RETRY_S)
        return None

    def _session_config(self, token: str) -> SessionConfig:
        filters = [subscription(self.limits.channel, area) for area in self.areas or ("+",)]
        return SessionConfig.from_url(
            self._settings.mqtt,
            f"firetower.ingest.{self.partition}.{self.name}.{token}",
            filters=(*filters, self.probe_topic),
            optional_filters=(DROPPED_TOPIC, CONNECTIONS_TOPIC) if self.name == "telemetry" else (),
            receive_maximum=self.limits.receive_maximum,
            read_pause_s=self.limits.read_pause_s,
            retain_as_published=True,
        )

    # --- the session's side: never blocks ---

    def _connected(self, session_present: bool) -> None:
        self.inbox.begin(self.session.generation if self.session is not None else 0)
        self.connects.append(session_present)
        metrics.CONNECTED.labels(self.name).set(1)
        self.active.set()
        if self.session is not None:
            self._send_probe(self.session)

    def _lost(self) -> None:
        metrics.CONNECTED.labels(self.name).set(0)

    def _receive(self, deliveries: Sequence[Delivery]) -> None:
        """Put what one read of the socket brought into the inbox; what the broker tells of itself is only noted."""
        session_present = self.session is not None and self.session.session_present
        ours: list[Delivery] = []
        others: list[Delivery] = []
        for delivery in deliveries:
            if delivery.topic[:1] == "$" or (self._leaves_events and _is_heard_as_event(delivery.topic)):
                others.append(delivery)
                continue
            if delivery.retain or delivery.topic == self.probe_topic:
                self._copies.tell(delivery, session_present=session_present)
            ours.append(delivery)
        if others:
            self._note_broker(others)
            self._ack(others)
        self.inbox.put(ours)

    def _note_broker(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.payload.isdigit() and delivery.topic == DROPPED_TOPIC:
                self.dropped_raw = int(delivery.payload)
            elif delivery.payload.isdigit() and delivery.topic == CONNECTIONS_TOPIC:
                self.connections = int(delivery.payload)

    def _ack(self, deliveries: list[Delivery]) -> None:
        if self.session is not None:
            stale = self.session.ack(deliveries)
            metrics.STALE_ACKS.labels(self.name).inc(stale)

    # --- batches -> rows -> acks ---

    async def _write(self, session: Session, decoding: asyncio.Task[None], probing: asyncio.Task[None]) -> None:
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    batch = await self.inbox.take()
            except TimeoutError:  # not even our own probe came back: a standby may hear better, so nothing is prolonged
                await self.writer.check_owner()
                continue
            if batch is None:
                break
            await self._commit(session, batch)
            if spooled := await self._relief.work():
                self._ack(spooled)
                self.inbox.settle_spooled(spooled)
        await decoding
        probing.cancel()
        await session.stop()
        for batch in self.inbox.rest():
            await self._commit(session, batch)
        await lease.release(await self.writer.connection(), self.lease_name, self.owner)
        await self.writer.close()

    async def _commit(self, session: Session, batch: Batch) -> None:
        started = self._clock.monotonic()
        self._underway = batch
        if self.name == "telemetry":
            await self._leave_the_rest_to_fires()
        for written in await self.writer.commit(batch.messages, Rest(batch.watermark_us, batch.finished)):
            metrics.ROWS_STORED.labels(self.name).inc(written.stored)
            metrics.DUPLICATES.labels(self.name).inc(written.duplicates)
            for code, count in written.rejects.items():
                metrics.REJECTS.labels(code).inc(count)
            log.debug("batch_committed", writer=self.writer_name, batch_id=written.batch_id, stored=written.stored)
        for message in batch.messages:
            for mark in message.mended:
                metrics.MENDED.labels(mark).inc()
            if message.ack_ids:
                self._tell_device(session, message)
        self._ack(batch.deliveries)
        self.inbox.settle(batch.deliveries)
        self._relief.finished(batch.finished)
        metrics.BATCH_SECONDS.labels(self.name).observe(self._clock.monotonic() - started)
        metrics.RECEIVE_TO_COMMIT.labels(self.name).observe(self.oldest_unacked_s)
        self._underway = None

    async def _leave_the_rest_to_fires(self) -> None:
        """Wait while the disk is nearly full; the lane stays ours, and the watermark of silence stands still."""
        told = False
        while is_spent(self._settings.reserve_file) and not self._stopping.is_set():
            if not told:
                log.warning("readings_wait_for_room", writer=self.writer_name, cure="make room on the disk")
                told = True
            await self.writer.commit([])
            await self._clock.sleep(RESERVE_PERIOD_S)

    def _tell_device(self, session: Session, message: Message) -> None:
        """Name the stored events to the device whose topic they came on, so that it may forget them (contract 3)."""
        base = "/".join(message.raw_topic.split("/")[:_LEVELS_OF_DEVICE]) + "/"
        try:
            for payload in ack_payloads(message.ack_ids, most_bytes(session.largest_packet)):
                session.submit(base + Channel.ACK, payload)
        except (OutgoingFull, ValueError) as error:
            log.warning(
                "event_ack_not_sent", topic=message.raw_topic, error=describe_error(error)
            )  # the device asks again

    # --- probes ---

    async def _probe(self, session: Session) -> None:
        """Send ourselves a message every second: what comes back shows that silence would be heard."""
        while True:
            self._send_probe(session)
            await self._clock.sleep(1.0)

    def _send_probe(self, session: Session) -> None:
        if session.connected and session.outgoing < PROBES_WAIT:
            session.submit(self.probe_topic, str(self._now_us()).encode())


def _is_heard_as_event(topic: str) -> bool:
    """Return whether the event lane's filter takes `topic`: one with further levels before its end is nobody's."""
    return topic.endswith(_EVENT) and topic.count("/") == _EVENT_SLASHES


def partition_name(areas: tuple[str, ...]) -> str:
    """Return the name of a partition: its exact area codes, or `all` for the catch-all."""
    if not areas:
        return "all"
    codes = sorted(set(areas))
    return "-".join(codes) if len(codes) <= 4 else f"{codes[0]}-{len(codes)}-{_short_hash(codes)}"


def _short_hash(codes: list[str]) -> str:
    return hashlib.sha256(",".join(codes).encode()).hexdigest()[:12]
