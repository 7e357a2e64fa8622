"""Answers of devices to commands: an event that names a command, or a guard's reply, closes the command's row.

The store calls it inside the batch's transaction, so that an answer counts exactly when its event is stored.
"""

import uuid
from pathlib import Path
from typing import Any

import asyncpg

from services.core.contracts import EventType
from services.core.db import load_queries
from services.ingest.decode_event import Event
from services.ingest.moment import from_us
from services.ingest.plan import Plan

QUERIES = load_queries(Path(__file__).with_name("commands.sql"))


async def note_replies(connection: asyncpg.Connection, plan: Plan, fresh: set[tuple[int, bytes]]) -> None:
    """Mark commands answered by the new events of a batch."""
    for key in fresh:
        device, event, received_us, _late = plan.events[key]
        named = named_command(event)
        if named is None and event.type != EventType.GUARD_REPLY:
            continue
        reply: dict[str, Any] = {"event_id": event.event_id, "type": event.type, "description": event.description}
        reply |= {"extra": event.extra} if event.extra else {}
        at = from_us(received_us)
        if named is not None:
            await connection.execute(QUERIES["reply_by_id"], named, device.id, at, reply)
        else:
            await connection.execute(QUERIES["reply_of_guard"], device.id, at, reply)


def named_command(event: Event) -> uuid.UUID | None:
    """Return the command an event names in `command_id`, or by having its id as event_id."""
    for candidate in ((event.extra or {}).get("command_id"), event.event_id):
        found = _uuid(candidate)
        if found is not None:
            return found
    return None


def _uuid(text: Any) -> uuid.UUID | None:
    if not isinstance(text, str) or len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
