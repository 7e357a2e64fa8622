"""Ownership of one lane of a partition: a row that expires 3 s after its owner last proved itself.

The lane takes it before it connects to the broker; every batch prolongs it inside its transaction (`store.sql`, hold).
A lane that receives nothing from the broker, not even its own probes, does not prolong it: a standby may do better.
"""

import asyncpg

from services.core import stalled
from services.core.statements import load_queries

QUERIES = load_queries(__file__)
RETRY_S = 0.4  # the lease's 3 s, this and the time to connect stay below the promised 5 s


async def take(connection: asyncpg.Connection, name: str, owner: str) -> str | None:
    """Take or keep the lease; return the token that ends the MQTT client id, None while another owner lives."""
    row = await stalled.fetchrow(connection, QUERIES["take"], name, owner)
    return row["token"] if row else None


async def release(connection: asyncpg.Connection, name: str, owner: str) -> None:
    """Let a standby take over at once."""
    await connection.execute(QUERIES["release"], name, owner)


async def is_held(connection: asyncpg.Connection, name: str, owner: str) -> bool:
    """Tell whether the lease is still ours, without prolonging it."""
    holder: str | None = await connection.fetchval(QUERIES["owner"], name)
    return holder == owner
