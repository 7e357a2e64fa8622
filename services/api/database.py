"""The API's two ways to the database: Core statements for reads, asyncpg transactions for writes.

Opened by main. Promises bounded waits, and that nothing is connected before the first request needs it.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self, cast

import asyncpg
import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.sql import ClauseElement, Executable

from services.core import db
from services.core.migrate import sqlalchemy_url

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


class Inside:
    """Reads what a transaction sees, its own changes included."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement on the transaction's connection."""
        executable = _executable(statement)
        if not isinstance(executable, ClauseElement):
            raise TypeError("only Core statements and text can be read")
        compiled = executable.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        values = compiled.construct_params(parameters) or {}
        names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        rows = await self._connection.fetch(str(compiled), *[values[name] for name in names])
        return cast("Sequence[Row]", rows)


class Database:
    """Reads go through `rows` and `row`, writes through `writing`."""

    def __init__(self, dsn: str, engine: AsyncEngine, pool: asyncpg.Pool) -> None:
        self.dsn = dsn
        self._engine = engine
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Make the pools; connections follow when needed, so that the program starts without its database."""
        engine = create_async_engine(
            sqlalchemy_url(dsn),
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=READ_TIMEOUT_S,
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": READ_TIMEOUT_S,
                "command_timeout": READ_TIMEOUT_S + 1,
                "server_settings": {
                    "application_name": "firetower.api",
                    "timezone": "UTC",
                    "jit": "off",
                    "statement_timeout": str(int(READ_TIMEOUT_S * 1000)),
                    "default_transaction_read_only": "on",
                },
            },
        )
        pool = await db.create_pool(
            dsn, program="api", size=POOL_SIZE, min_size=0, statement_timeout_s=WRITE_TIMEOUT_S, writer=True
        )
        return cls(dsn, engine, pool)

    async def rows(self, statement: Executable | str, **parameters: object) -> Sequence[Row]:
        """Run a reading statement; text is bound by name."""
        async with self._engine.connect() as connection:
            result = await connection.execute(_executable(statement), parameters)
            names = list(result.keys())
            # plain dicts: a page of 1000 devices reads 30 000 cells by name
            return [dict(zip(names, row, strict=True)) for row in result.all()]

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection inside a transaction: committed at the end, rolled back on an exception."""
        async with self._pool.acquire(timeout=READ_TIMEOUT_S) as connection, connection.transaction():
            yield cast("asyncpg.Connection", connection)

    async def close(self) -> None:
        """Close both pools."""
        await self._engine.dispose()
        self._pool.terminate()


def _executable(statement: Executable | str) -> Executable:
    return text(statement) if isinstance(statement, str) else statement
