"""The log of this system to the county: each lane reads, sends, and moves its cursor behind what is carried.

Started by main while the lease is ours. Promises that a cursor moves only after the county's word, in a transaction
that proves the lease, so that any kill leaves at worst what is sent twice.
"""

import asyncio
import hashlib
from collections.abc import Hashable, Sequence
from datetime import timedelta

from pydantic import ValidationError

from services.core.clock import Clock, wait_at_most
from services.core.contracts import Ack
from services.core.feed import Batch, Feed
from services.core.log import logger
from services.core.mqtt import Delivery
from services.core.topics import Channel, parse_topic
from services.relay.aside import Aside
from services.relay.carrier import Carrier, Sending
from services.relay.county import County
from services.relay.database import Database
from services.relay.lanes import LIMITS, Lane
from services.relay.outbox import Outbox
from services.relay.packing import Row
from services.relay.reduced import reduced
from services.relay.rows import read_rows

log = logger(__name__)

POLL_S = 0.25  # the fallback; a notification of ingest wakes us at once
WRITERS_EVERY_S = 5.0
BATCHES_AT_ONCE = 200
ASK_FIRST_S, ASK_CAP_S = 0.05, 1.0  # after what the broker took; while nothing new is stored the pauses grow
ASK_ROWS = 2_000
SAVE_EVERY_S = 0.2
LIVE = timedelta(seconds=3)
LIVE_BATCHES, LIVE_OF_A_DEVICE = 50, 5
LEAST_BYTES = 1024  # a broker that takes no more takes no row: its setting is at fault, and the rows wait
LIVE_BEHIND = 200  # fires under way; with fewer, one more is there as soon


