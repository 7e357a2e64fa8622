"""The relay's two ways to the township's database: reading, and writing while the lease is ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import asyncpg

from services.core import db, lease

LEASE = "relay"


@dataclass(frozen=True, slots=True)
class Database:
    """Pools of one start of the program. `reads` looks only into the chunks that hold what it asks for."""

    owner: UUID
    reads: asyncpg.Pool
    writes: asyncpg.Pool

    @classmethod
    async def open(cls, dsn: str, owner: UUID) -> "Database":
        """Open both."""
        reads = await db.create_pool(dsn, program="relay", size=4, reader=True)
        return cls(owner, reads, await db.create_pool(dsn, program="relay", size=3, writer=True))

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction that has proved the lease.

        Raises:
            Fenced: another relay has taken over.
        """
        async with self.writes.acquire() as lent, lent.transaction():
            conn = cast("asyncpg.Connection", lent)
            await lease.hold(conn, LEASE, self.owner)
            yield conn

    def close(self) -> None:
        """End all connections."""
        self.reads.terminate()
        self.writes.terminate()
