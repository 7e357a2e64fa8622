"""What is beyond a lane's window goes into the spool and comes back in turn: so the broker's queue stays short.

The lane calls `work` between two batches. Promises that a spool which fails holds up no batch: what could not be
written waits where it was, unacknowledged.
"""

import asyncpg

from services.core import db, metrics
from services.core.aside import Unit, own_fault, write_aside
from services.core.clock import Clock
from services.core.log import logger
from services.core.mqtt import Delivery
from services.core.text import describe_error
from services.ingest.inbox import Inbox
from services.ingest.lane_limits import LaneLimits
from services.ingest.lines import Block
from services.ingest.spool import Spool
from services.ingest.turns import Kept
from services.ingest.writer import Writer

log = logger(__name__)

MOST_BYTES = 2**30  # in the spool, as in the broker's queue of a session: beyond it the broker holds the rest
FETCHED_AT_ONCE = 16  # blocks
AGAIN_S = 1.0  # after a spool that could not be written
ADOPT_S = 60.0  # how often we look for blocks that nobody owns


class Relief:
    """Between one lane's lines and its spool."""

    def __init__(self, inbox: Inbox, writer: Writer, spool: Spool, limits: LaneLimits, clock: Clock) -> None:
        self._inbox = inbox
        self._writer = writer
        self._spool = spool
        self._limits = limits
        self._clock = clock
        self._not_before_s = self._adopt_at_s = 0.0

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Go on with what an owner before us left."""
        if self._limits.spool_messages:
            self._add(await self._spool.begin(connection))

    async def work(self) -> list[Delivery]:
        """Move what has to be moved; return what is in the spool now and can be acknowledged."""
        spooled: list[Delivery] = []
        if not self._limits.spool_messages:
            return spooled
        try:
            await self._adopt()
            spooled = await self._put()
            await self._fetch()
        except db.AWAY as error:
            db.pass_on_cancel()
            if not own_fault(error):
                self._writer.drop()
            log.warning("spool_not_reached", error=describe_error(error))
            self._not_before_s = self._clock.monotonic() + AGAIN_S
        return spooled

    def finished(self, numbers: list[int]) -> None:
        """Forget blocks whose last message was stored: their rows went with it."""
        self._spool.forget(numbers)
        if numbers:
            metrics.SPOOL_BYTES.set(self._spool.bytes)

    async def _put(self) -> list[Delivery]:
        limits, lines = self._limits, self._inbox.lines
        if lines.unread_messages <= limits.spool_messages and lines.unread_bytes <= limits.spool_bytes:
            return []
        if self._spool.bytes >= MOST_BYTES or self._clock.monotonic() < self._not_before_s:
            return []
        blocks = lines.overflow(limits.spool_messages // 2, limits.spool_bytes // 2, self._spool.next_number)
        try:
            await self._spool.put(await self._writer.connection(), blocks)
        except BaseException:
            self._put_back(blocks)
            raise
        deliveries = [delivery for block in blocks for delivery, _ in block.messages]
        metrics.SPOOLED.inc(len(deliveries))
        metrics.SPOOL_BYTES.set(self._spool.bytes)
        return deliveries

    def _put_back(self, blocks: list[Block]) -> None:
        for block in reversed(blocks):
            self._inbox.restore(block)

    async def _fetch(self) -> None:
        wanted = self._inbox.lines.wanted(FETCHED_AT_ONCE)
        if not wanted:
            return
        connection = await self._writer.connection()
        try:
            found = await self._spool.fetch(connection, wanted)
        except (asyncpg.PostgresError, ValueError) as error:
            if not own_fault(error):
                raise
            found = {}
            for number in wanted:
                found |= await self._fetch_one(connection, number)
        for number, sender in wanted.items():
            self._inbox.lines.fetched(sender, number, found.get(number, ()))
        self._inbox.look_at_lines()

    async def _fetch_one(self, connection: asyncpg.Connection, number: int) -> dict[int, list[Kept]]:
        """Fetch a block that may be unreadable: then it stays in its table, and people are told."""
        try:
            return await self._spool.fetch(connection, [number])
        except (asyncpg.PostgresError, ValueError) as error:
            if not own_fault(error):
                raise
            unit = Unit("spool", f"{self._writer.store.writer} {number}", fire=True)
            await write_aside(connection, "ingest", unit, error, self._clock.now())
            return {}

    async def _adopt(self) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._adopt_at_s:
            return
        self._adopt_at_s = now_s + ADOPT_S
        self._add(await self._spool.adopt(await self._writer.connection()))

    def _add(self, found: list[tuple[int, str]]) -> None:
        for number, sender in found:
            self._inbox.lines.add_spooled(sender, number)
        if found:
            log.info("spool_taken_over", writer=self._writer.store.writer, blocks=len(found))
            metrics.SPOOL_BYTES.set(self._spool.bytes)
