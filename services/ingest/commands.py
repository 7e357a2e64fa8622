"""Commands of people to MQTT devices: queued rows are published on the topic the device last used.

A duty of ingest. Sent at least once: the row is marked after the broker's PUBACK, and the command's id lets the device
recognise a repeat.
"""

import asyncio
from pathlib import Path

import asyncpg
import orjson

from services.core.db import load_queries
from services.core.mqtt import Session
from services.core.topics import Channel

QUERIES = load_queries(Path(__file__).with_name("commands.sql"))
PUBACK_TIMEOUT_S = 2.0
ANSWER_MINUTES = 10  # where the command itself names no limit


async def send_queued(connection: asyncpg.Connection, session: Session, areas: tuple[str, ...]) -> int:
    """Publish what is queued for the devices of `areas` (empty: all); return how many."""
    rows = await connection.fetch(QUERIES["queued"], list(areas))
    for row in rows:
        body = {**row["arguments"], "id": str(row["id"]), "command": row["command"]}
        async with asyncio.timeout(PUBACK_TIMEOUT_S):
            await session.publish(f"{row['base']}/{Channel.COMMAND}", orjson.dumps(body))
        minutes = row["arguments"].get("timeout_min")
        await connection.execute(QUERIES["sent"], row["id"], minutes if isinstance(minutes, int) else ANSWER_MINUTES)
    return len(rows)


async def close_unanswered(connection: asyncpg.Connection) -> None:
    """Mark commands whose time to answer has passed; a later answer makes them `late`."""
    await connection.execute(QUERIES["unanswered"])
