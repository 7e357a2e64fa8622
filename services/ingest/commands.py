"""Commands of people to MQTT devices: queued rows are published on the topic the device last used.

A duty of ingest. Sent at least once: the row is marked after the broker's PUBACK, and the command's id lets the device
recognise a repeat. A command that cannot be sent fails with its error, and the next one goes on. None is carried out
long after it was given: the broker keeps it for a device that is away as long as it may be answered in time.
"""

import asyncio

import asyncpg
import orjson

from services.core.aside import Asides, Unit, own_fault
from services.core.commands import TOO_LATE, answer_minutes, seconds_left
from services.core.log import logger
from services.core.mqtt import Session, SessionClosed
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.topics import Channel

QUERIES = load_queries(__file__)
PUBACK_TIMEOUT_S = 2.0
log = logger(__name__)


async def send_queued(connection: asyncpg.Connection, session: Session, areas: tuple[str, ...], asides: Asides) -> None:
    """Publish what is queued for the devices of `areas` (empty: all)."""
    for row in await connection.fetch(QUERIES["queued"], list(areas)):
        unit = Unit("command", str(row["id"]))
        if asides.waits(unit.kind, unit.name):
            continue
        try:
            await _send_or_fail(connection, session, row)
        except SessionClosed:
            raise
        except Exception as error:
            if not own_fault(error):
                raise
            await asides.add(connection, unit, error)
        else:
            await asides.over(connection, unit.kind, unit.name)


async def _send_or_fail(connection: asyncpg.Connection, session: Session, row: asyncpg.Record) -> None:
    try:
        await _send(connection, session, row)
    except SessionClosed:
        raise
    except Exception as error:
        if not own_fault(error):
            raise
        log.exception("command_refused", command_id=str(row["id"]), device=row["code"])
        await connection.execute(QUERIES["failed"], row["id"], describe_error(error))


async def _send(connection: asyncpg.Connection, session: Session, row: asyncpg.Record) -> None:
    arguments = row["arguments"] if isinstance(row["arguments"], dict) else {}
    minutes = answer_minutes(arguments)
    left_s = seconds_left(row["created_at"], row["answer_by"], minutes, row["now"])
    if left_s <= 0:
        log.warning("command_too_late", command_id=str(row["id"]), device=row["code"])
        await connection.execute(QUERIES["failed"], row["id"], TOO_LATE)
        return
    body = {**arguments, "id": str(row["id"]), "command": row["command"]}
    async with asyncio.timeout(PUBACK_TIMEOUT_S):
        await session.publish(f"{row['base']}/{Channel.COMMAND}", orjson.dumps(body), expires_s=left_s)
    await connection.execute(QUERIES["sent"], row["id"], minutes)


async def close_unanswered(connection: asyncpg.Connection) -> None:
    """Mark commands whose time to answer has passed; a later answer makes them `late`."""
    await connection.execute(QUERIES["unanswered"])
