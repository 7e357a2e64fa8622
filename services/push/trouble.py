"""Tells people of a subscription by which nothing comes through. Used by couriers; the board strikes off what is over.

Promises one unit set aside for each (the alarm `set_aside` says so at the desk), until its receiver takes an event.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.core.aside import Connection, Unit, write_aside

TOLD_AFTER = timedelta(hours=1)  # without an event that was taken: a receiver's restart is nobody's business


class SubscriptionEndedError(Exception):
    """The receiver wants no more, and nothing is sent until a person says so."""


class NothingTakenError(Exception):
    """The receiver has refused, or not answered, for so long that somebody should look."""


async def tell_ended(conn: Connection, subscription: Mapping[str, Any], now: datetime) -> None:
    """Say that the receiver ended it."""
    cure = "nothing is sent any more: set its state to active, or delete it"
    await _tell(conn, subscription, SubscriptionEndedError(f"{subscription['name']} answered 410, {cure}"), now)


async def tell_nothing_taken(
    conn: Connection,
    subscription: Mapping[str, Any],
    since: datetime,
    error: str | None,
    now: datetime,
    *,
    attempts: int,
) -> None:
    """Say that nothing has been taken for a while, in how many attempts (perhaps two), and why."""
    minutes = int((now - since).total_seconds() // 60)
    said = f"{subscription['name']} has taken nothing for {minutes} min (attempts: {attempts}): {error}"
    await _tell(conn, subscription, NothingTakenError(said), now)


async def _tell(conn: Connection, subscription: Mapping[str, Any], error: Exception, now: datetime) -> None:
    await write_aside(conn, "push", Unit("subscription", f"subscription:{subscription['id']}"), error, now)
