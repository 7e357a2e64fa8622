"""The spool: messages beyond a lane's window as they came, written fast and decoded when there is time.

Called by relief, between two batches and on their connection. Promises that nothing is written without the lease, that
a block is never under two numbers, and that each sender's blocks keep their order over restarts and takeovers.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import asyncpg

from services.core.contracts import RECEIVED
from services.core.errors import Fenced
from services.core.statements import load_queries
from services.ingest.lines import Block
from services.ingest.moment import relayed_us
from services.ingest.turns import Kept, Marks, size_of

QUERIES = load_queries(__file__)
LOCK_TIMEOUT = "set local lock_timeout = '1s'"  # whoever holds the table: batches go on


class Spool:
    """The blocks of one writer; `bytes` of payload stand there."""

    def __init__(self, *, writer: str, lease: str, owner: str) -> None:
        self.bytes = 0
        self._writer = writer
        self.lease = lease
        self.owner = owner
        self._last = 0  # the highest number given
        self._sizes: dict[int, int] = {}
        self._unsure: list[int] = []  # written perhaps: the answer was lost

    def next_number(self) -> int:
        """Return the number of a new block."""
        self._last += 1
        return self._last

    async def begin(self, connection: asyncpg.Connection) -> list[tuple[int, str]]:
        """Return the numbers and senders of the blocks that an owner before us left, oldest first."""
        found = await self._find(connection, 0)
        self._last = max((number for number, _ in found), default=0)
        return found

    async def adopt(self, connection: asyncpg.Connection) -> list[tuple[int, str]]:
        """Take over the blocks of writers that nobody owns any more; return them as `begin` does."""
        async with connection.transaction():
            await self._hold(connection)
            tag = await connection.execute(QUERIES["adopt"], self._writer, self._last)
            found = await self._find(connection, self._last) if not tag.endswith(" 0") else []
        self._last = max((number for number, _ in found), default=self._last)
        return found

    async def put(self, connection: asyncpg.Connection, blocks: Sequence[Block]) -> None:
        """Write blocks, all or none; those of a try before this one that were put back are struck.

        Raises:
            Fenced: another process owns the lane.
        """
        numbers = [block.number for block in blocks]
        unsure, self._unsure = self._unsure, [*self._unsure, *numbers]
        rows = [self._row(block) for block in blocks]
        async with connection.transaction():
            await self._hold(connection)
            if unsure:
                await connection.execute(QUERIES["strike"], self._writer, unsure)
            await connection.executemany(QUERIES["put"], rows)
        self._note((row[1], row[-1]) for row in rows)
        self._unsure = []

    async def fetch(self, connection: asyncpg.Connection, numbers: Collection[int]) -> dict[int, list[Kept]]:
        """Return the messages of blocks by their number; a block that was struck is missing."""
        found: dict[int, list[Kept]] = {}
        for row in await connection.fetch(QUERIES["fetch"], self._writer, list(numbers)):
            columns = (row["topics"], row["payloads"], row["retained"], row["received_us"])
            marks = _marks(row["township_us"], len(row["topics"]))
            found[row["number"]] = [Kept(*message, row["number"]) for message in zip(*columns, marks, strict=True)]
        return found

    def forget(self, numbers: Collection[int]) -> None:
        """Note that blocks were struck, in the transaction that stored the last of them."""
        for number in numbers:
            self.bytes -= self._sizes.pop(number, 0)

    def _row(self, block: Block) -> tuple[Any, ...]:
        deliveries = [delivery for delivery, _ in block.messages]
        return (
            self._writer,
            block.number,
            block.sender,
            [one.topic for one in deliveries],
            [one.payload for one in deliveries],
            [one.retain for one in deliveries],
            [received_us for _, received_us in block.messages],
            _township_us(block),
            sum(map(size_of, deliveries)),
        )

    async def _hold(self, connection: asyncpg.Connection) -> None:
        await connection.execute(LOCK_TIMEOUT)
        if await connection.fetchrow(QUERIES["hold"], self.lease, self.owner) is None:
            raise Fenced(f"another process owns {self.lease}; this one must not write")

    async def _find(self, connection: asyncpg.Connection, after: int) -> list[tuple[int, str]]:
        rows = await connection.fetch(QUERIES["found"], self._writer, after)
        self._note((row["number"], row["bytes"]) for row in rows)
        return [(row["number"], row["sender"]) for row in rows]

    def _note(self, sizes: Iterable[tuple[int, int]]) -> None:
        for number, size in sizes:
            self._sizes[number] = size
            self.bytes += size


def _township_us(block: Block) -> list[int | None] | None:
    """Return when a township received each message, None where no relay brought one."""
    if not any(delivery.marks for delivery, _ in block.messages):
        return None
    return [relayed_us(delivery.marks, received_us) for delivery, received_us in block.messages]


def _marks(township_us: Sequence[int | None] | None, count: int) -> list[Marks]:
    """Return the user properties that ingest reads, as the messages brought them."""
    return [() if at is None else ((RECEIVED, str(at)),) for at in township_us or [None] * count]
