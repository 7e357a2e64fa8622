"""What is posted: the bytes of an event in a subscription's format. Shared by all couriers, so one event is held once.

Promises the same bytes at every attempt of a process, and the same CAP message that the API answers.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakValueDictionary

import asyncpg
import orjson

from services.core.city import cap, cloudevent
from services.core.statements import load_queries
from services.push.subjects import Event

SQL = load_queries(__file__, "push.sql")


class Documents:
    """Events that somebody still waits for."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known: WeakValueDictionary[int, Event] = WeakValueDictionary()

    def remember(self, events: Iterable[Event]) -> None:
        """Know events that were numbered just now."""
        for event in events:
            self._known[event.number] = event

    async def events(self, numbers: Sequence[int]) -> dict[int, Event]:
        """Return the events of `numbers`; those that are older than the log are missing."""
        found = {number: event for number in numbers if (event := self._known.get(number)) is not None}
        missing = [number for number in numbers if number not in found]
        if missing:
            rows = await self._pool.fetch(SQL["events"], missing)
            read = [Event(row["number"], row["uid"], row["made_at"], row["body"], row["alarm_id"]) for row in rows]
            self.remember(read)
            found |= {event.number: event for event in read}
        return found

    async def body(self, event: Event, written_as: str) -> tuple[str, bytes]:
        """Return content type and bytes of `event` as `cloudevents` or `cap`."""
        if written_as != "cap":
            return cloudevent.CONTENT_TYPE, event.body
        if event.cap is None:
            event.cap = await self._as_cap(event)
        return cap.CONTENT_TYPE, event.cap

    async def _as_cap(self, event: Event) -> bytes:
        said: dict[str, Any] = orjson.loads(event.body)
        told, county = said["data"], said["source"].rpartition(":")[2]
        if event.alarm_id is None:
            return cap.render_test(
                county, event.number, event.made_at, f"望火楼推送测试 {told.get('subscription', '')}"
            )
        lines = await self._pool.fetch(SQL["versions"], [event.alarm_id])
        told["area_name"] = await self._pool.fetchval(SQL["area_name"], told["alarm"]["area"])
        message = cap.message_of(told["alarm"], [dict(line) for line in lines])
        return cap.render(message, county, told)
