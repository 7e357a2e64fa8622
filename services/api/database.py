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

from services.core import db

READ_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 10.0
POOL_SIZE = 8
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
    """Run a statement; the driver keeps it prepared per connection. Rows are plain dicts, read by name many times."""
    sql, values = bound(statement, parameters)
    return [dict(row) for row in await connection.fetch(sql, *values)]


class Inside:
    """Reads what a transaction sees, its own changes included."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement on the transaction's connection."""
        return cast("Sequence[Row]", await _fetch(self._connection, statement, parameters))


class Database:
    """Reads go through `rows`, writes through `writing`."""

    def __init__(self, dsn: str, readers: asyncpg.Pool, writers: asyncpg.Pool) -> None:
        self.dsn = dsn
        self._readers, self._writers = readers, writers

    @classmethod
    async def open(cls, dsn: str, *, read_timeout_s: float = READ_TIMEOUT_S) -> Self:
        """Make the pools; connections follow when needed, so that the program starts without its database."""
        readers = await db.create_pool(
            dsn, program="api", size=POOL_SIZE, min_size=0, statement_timeout_s=read_timeout_s, reader=True
        )
        writers = await db.create_pool(
            dsn, program="api", size=POOL_SIZE, min_size=0, statement_timeout_s=WRITE_TIMEOUT_S, writer=True
        )
        return cls(dsn, readers, writers)

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement; text is bound by name."""
        async with self._readers.acquire(timeout=READ_TIMEOUT_S) as lent:
            connection = cast("asyncpg.Connection", lent)
            try:
                return cast("Sequence[Row]", await _fetch(connection, statement, parameters))
            except (TimeoutError, asyncio.CancelledError):
                connection.terminate()  # to have the server cancel would be waited for, and the server may be deaf
                raise

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction: committed at the end, rolled back on an exception."""
        async with self._writers.acquire(timeout=READ_TIMEOUT_S) as connection, connection.transaction():
            yield cast("asyncpg.Connection", connection)

    async def close(self) -> None:
        """Close both pools."""
        self._readers.terminate()
        self._writers.terminate()