class Uplink:
    """Everything on its way up. `hint` is called when ingest committed."""

    def __init__(self, database: Database, areas: Sequence[str], outbox: Outbox, county: County, clock: Clock) -> None:
        self._database, self._areas, self._clock = database, areas, clock
        self._outbox, self._county = outbox, county
        self.carrier = Carrier(clock, outbox.post)
        outbox.handed_over = self.carrier.handed_over
        outbox.has_grown_old = self.carrier.has_grown_old
        outbox.at_broker = self._at_broker
        outbox.too_large = self._too_large
        self.aside = Aside(database, clock)
        self.aside.carried, self.aside.again = self._carried_aside, self.carrier.again
        self._hints = {lane: asyncio.Event() for lane in Lane}
        self._ask = asyncio.Event()
        self._parked: list[Sending] = []  # until a connection whose broker takes more

    def hint(self) -> None:
        """Look into the log now."""
        for one in self._hints.values():
            one.set()

    def _at_broker(self, sending: Sending) -> None:
        sending.at_broker = True
        if sending.lane is Lane.READINGS:
            self._ask.set()

    def _too_large(self, sending: Sending) -> None:
        """Send it in smaller parts, or smaller; what has no such form is set aside."""
        message, most_bytes = sending.message, self._outbox.most_bytes
        if most_bytes < LEAST_BYTES:
            if not self._parked:
                log.error("nothing_fits", most_bytes=most_bytes)
            self._parked.append(sending)
            return
        if len(message.rows) > 1:
            self.carrier.split(sending)
            return
        payload = reduced(message.rows[0], most_bytes)
        log.error("too_large", topic=message.topic, bytes=len(message.payload), reduced=payload is not None)
        if payload is None:
            self.aside.take(sending, most_bytes)
            return
        sending.message = message._replace(payload=payload)
        self._outbox.post(sending)

    def _carried_aside(self, key: Hashable) -> None:
        self.carrier.carried(key)
        self.hint()

    def acknowledged(self, delivery: Delivery) -> None:
        """Take what came on `down/ack`: these events are stored at the county, or kept there as rejects."""
        topic = parse_topic(delivery.topic)
        if topic is None or topic.channel is not Channel.ACK:
            return
        try:
            ack = Ack.model_validate_json(delivery.payload)
        except ValidationError:
            log.warning("ack_unreadable", topic=delivery.topic)
            return
        for event_id in ack.event_ids:
            self.carrier.carried((topic.device, event_id))
            self.aside.note_carried((topic.device, event_id))
        self._hints[Lane.FIRES].set()
        self._hints[Lane.EVENTS].set()

    def reconnected(self) -> None:
        """Go on where the lost connection was."""
        self.carrier.reconnected()
        parked, self._parked = self._parked, []
        for sending in parked:
            self._outbox.post(sending)
        self._outbox.pump()

    async def run(self, lane: Lane) -> None:
        """Carry one lane without end.

        Raises:
            Fenced: another relay has taken over.
        """
        feed = Feed("telemetry" if lane is Lane.READINGS else "event", LIMITS[lane].mark)
        looked_at = -WRITERS_EVERY_S
        unsaved: list[Batch] = []
        saved_at = self._clock.monotonic()
        while True:
            self._hints[lane].clear()
            if not feed.writers or self._clock.monotonic() - looked_at >= WRITERS_EVERY_S:
                await self._find_writers(feed)
                looked_at = self._clock.monotonic()
            more = await self._read_on(lane, feed)
            if lane is Lane.FIRES and (more or self.carrier.open_rows(lane) >= LIVE_BEHIND):
                await self._send_live(feed)
            unsaved += self.carrier.finished(lane)
            if unsaved and (not more or self._clock.monotonic() - saved_at >= SAVE_EVERY_S):
                async with self._database.writing() as conn:
                    await feed.save(conn, unsaved)
                unsaved, saved_at = [], self._clock.monotonic()
            if not more:
                await wait_at_most(self._hints[lane], POLL_S)

    async def _find_writers(self, feed: Feed) -> None:
        """Find new writers, and have their logs kept. A new system's first fire is the first row of its writer."""
        before = len(feed.writers)
        async with self._database.reads.acquire() as conn:
            await feed.find_writers(conn)
        if len(feed.writers) > before:
            async with self._database.writing() as conn:
                await feed.begin(conn)

    async def _read_on(self, lane: Lane, feed: Feed) -> bool:
        """Read the next batches of the log and send what goes up; whether there were any, and room for more."""
        limits = LIMITS[lane]
        if self.carrier.open_rows(lane) >= limits.most_open:
            return False
        async with self._database.reads.acquire() as conn:
            batches = await feed.next_batches(conn, BATCHES_AT_ONCE, limits.rows_at_once)
            rows = await read_rows(conn, lane, batches, self._areas, self._clock.now())
        feed.moved(batches)
        self.carrier.add(lane, batches, rows)
        return bool(batches)

    async def _send_live(self, feed: Feed) -> None:
        """Send the fires of this moment ahead of those that waited for the line; some of each device."""
        async with self._database.reads.acquire() as conn:
            now = self._clock.now()
            batches = await feed.newest_batches(conn, LIVE_BATCHES, now - LIVE)
            rows = await read_rows(conn, Lane.FIRES, batches, self._areas, now)
        taken: dict[str, int] = {}
        live: list[Row] = []
        for row in reversed(rows):
            taken[row.topic] = taken.get(row.topic, 0) + 1
            if taken[row.topic] <= LIVE_OF_A_DEVICE:
                live.append(row)
        self.carrier.send_ahead(Lane.FIRES, reversed(live))

    async def tick(self) -> None:
        """Send again what is due, every second."""
        while True:
            self.carrier.tick()
            self._outbox.pump()
            await self._clock.sleep(1.0)

    async def ask(self) -> None:
        """Ask the county, again and again, which of the readings that its broker took are in its tables."""
        pause_s = ASK_FIRST_S
        while True:
            waiting = self.carrier.asked(ASK_ROWS)
            if not waiting:
                self._ask.clear()
                await self._ask.wait()
                await self._clock.sleep(ASK_FIRST_S)  # the commit follows the broker's word by some milliseconds
                continue
            rows = [(row, _digest(row, sending)) for row, sending in waiting]
            answer = await self._county.ask_readings(rows)
            if answer is None:
                await self._clock.sleep(ASK_CAP_S)
                continue
            for row in answer.stored:
                self.carrier.carried(row.key)
                self.aside.note_carried(row.key)
            for row in answer.refused:
                log.error("reading_refused", key=row.key, cure="the county lists it under rejects, with the reason")
                self.carrier.carried(row.key)
                self.aside.note_carried(row.key)
            news = answer.stored or answer.refused
            if news:
                self._hints[Lane.READINGS].set()
            pause_s = ASK_FIRST_S if news else min(ASK_CAP_S, pause_s * 2)
            await self._clock.sleep(pause_s)


def _digest(row: Row, sending: Sending) -> str:
    """Return by what a reject of the row is recognised; empty where it was sent with others."""
    message = sending.message
    return hashlib.sha256(message.payload).hexdigest() if message.rows == [row] else ""
