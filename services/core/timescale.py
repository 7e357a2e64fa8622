"""TimescaleDB as it is found: its version against the server's files, its edition against what the tables have.

`services.core.migrate` calls it at every run. Promises: the extension is brought to the version that the server brings,
or one line says who has to do it; tables of the Community edition have a columnstore whenever that edition is there.
"""

import re

import asyncpg

from services.core import db
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.primary import connect_to_primary
from services.core.statements import load_queries

QUERIES = load_queries(__file__)
READINGS = ("reading_hydrant", "reading_electrical", "reading_water", "reading_panel")
UPDATE = "alter extension timescaledb update"

# Minor releases of PostgreSQL under which TimescaleDB's jobs do their work and then report that they failed, with these
# words. Measured with the Community edition 2.29.2 on 17.12 and 2.28 on 15.20.
SAY_FAILED = frozenset({150020, 170012})  # server_version_num
SAY_FAILED_WORDS = "cannot drop portal"

_SORT_ANEW = (
    "the library that sorts text has changed since the database was made, and indexes over text are in its old order:"
    ' stop the programs, then as a superuser `reindex database "{0}"`, then `alter database "{0}" refresh collation'
    " version`"
)
log = logger(__name__)


class ExtensionBehind(FiretowerError):
    """TimescaleDB in the database is of another version than the server's files, and we may not or cannot change it."""


async def update_extension(dsn: str) -> None:
    """Bring TimescaleDB to the version that the server's files have; a database without it is left alone.

    Raises:
        ExtensionBehind: this role may not, or there is no way from one version to the other.
    """
    try:
        behind = await _find_behind(dsn)
    except asyncpg.UndefinedFileError as error:  # the library of the old version is gone: only the update may be said
        behind = str(error)
    if behind is None:
        return
    log.info("timescaledb_update_begun", why=behind)
    connection = await connect_to_primary(dsn, timeout=db.CONNECT_TIMEOUT_S)
    try:
        await connection.execute(UPDATE)  # the first statement of its session, or the old library is loaded
    except asyncpg.PostgresError as error:
        if db.is_away(error) and not isinstance(error, asyncpg.UndefinedFileError):
            raise
        where = dsn.rpartition("/")[2].partition("?")[0]
        raise ExtensionBehind(
            f"TimescaleDB must be updated and this role cannot do it ({behind}; {error}): as a superuser run "
            f'psql -X -d {where} -c "{UPDATE}", then start again'
        ) from error
    finally:
        await connection.close()


async def _find_behind(dsn: str) -> str | None:
    connection = await connect_to_primary(dsn, timeout=db.CONNECT_TIMEOUT_S)
    try:
        row = await connection.fetchrow(QUERIES["versions"])
    finally:
        await connection.close()
    if row is None or _numbers(row["installed"]) >= _numbers(row["brought"]):
        return None
    return f"the database has {row['installed']}, the server brings {row['brought']}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


async def settle_edition(connection: asyncpg.Connection) -> None:
    """Give the tables what the edition that is there can do, and refuse an edition that cannot read them.

    Raises:
        FiretowerError: chunks are in the columnstore of the Community edition, and this server has the Apache edition.
    """
    row = await connection.fetchrow(QUERIES["edition"])
    if row is None:
        raise FiretowerError("the database has no TimescaleDB")
    if row["version"] in SAY_FAILED:
        log.warning("timescaledb_jobs_misreported", postgresql=row["postgresql"])
    if row["sorted_otherwise"]:
        log.warning("database_sorts_otherwise", cure=_SORT_ANEW.format(row["name"]))
    if not row["community"]:
        if await connection.fetchval(QUERIES["has_columnstore"]):
            raise FiretowerError(
                "the database has chunks in the columnstore of TimescaleDB's Community edition, which this server's "
                "Apache edition cannot read: start a server with the Community edition"
            )
        return
    for table in await connection.fetch(QUERIES["without_columnstore"], READINGS):
        async with connection.transaction():
            for statement in ("use_columnstore", "compress_later"):
                await connection.execute(QUERIES[statement].replace("{table}", table["name"]))
        log.info("columnstore_begun", table=table["name"])
