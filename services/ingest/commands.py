"""Commands of people to MQTT devices: queued rows are published on the topic the device last used.

A duty of ingest. Sent at least once: the row is marked after the broker's PUBACK, and the command's id lets the device
recognise a repeat. A command that cannot be sent fails with its error, and the next one goes on. None is carried out
long after it was given: the broker keeps it for a device that is away as long as it may be answered in time.
"""

import asyncio
from datetime import timedelta
from math import ceil

import asyncpg
import orjson

from services.core.aside import Asides, Unit, own_fault
from services.core.log import logger
from services.core.mqtt import Session, SessionClosed
from services.core.statements import load_queries
from services.core.text import describe_error
from services.core.topics import Channel

QUERIES = load_queries(__file__)
PUBACK_TIMEOUT_S = 2.0
ANSWER_MINUTES = 10  # where the command itself names no limit
LONGEST_ANSWER_MINUTES = 255  # contract: GuardCheck.timeout_min
TOO_LATE = "not sent: its time to be answered was over before ingest could send it 未能在时限内送出"
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
    minutes = arguments.get("timeout_min")
    if type(minutes) is not int or not 0 < minutes <= LONGEST_ANSWER_MINUTES:
        minutes = ANSWER_MINUTES
    left_s = _seconds_left(row, minutes)
    if left_s <= 0:
        log.warning("command_too_late", command_id=str(row["id"]), device=row["code"])
        await connection.execute(QUERIES["failed"], row["id"], TOO_LATE)
        return
    body = {**arguments, "id": str(row["id"]), "command": row["command"]}
    async with asyncio.timeout(PUBACK_TIMEOUT_S):
        await session.publish(f"{row['base']}/{Channel.COMMAND}", orjson.dumps(body), expires_s=left_s)
    await connection.execute(QUERIES["sent"], row["id"], minutes)


def _seconds_left(row: asyncpg.Record, minutes: int) -> int:
    """Return for how long a command may still be carried out, 0 or less when that is over."""
    longest = timedelta(minutes=minutes)
    if row["now"] - row["created_at"] > longest:  # it waited for us, not for its device
        return 0
    left: timedelta = longest if row["answer_by"] is None else row["answer_by"] - row["now"]
    return ceil(min(left.total_seconds(), LONGEST_ANSWER_MINUTES * 60))


async def close_unanswered(connection: asyncpg.Connection) -> None:
    """Mark commands whose time to answer has passed; a later answer makes them `late`."""
    await connection.execute(QUERIES["unanswered"])
