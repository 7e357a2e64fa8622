"""Answers of devices to commands: an event that names a command, or a guard's reply, closes the command's row.

The store calls it inside the batch's transaction, so that an answer counts exactly when its event is stored. An answer
that cannot be noted is set aside; its event is stored all the same.
"""

import uuid
from datetime import timedelta
from typing import Any

import asyncpg

from services.core.aside import Unit, own_fault, write_aside
from services.core.contracts import EventType
from services.core.moment import from_us
from services.core.statements import load_queries
from services.ingest.decode_event import Event
from services.ingest.plan import Plan

QUERIES = load_queries(__file__)

# A check that was made and sent this long ago or less may be at its device before its row says so: ingest looks for
# what is queued every second and waits 2 s for the broker's word. An older one is still to be sent.
UNDER_WAY = timedelta(seconds=10)


async def note_replies(connection: asyncpg.Connection, plan: Plan, fresh: set[tuple[int, bytes]]) -> None:
    """Mark commands answered by the new events of a batch."""
    events = [plan.events[key] for key in fresh]
    named = {candidate for _, event, _, _ in events for candidate in _candidates(event)}
    rows = await connection.fetch(QUERIES["asked"], list(named)) if named else ()
    commands = {(row["id"], row["device_id"]) for row in rows}
    for device, event, received_us, _late in events:
        answered = next((one for one in _candidates(event) if (one, device.id) in commands), None)
        if answered is None and (event.type != EventType.GUARD_REPLY or _names_a_command(event)):
            continue
        reply: dict[str, Any] = {"event_id": event.event_id, "type": event.type, "description": event.description}
        reply |= {"extra": event.extra} if event.extra else {}
        at = from_us(received_us)
        closing: tuple[Any, ...]
        if answered is not None:
            closing = QUERIES["reply_by_id"], answered, device.id, at, reply
        else:
            closing = QUERIES["reply_of_guard"], device.id, at, reply, from_us(event.ts_us), at - UNDER_WAY
        try:
            async with connection.transaction():
                await connection.execute(*closing)
        except Exception as error:
            if not own_fault(error):
                raise
            unit = Unit("reply", f"{device.code} {event.event_id}", area=device.area, detail={"reply": reply})
            await write_aside(connection, "ingest", unit, error, at)


def _candidates(event: Event) -> list[uuid.UUID]:
    """Return what may be a command's id: `command_id`, or what more often is the event's own: `id`, `event_id`."""
    extra = event.extra or {}
    texts = (extra.get("command_id"), extra.get("id"), event.event_id)
    return [found for text in texts if (found := _uuid(text)) is not None]


def _names_a_command(event: Event) -> bool:
    return "command_id" in (event.extra or {})


def _uuid(text: Any) -> uuid.UUID | None:
    if not isinstance(text, str) or len(text) not in (32, 36):
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
