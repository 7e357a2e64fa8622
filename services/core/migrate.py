"""`firetower migrate`: bring the database to the newest revision. Safe to run from many programs at once."""

import asyncio
from functools import partial
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from services.core import db
from services.core.primary import connect_to_primary
from services.core.timescale import UPDATE as UPDATE_EXTENSION
from services.core.timescale import ExtensionBehind, settle_edition, update_extension

__all__ = ["FAILURES", "UPDATE_EXTENSION", "ExtensionBehind", "main", "upgrade"]

MIGRATIONS = Path(__file__).parents[2] / "migrations"
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
"""What `upgrade` raises when the server is lost, full or refuses a statement."""

_ENGINE = "postgresql+asyncpg://"  # which server it is is found out by each connection
_LOCK = 0x46495245  # "FIRE": one migration at a time per database


def _upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, to)


async def upgrade(dsn: str, to: str = "head") -> None:
    """Run every revision up to `to` that `dsn` lacks, in order, each in a transaction of its own.

    TimescaleDB is brought to the server's version before, and the tables get what its edition can do behind them.

    Raises:
        FiretowerError: what is there does not fit, and a person has to mend it; one line says how.
    """
    await update_extension(dsn)
    engine = create_async_engine(_ENGINE, async_creator=partial(connect_to_primary, dsn))
    try:
        async with engine.connect() as guard:
            await guard.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            await guard.commit()
            async with engine.connect() as connection:
                await connection.run_sync(_upgrade, to)
                await connection.commit()
            await _settle(dsn)
    finally:
        await engine.dispose()


async def _settle(dsn: str) -> None:
    connection = await db.connect(dsn, program="migrate")
    try:
        await connection.execute("set lock_timeout = '10s'")
        await settle_edition(connection)
    finally:
        await connection.close()


def main(dsn: str) -> None:
    """Run from the command line."""
    asyncio.run(upgrade(dsn))
