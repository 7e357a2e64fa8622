"""Writes a checked ledger into the registry, some hundred rows at a time, and finishes what was interrupted by a kill.

Used by the import route and by main. Promises that no transaction holds a device for longer than a fire may wait, and
that every row of an import that was accepted is written: after a kill at the next start, from where it stood. A row
that became impossible meanwhile is set aside, and tried again when a person asks; so is that of a device which changed
since the ledger was compared with it, for that may have been by somebody else, or have made it somebody else's.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import asyncpg

from services.api.registry import import_faults
from services.api.request.database import Database
from services.api.request.problems import Problem
from services.api.request.writing import Write
from services.core import db
from services.core.clock import Clock
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error

SQL = load_queries(__file__)
ROWS_AT_ONCE = 200  # some 30 ms
STAGED_AT_ONCE = 2000
LOOK_S = 5.0
_COLUMNS = ("import_id", "number", "line", "code", "gateway_address", "body", "changes", "version", "area")
log = logger(__name__)


class ChangedMeanwhile(Exception):
    """A device is no longer what the ledger was compared with."""

    def __init__(self) -> None:
        super().__init__("the device was changed meanwhile: send the ledger again / 设备期间已被修改，请重新导入")


class StagedRow(NamedTuple):
    """What becomes of one device, and what stood when that was found out (None: nothing)."""

    line: int
    code: str
    body: Mapping[str, Any]
    changes: Mapping[str, Mapping[str, Any]]
    version: int | None
    area: str | None


def import_running() -> Problem:
    """Return the refusal of a write to something that a running import is about to write."""
    return Problem(
        409,
        "import_running",
        "a ledger with this device is just being written; try again",
        headers={"Retry-After": "5"},
    )


async def check_no_claim(connection: asyncpg.Connection, code: str, gateway_address: str | None) -> None:
    """Refuse (409) to write a device that a row of an accepted ledger is about to write."""
    if await connection.fetchval(SQL["claimed"], code, gateway_address):
        raise import_running()


async def stage(write: Write, rows: Iterable[StagedRow]) -> int:
    """Keep the rows of a checked ledger in the caller's transaction: from its commit on they will be written.

    Raises:
        Problem: 409, another ledger is being written.
    """
    staged = [
        (number, row.line, row.code, row.body.get("gateway_address"), row.body, row.changes, row.version, row.area)
        for number, row in enumerate(rows, start=1)
    ]
    import_id: int | None = await write.connection.fetchval(
        SQL["begin"],
        write.who.actor,
        write.now,
        len(staged),
    )
    if import_id is None:
        raise import_running()
    for start in range(0, len(staged), STAGED_AT_ONCE):
        part = [(import_id, *row) for row in staged[start : start + STAGED_AT_ONCE]]
        await write.connection.executemany(
            f"insert into device_import_row ({', '.join(_COLUMNS)}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",  # noqa: S608
            part,
        )
    return import_id


async def finish(database: Database, clock: Clock) -> None:
    """Write what is left of accepted ledgers; pauses after each step for as long as it took."""
    while True:
        began = clock.monotonic()
        async with database.writing() as connection:
            if not await _step(connection, clock):
                return
        await clock.sleep(clock.monotonic() - began)


async def keep_finishing(database: Database, clock: Clock) -> None:
    """Finish at the start, and again whenever a request could not; retry what a person wants tried again."""
    while True:
        try:
            if (await database.rows(SQL["is_open"]))[0]["open"]:
                await finish(database, clock)
            for row in await database.rows(import_faults.SQL["asked"]):
                await retry(database, clock, row["import_id"])
        except db.AWAY as error:
            db.pass_on_cancel()
            log.warning("imports_wait", error=describe_error(error))
        await clock.sleep(LOOK_S)


async def retry(database: Database, clock: Clock, import_id: int) -> None:
    """Try once more what could not be written of an import."""
    for row in await import_faults.read_faults(database, import_id):
        async with database.writing() as connection:
            await _write_one(connection, import_id, row["number"])
    async with database.writing() as connection:
        await import_faults.set_faults_aside(connection, import_id, clock.now())


async def _step(connection: asyncpg.Connection, clock: Clock) -> bool:
    """Write the next rows; False when there are none. A row that cannot be written any more is noted and passed."""
    row = await connection.fetchrow(SQL["open"])
    if row is None:
        return False
    first, last = row["applied"], min(row["applied"] + ROWS_AT_ONCE, row["rows"])
    try:
        async with connection.transaction():
            await write_step(connection, row["id"], first, last)
    except (asyncpg.PostgresError, ChangedMeanwhile) as error:
        if db.is_away(error):
            raise
        for number in range(first + 1, last + 1):
            await _write_one(connection, row["id"], number)
    await connection.execute(SQL["move_on"], row["id"], last)
    if last >= row["rows"]:
        await import_faults.set_faults_aside(connection, row["id"], clock.now())
    return True


async def write_step(connection: asyncpg.Connection, import_id: int, after: int, until: int) -> None:
    """Write the rows of an import with numbers from above `after` to `until`, inside the caller's transaction.

    Raises:
        ChangedMeanwhile: one of their devices is another by now.
    """
    added = [row["code"] for row in await connection.fetch(SQL["add"], import_id, after, until)]
    if await connection.fetch(SQL["changed"], import_id, after, until, added):
        raise ChangedMeanwhile
    await connection.execute(SQL["change"], import_id, after, until)
    await connection.execute(SQL["change_address"], import_id, after, until)


async def _write_one(connection: asyncpg.Connection, import_id: int, number: int) -> None:
    try:
        async with connection.transaction():
            await write_step(connection, import_id, number - 1, number)
            await connection.execute(import_faults.SQL["strike"], import_id, number)
    except (asyncpg.PostgresError, ChangedMeanwhile) as error:
        if db.is_away(error):
            raise
        log.exception("import_row_not_written", import_id=import_id, row=number)
        await connection.execute(import_faults.SQL["note"], import_id, number, describe_error(error))
