"""Gives every committed event its number and bytes, and a delivery to each subscriber. One task of main.

Promises that a number is given once and after the commit, that an event and its deliveries are one transaction, and
that when two transactions change a device at once, the last event tells the device's present status. A connection that
the server ended is replaced, and requests that are under way go on meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.core import db, lease
from services.core.city.cloudevent import EventType, envelope
from services.core.clock import Clock, wait_at_most
from services.core.log import logger
from services.core.statements import load_queries
from services.core.text import describe_error
from services.push.subjects import Delivery, Event

SQL = load_queries(__file__, "push.sql")
LEASE = "push"
POLL_S = 1.0  # the fallback, and how often the lease is renewed; a hint wakes us at once
LOOK_S = 0.5  # how often to look for what changes with time alone, and for the county's name
AT_ONCE = 500
TRIED_FOR_H = 72  # contract 9.3
ANEW_PAUSE_S = 0.1
Fanned = Callable[[Mapping[int, Sequence[Delivery]]], None]
Connect = Callable[[], Awaitable[asyncpg.Connection]]
log = logger(__name__)


class Numbering:
    """The one writer of numbers, on a connection of its own. `hint` wakes it.

    `fanned` is told of new deliveries, `unsure` that there may be some which it was not told of.
    """

    def __init__(  # noqa: PLR0917 - who it is, and what it works with
        self, conn: asyncpg.Connection, owner: UUID, clock: Clock, fanned: Fanned, unsure: Callable[[], None],
        connect: Connect,
    ) -> None:  # fmt: skip
        self._conn, self._owner, self._clock, self._fanned = conn, owner, clock, fanned
        self._unsure, self._connect = unsure, connect
        self._last: int | None = None
        self._looked_at: float | None = None
        self._county = ""
        self.hint = asyncio.Event()

    async def run(self) -> None:
        """Number events without end.

        Raises:
            Fenced: another process has taken over.
        """
        while True:
            self.hint.clear()
            try:
                more = await self.turn()
            except db.AWAY as error:
                db.pass_on_cancel()
                await self._connect_anew(error)
                continue
            if not more:
                await wait_at_most(self.hint, POLL_S)

    async def _connect_anew(self, error: Exception) -> None:
        """Go on after the server ended the connection, as it does when a transaction waited for too long.

        Raises:
            error: it was something else, or another process has the lease.
            OSError, asyncpg.PostgresError: the database is away.
        """
        if not (self._conn.is_closed() and db.is_away(error)):
            raise error
        log.warning("numbering_connection_lost", error=describe_error(error))
        await self._clock.sleep(ANEW_PAUSE_S)
        self._conn = await self._connect()
        if not await lease.take(self._conn, LEASE, self._owner):
            raise error
        self._unsure()  # whether the last transaction was committed

    async def turn(self) -> bool:
        """Number the events committed so far; return whether more may wait."""
        found: dict[int, list[Delivery]] = {}
        now_s = self._clock.monotonic()
        looks = self._looked_at is None or now_s - self._looked_at >= LOOK_S
        async with self._conn.transaction(isolation="repeatable_read"):
            await lease.hold(self._conn, LEASE, self._owner)
            if looks:
                await self._conn.execute(SQL["tell_ended"])
                self._county = await self._conn.fetchval(SQL["county"])
            rows = await self._conn.fetch(SQL["unnumbered"], AT_ONCE)
            if rows:
                found = await self._number(rows)
        if looks:
            self._looked_at = now_s
        if found:
            self._fanned(found)
        return len(rows) >= AT_ONCE

    async def _number(self, rows: Sequence[asyncpg.Record]) -> dict[int, list[Delivery]]:
        now = self._clock.now()
        if self._last is None:
            self._last = await self._conn.fetchval(SQL["last_number"])
        first = max(self._last + 1, int(now.timestamp() * 1_000_000))
        events: dict[int, Event] = {}
        for number, row in enumerate(rows, first):
            body = envelope({**row, "number": number}, self._county, told(dict(row)))
            events[number] = Event(number, row["uid"], row["made_at"], body, row["alarm_id"])
        self._last = first + len(rows) - 1
        ids = [row["id"] for row in rows]
        await self._conn.execute(SQL["give_numbers"], ids, list(events), [event.body for event in events.values()])
        if any(row["type"] == EventType.DEVICE_STATUS for row in rows):
            await self._conn.execute(SQL["set_right"], ids)
        return _by_subscription(await self._conn.fetch(SQL["fan_out"], list(events), now, TRIED_FOR_H), events, now)


def _by_subscription(
    rows: Sequence[asyncpg.Record], events: Mapping[int, Event], now: datetime
) -> dict[int, list[Delivery]]:
    found: dict[int, list[Delivery]] = {}
    for row in sorted(rows, key=lambda row: row["number"]):
        one = Delivery(events[row["number"]], row["subject"], 0, now, row["expires_at"])
        found.setdefault(row["subscription_id"], []).append(one)
    return found


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's data: its own, the device with its place, the site. No names or telephone numbers of people."""
    data: dict[str, Any] = dict(row["data"]) if isinstance(row["data"], dict) else {}
    if row["code"] is not None:
        located = row["lon"] is not None
        device = {name: row[name] for name in ("code", "kind")}
        if row["area"] is not None:  # it is where this happened
            device |= {"name": row["name"], "area": row["area"]}
            device["location"] = {"lon": row["lon"], "lat": row["lat"], "datum": "WGS84"} if located else None
        if "status" in data:
            device["status"] = data.pop("status")
        data["device"] = device
        site = None
        if row["site_id"] is not None:
            site = {"id": row["site_id"], "name": row["site_name"], "address": row["site_address"]}
        data["site"] = site
    return data
