"""A list in slices of time: one stretch after the other, each wider than the last, until there are enough rows.

Used by the lists over hypertables. Promises every row once and in order; each statement names both ends of its time, so
that the database looks into the chunks of that stretch alone, however many years the table holds.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from services.api.request.database import Row

GROWTH = 4  # a year of nothing is passed in five steps from a day
OLDEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)  # no row lies outside
AHEAD = timedelta(hours=1)  # further than any accepted clock: what is asked from there on is asked at once
Ask = Callable[[datetime, datetime, int], Awaitable[Sequence[Row]]]
"""Rows from the first time on and before the second, at most so many, in the order of the list."""


async def oldest_first(
    ask: Ask, begin: datetime, end: datetime | None, *, enough: int, width: timedelta, now: datetime
) -> list[Row]:
    """Return up to `enough` rows of [begin, end), the oldest first; slices end `width`, 5 `width` … after `begin`."""
    rows: list[Row] = []
    at, last = begin, min(end or LATEST, LATEST)
    while len(rows) < enough and at < last:
        until = min(at + width, last)
        if until > now + AHEAD:
            until = last
        rows += await ask(at, until, enough - len(rows))
        at, width = until, width * GROWTH
    return rows


async def newest_first(
    ask: Ask, begin: datetime | None, end: datetime | None, *, enough: int, width: timedelta, near: datetime
) -> list[Row]:
    """Return up to `enough` rows of [begin, end), the newest first. The first slice begins `width` before `near`.

    `near` is where the newest row is expected; what is newer all the same is found as well.
    """
    rows: list[Row] = []
    first, until = max(begin or OLDEST, OLDEST), min(end or LATEST, LATEST)
    at = min(near, until)
    while len(rows) < enough and first < until:
        at = max(min(at, until) - width, first)
        rows += await ask(at, until, enough - len(rows))
        until, width = at, width * GROWTH
    return rows
