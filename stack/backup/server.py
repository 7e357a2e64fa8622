"""The database that is copied: how PostgreSQL's own tools reach it, and the few things that must be asked of it.

Called by the keeper and the base copy. The tools connect as a role that may replicate; embedded that is
`firetower_backup`, for a server of your own FIRETOWER_BACKUP_DATABASE_URL names it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from services.core import db
from services.core.errors import FiretowerError
from services.core.statements import load_queries
from stack.backup.segments import position
from stack.binaries import PostgresBinaries
from stack.postgres import tool_env

SQL = load_queries(__file__)
_DROPPED_WITHIN_S = 10.0
STREAM = "firetower.backup.log"  # application name of every tool that receives the log


@dataclass(frozen=True)
class About:
    """What a copy has to say of its server."""

    postgres: str
    timescaledb: str
    revision: str
    segment_bytes: int


@dataclass(frozen=True)
class Server:
    """One PostgreSQL, perhaps of several hosts of which one is the primary."""

    dsn: str  # of a role that may replicate
    programs_dsn: str  # of the programs, who own the tables
    binaries: PostgresBinaries

    @property
    def database(self) -> str:
        """Name of the programs' database."""
        return urlsplit(self.programs_dsn).path.lstrip("/") or "firetower"

    def tool(self, name: str, *arguments: str, application: str) -> tuple[list[str], dict[str, str]]:
        """A command of PostgreSQL's own and its environment; the password is in no list of processes."""
        parts = urlsplit(self.dsn)
        account, _, hosts = parts.netloc.rpartition("@")
        user, _, password = account.partition(":")
        separator = "&" if parts.query else ""
        query = f"{parts.query}{separator}application_name={application}"
        bare = urlunsplit(parts._replace(netloc=f"{user}@{hosts}", query=query))
        env = tool_env()
        if password:
            env |= {"PGPASSWORD": unquote(password)}
        if passfile := os.environ.get("PGPASSFILE"):
            env |= {"PGPASSFILE": passfile}
        return [self.binaries.program(name), "-d", bare, *arguments], env

    async def about(self) -> About:
        """What the server is.

        Raises:
            FiretowerError: its major version is not that of our tools.
        """
        async with asking(self.programs_dsn) as connection:
            [row] = await connection.fetch(SQL["about"])
            revision = await connection.fetchval(SQL["revision"]) if row["migrated"] else ""
        if row["postgres"].split(".")[0] != self.binaries.major:
            raise FiretowerError(
                f"the server is PostgreSQL {row['postgres']}, the tools in {self.binaries.bin_dir} are"
                f" {self.binaries.version}: name those of its version in FIRETOWER_STACK_PREFIX"
            )
        return About(row["postgres"], row["timescaledb"] or "", revision or "", row["segment_bytes"])

    async def written(self) -> tuple[datetime, str, dict[str, int]]:
        """The moment, the end of the log after it, and the newest batch of each writer before it."""
        async with asking(self.programs_dsn) as connection:
            rows = await connection.fetch(SQL["writers"])
            [row] = await connection.fetch(SQL["written"])
        return row["at"], row["lsn"], {one["writer"]: one["number"] for one in rows}

    async def place_in_log(self) -> tuple[int, str]:
        """Timeline and end of the log now."""
        async with asking(self.dsn) as connection:
            [row] = await connection.fetch(SQL["place_in_log"])
        return row["timeline"], row["lsn"]

    async def receives_up_to(self, slot: str, lsn: str, within_s: float) -> bool:
        """Wait until the tool that receives the log by `slot` has it up to `lsn`; what others have is not ours."""
        async with asking(self.dsn) as connection, asyncio.timeout(within_s):
            while True:
                here = await connection.fetchval(SQL["received"], slot)
                if here is not None and position(here) >= position(lsn):
                    return True
                await asyncio.sleep(0.2)

    async def has_slot(self, slot: str) -> bool:
        """Whether the server keeps the log for us; a slot that has lost it is dropped."""
        async with asking(self.dsn) as connection:
            rows = await connection.fetch(SQL["slot"], slot)
            if rows and rows[0]["wal_status"] == "lost":
                await connection.execute(SQL["drop_slot"], slot)
                return False
        return bool(rows)

    async def drop_slot(self, slot: str) -> None:
        """Have the server keep nothing for us. A tool that has just ended still counts as using the slot for a moment.

        Raises:
            TimeoutError: somebody goes on using it.
        """
        async with asking(self.dsn) as connection, asyncio.timeout(_DROPPED_WITHIN_S):
            while True:
                await connection.execute(SQL["drop_slot"], slot)
                if not await connection.fetch(SQL["slot"], slot):
                    return
                await asyncio.sleep(0.1)

    async def note_hindrance(self, folder: str, error: str) -> None:
        """Say in the database why nothing can be kept in `folder`, so that it becomes overdue."""
        async with asking(self.programs_dsn) as connection:
            await connection.execute(SQL["hindrance"], folder, error)

    async def note(self, *values: object) -> None:
        """Say in the database how far the copies go: folder, copies, begin of the newest, end of the log, error."""
        async with asking(self.programs_dsn) as connection:
            await connection.execute(SQL["note"], *values)


@asynccontextmanager
async def asking(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection for a question or two."""
    connection = await db.connect(dsn, program="backup", statement_timeout_s=30)
    try:
        yield connection
    finally:
        await connection.close(timeout=2)
