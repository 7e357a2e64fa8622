"""`firetower migrate`: bring the database to the newest revision. Safe to run from many programs at once.

Promises: a schema that a newer release made is refused in one line; what takes long says how far it is; a run that is
interrupted leaves a whole revision behind it, and the next one goes on from there.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from services.core import db
from services.core.errors import FiretowerError
from services.core.primary import connect_to_primary
from services.core.timescale import UPDATE as UPDATE_EXTENSION
from services.core.timescale import ExtensionBehind, settle_edition, update_extension

__all__ = ["FAILURES", "UPDATE_EXTENSION", "ExtensionBehind", "main", "said_of", "upgrade"]

MIGRATIONS = Path(__file__).parents[2] / "migrations"
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
"""What `upgrade` raises when the server is lost, full or refuses a statement."""

_ENGINE = "postgresql+asyncpg://"  # which server it is is found out by each connection
_LOCK = 0x46495245  # "FIRE": one migration at a time per database
_TELL_EVERY_S = 10.0
Say = Callable[[str], None]


class WrongEncoding(FiretowerError):
    """The database cannot store what people call things here."""


class SchemaTooNew(FiretowerError):
    """The database belongs to a newer release than this one."""


def _silent(_text: str) -> None:
    return


@dataclass
class _Way:
    """How far a run is."""

    say: Say
    pending: list[str] = field(default_factory=list)
    done: int = 0
    since_s: float = field(default_factory=time.monotonic)

    def begin(self, current: str | None, pending: list[str]) -> None:
        self.pending = pending
        if current is not None and pending:
            self.say(
                f"schema {current}, newest {pending[-1]}: {len(pending)} revisions to go; an interruption undoes only"
                " the one at work"
            )

    def step(self, **_told: Any) -> None:
        """Count a revision that is committed (called by alembic)."""
        self.done, self.since_s = self.done + 1, time.monotonic()

    async def tell(self) -> None:
        """Say every ten seconds what takes so long."""
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            took_s = time.monotonic() - self.since_s
            at = (
                self.pending[self.done]
                if self.done < len(self.pending)
                else "waiting for another program that migrates"
            )
            self.say(f"schema: {self.done} of {len(self.pending)} revisions done; {at}, for {took_s:.0f} s")


def _upgrade(connection: Connection, to: str, way: _Way) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # a folder may be called 100%
    config.attributes["connection"] = connection
    config.attributes["on_step"] = way.step
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    ours = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in ours:
        raise SchemaTooNew(
            f"the database has schema {current}, and this release knows none beyond {max(ours)}: run the release that"
            " made it or a newer one, or restore a copy of before the upgrade"
        )
    found = script.iterate_revisions(to, current) if current is None or current < _number(script, to) else ()
    way.begin(current, [revision.revision for revision in found][::-1])
    connection.rollback()  # the question above began a transaction, and alembic wants one of its own
    command.upgrade(config, to)


def _number(script: ScriptDirectory, to: str) -> str:
    head = script.get_current_head()
    return (head or "") if to == "head" else to


async def upgrade(dsn: str, to: str = "head", say: Say = _silent) -> None:
    """Run every revision up to `to` that `dsn` lacks, in order, each in a transaction of its own.

    TimescaleDB is brought to the server's version before, and the tables get what its edition can do behind them.

    Raises:
        FiretowerError: the database is of a newer release, or does not fit in another way that a person has to mend.
        one of FAILURES: the server is lost, full, or refuses.
    """
    way = _Way(say)
    await update_extension(dsn)
    await _refuse_encoding(dsn)
    telling = asyncio.create_task(way.tell(), name="progress")
    engine = create_async_engine(_ENGINE, async_creator=partial(connect_to_primary, dsn))
    try:
        async with engine.connect() as guard:
            await guard.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
            await guard.commit()
            async with engine.connect() as connection:
                await connection.run_sync(_upgrade, to, way)
                await connection.commit()
            await _settle(dsn)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await engine.dispose()


async def _refuse_encoding(dsn: str) -> None:
    """Refuse a database that cannot store Chinese: half of the revisions would be done when that is noticed."""
    connection = await db.connect(dsn, program="migrate")
    try:
        encoding = await connection.fetchval("show server_encoding")
        is_ours = await connection.fetchval("select to_regclass('alembic_version') is not null")
    finally:
        await connection.close()
    if encoding != "UTF8" and not (encoding == "SQL_ASCII" and is_ours):  # which keeps what it is given as it is
        raise WrongEncoding(
            f"the database has the encoding {encoding}, which cannot hold every name: make it anew with"
            " `create database firetower owner firetower encoding 'UTF8' template template0`"
        )


def said_of(error: BaseException) -> str:
    """What the server said, in one line, and where we know it the cure."""
    cause: BaseException = getattr(error, "orig", None) or error
    cause = cause.__cause__ if isinstance(cause.__cause__, asyncpg.PostgresError) else cause
    text = " ".join(str(cause).split())
    cures = (
        (asyncpg.InsufficientPrivilegeError, "the role of FIRETOWER_DATABASE_URL must own the database"),
        (asyncpg.ReadOnlySQLTransactionError, "name the primary, and let the role and the database write"),
        (asyncpg.InvalidSchemaNameError, "the search_path of the role or the database must begin with `public`"),
        (asyncpg.FeatureNotSupportedError, "TimescaleDB must be installed at the server, see docs/operations.md"),
    )
    return next((f"{text}; {cure}" for kind, cure in cures if isinstance(cause, kind)), text)


async def _settle(dsn: str) -> None:
    connection = await db.connect(dsn, program="migrate")
    try:
        await connection.execute("set lock_timeout = '10s'")
        await settle_edition(connection)
    finally:
        await connection.close()


def _print(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(dsn: str) -> None:
    """Run from the command line.

    Raises:
        FiretowerError: the schema is too new, the server refuses, or somebody interrupted.
    """
    try:
        asyncio.run(upgrade(dsn, say=_print))
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
        raise  # the command line says who cannot be reached
    except (asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        raise FiretowerError(f"the database cannot be brought up to date: {said_of(error)}") from error
    except KeyboardInterrupt:
        raise FiretowerError("interrupted: what was done stays, run it again to go on") from None
