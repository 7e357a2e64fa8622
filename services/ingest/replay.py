"""Rejects that a person wants decoded again, after a fix of the registry, the rules or the program.

A duty fetches them and hands them to their lane; the store marks them in the transaction that stores their rows.
"""

import asyncio
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial

import asyncpg

from services.core.moment import to_us
from services.core.statements import load_queries
from services.core.topics import Channel, Kind
from services.ingest import columns
from services.ingest.decode import Message, decode
from services.ingest.plan import EventKey, Plan, ReadingKey, Replay

QUERIES = load_queries(__file__)
LARGE_BYTES = 16 * 1024
Request = tuple[int, datetime]
ADD_FIELDS = {kind: columns.fill_fields(QUERIES["add_fields"], kind) for kind in Kind}


async def find_requested(connection: asyncpg.Connection, *, events: bool) -> set[Request]:
    """Return the rejects that a person wants decoded again, each with when that was asked for."""
    rows = await connection.fetch(QUERIES["requested"], "%/" + Channel.EVENT, events)
    return {(row["id"], row["replay_requested_at"]) for row in rows}


async def fetch_messages(connection: asyncpg.Connection, rejects: Iterable[int]) -> list[Message]:
    """Return rejects to decode again, judged by the time they were received. A list may be of any length now."""
    messages = []
    for row in await connection.fetch(QUERIES["messages"], list(rejects)):
        size = len(row["payload"])
        read = partial(decode, row["topic"], row["payload"], to_us(row["received_at"]), most=size)
        message = read() if size < LARGE_BYTES else await asyncio.to_thread(read)  # a fire may wait for the loop
        message.replay_of = row["id"]
        messages.append(message)
    return messages


async def mark_replayed(
    connection: asyncpg.Connection,
    plan: Plan,
    repeated: Mapping[Kind, AbstractSet[ReadingKey]],
    fresh_events: AbstractSet[EventKey],
) -> None:
    """Write what became of each replayed reject, and add fields that can be stored now to the row that lacked them."""
    for reject_id, replay in plan.replays.items():
        result = replay.refused
        if result is None:
            result = await _store_lacking(connection, replay, repeated, fresh_events)
            if replay.bad:
                result += f"; still bad: {', '.join(dict.fromkeys(replay.bad))}"
        await connection.execute(QUERIES["replayed"], reject_id, result)


async def _store_lacking(
    connection: asyncpg.Connection,
    replay: Replay,
    repeated: Mapping[Kind, AbstractSet[ReadingKey]],
    fresh_events: AbstractSet[EventKey],
) -> str:
    """Add fields to the rows that were there before, where they lack any; return what is so now."""
    added = False
    is_new = not fresh_events.isdisjoint(replay.events)
    for kind, row in replay.rows:
        if row[:3] not in repeated.get(kind, ()):
            is_new = True
            continue
        tag = await connection.execute(ADD_FIELDS[kind], *row[:3], *row[6:-1])
        added |= not tag.endswith(" 0")
    if is_new or not (replay.rows or replay.events):
        return "stored"
    return "the reading was stored before; fields it lacked are added" if added else "stored before"
