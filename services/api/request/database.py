"""The API's two ways to the database: Core statements for reads, transactions for writes; both over asyncpg.

Opened by main. Promises bounded waits, and that nothing is connected before the first request needs it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Protocol, Self, cast

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement, Executable
from sqlalchemy.sql.compiler import Compiled

from services.api.request.roles import Who
from services.api.request.turns import ROOM, Room, heavy_room_of
from services.core import db

READ_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 10.0
# The desk has pools of its own, so that nobody else's requests, however many, leave a verdict or an officer's chart
# without a connection. Reads of up to a million rows have few, so that the server's cores are left for the others.
POOL_SIZES = {Room.DESK: 6, Room.OTHERS: 6}
HEAVY_SIZES = {Room.DESK: 3, Room.OTHERS: 2}
DOOR_SIZE = 3  # used before every request to find out who sent it
HEAVY_WAIT_S = 10.0
_DIALECT: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
Row = Mapping[str, Any]


class Reads(Protocol):
    """Runs reading statements: the pool outside a transaction, or the transaction of a write."""

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement; text is bound by name."""
        ...


async def first(reads: Reads, statement: Executable | str, **parameters: object) -> Row | None:
    """Return the first row, or None."""
    rows = await reads.rows(statement, **parameters)
    return rows[0] if rows else None


def _compile(statement: Executable) -> Compiled:
    if not isinstance(statement, ClauseElement):
        raise TypeError("only Core statements and text can be read")
    return statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})


@lru_cache(maxsize=500)
def _compile_text(statement: str) -> Compiled:
    return _compile(text(statement))


def bound(statement: Executable | str, parameters: Mapping[str, object]) -> tuple[str, list[object]]:
    """Return the SQL of a statement and its values in their places."""
    compiled = _compile_text(statement) if isinstance(statement, str) else _compile(statement)
    values = compiled.construct_params(parameters) or {}
    names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
    return str(compiled), [values[name] for name in names]


async def _fetch(connection: asyncpg.Connection, statement: Executable | str, parameters: Mapping[str, object]) -> Any:
    """Run a statement; the driver keeps it prepared per connection."""
    sql, values = bound(statement, parameters)
    return await connection.fetch(sql, *values)


def _plain(records: Sequence[asyncpg.Record]) -> Sequence[Row]:
    """Return rows as plain dicts: read by name many times, these are cheaper."""
    return [dict(record) for record in records]


class Inside:
    """Reads what a transaction sees, its own changes included."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement on the transaction's connection."""
        return _plain(await _fetch(self._connection, statement, parameters))


class Readers:
    """Reads over one pool."""

    def __init__(self, pool: asyncpg.Pool, wait_s: float = READ_TIMEOUT_S) -> None:
        self.pool = pool
        self._wait_s = wait_s

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement; text is bound by name."""
        return _plain(await self.records(statement, **parameters))

    async def records(self, statement: Executable | str, **parameters: object) -> Sequence[asyncpg.Record]:
        """Run a reading statement; rows are as the driver holds them, which is cheaper where each is read once."""
        async with self.pool.acquire(timeout=self._wait_s) as lent:
            connection = cast("asyncpg.Connection", lent)
            try:
                return cast("Sequence[asyncpg.Record]", await _fetch(connection, statement, parameters))
            except (TimeoutError, asyncio.CancelledError):
                connection.terminate()  # asking the server to cancel would have to be waited for, and it may not answer
                raise


class Database:
    """Reads go through `rows`, writes through `writing`, each in the room of who asks.

    `door` is for finding out who asks, `heavy_for` for what may read very many rows.
    """

    def __init__(
        self, dsn: str, readers: Mapping[Room, Readers], writers: Mapping[Room, asyncpg.Pool], *, door: Readers,
        heavy: Mapping[Room, Readers],
    ) -> None:  # fmt: skip
        self.dsn = dsn
        self.door = door
        self._readers, self._writers, self._heavy = readers, writers, heavy

    @classmethod
    async def open(cls, dsn: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> Self:
        """Make the pools; connections follow when needed, so that the program starts without its database."""

        async def reading(size: int) -> asyncpg.Pool:
            return await db.create_pool(
                dsn, program="api", size=size, min_size=0, statement_timeout_s=read_timeout_s, reader=True
            )

        async def writing(size: int) -> asyncpg.Pool:
            return await db.create_pool(
                dsn, program="api", size=size, min_size=0, statement_timeout_s=WRITE_TIMEOUT_S, writer=True
            )

        return cls(
            dsn,
            {room: Readers(await reading(size)) for room, size in POOL_SIZES.items()},
            {room: await writing(size) for room, size in POOL_SIZES.items()},
            door=Readers(await reading(DOOR_SIZE)),
            heavy={room: Readers(await reading(size), HEAVY_WAIT_S) for room, size in HEAVY_SIZES.items()},
        )

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement; text is bound by name."""
        return await self._readers[ROOM.get()].rows(statement, **parameters)

    async def records(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement of many rows, each of which is read once; text is bound by name."""
        return cast("Sequence[Row]", await self._readers[ROOM.get()].records(statement, **parameters))

    def heavy_for(self, who: Who) -> Readers:
        """Return what reads very many rows for this caller."""
        return self._heavy[heavy_room_of(who)]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction: committed at the end, rolled back on an exception."""
        async with (
            self._writers[ROOM.get()].acquire(timeout=READ_TIMEOUT_S) as connection,
            connection.transaction(),
        ):
            yield cast("asyncpg.Connection", connection)

    async def close(self) -> None:
        """Close every pool."""
        for readers in (*self._readers.values(), self.door, *self._heavy.values()):
            readers.pool.terminate()
        for pool in self._writers.values():
            pool.terminate()
