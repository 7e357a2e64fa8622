"""The stored readings of a cell, a step at a time, in the order of their time: bounded however often devices send.

Used by `watch` and by trials of numbers over the past. Promises that no step holds more than `MOST_ROWS` readings.
"""

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.early.cells import Cell, Member
from services.core.statements import load_queries

SQL = load_queries(__file__)
MOST_ROWS: Final = 20_000  # of one step: 10 MB, and a second of work
Connection = asyncpg.Connection | PoolConnectionProxy
_DRIFTS: Final = timedelta(minutes=10)  # how far from its last known distance a clock may be
R = TypeVar("R", bound=Mapping[str, Any] | asyncpg.Record)


async def read_members(
    conn: Connection, kinds: Iterable[str], breathe: Callable[[], Awaitable[None]] | None = None
) -> list[Member]:
    """Return every device that detectors watch, of some kinds; `breathe` is awaited after each."""
    found: list[Member] = []
    for row in await conn.fetch(SQL["members"], list(kinds)):
        found.append(Member.of(row))
        if breathe is not None:
            await breathe()
    return found


async def find_first(conn: Connection, members: Sequence[Member], since: datetime) -> datetime | None:
    """Return when the first reading of a cell after `since` was measured."""
    first: datetime | None = await conn.fetchval(
        SQL[f"first_{members[0].profile.kind}"], [m.id for m in members], since
    )
    return first


async def read_step(conn: Connection, cell: Cell, until: datetime) -> tuple[Sequence[asyncpg.Record], datetime]:
    """Return the next readings of a cell, at most up to `until`, and the time they reach to."""
    ids, codes = [m.id for m in cell.members], [m.profile.code for m in cell.members]
    since, begin = [m.since for m in cell.members], cell.walked_until
    step_until = min(until, begin + cell.step())
    found = await conn.fetch(SQL[f"rows_{cell.kind}"], ids, codes, since, begin, step_until, MOST_ROWS + 1)
    if behind := await _read_behind(conn, cell, begin, step_until):
        found = sorted([*found, *behind], key=itemgetter("ts", "code", "seq"))
    rows, step_until = within_one_step(found, step_until)
    cell.note_rows(len(rows), step_until - begin)
    return rows, step_until


async def _read_behind(conn: Connection, cell: Cell, begin: datetime, until: datetime) -> list[asyncpg.Record]:
    """Return what was received in this time from devices whose clock is behind; `ts` is when it was received."""
    members = {member.id: member for member in cell.members}
    clocks = [(members[row["device_id"]], row["by"]) for row in await conn.fetch(SQL["behind"], list(members))]
    if not clocks:
        return []
    ids, codes = [m.id for m, _ in clocks], [m.profile.code for m, _ in clocks]
    since, by = [m.since for m, _ in clocks], [one for _, one in clocks]
    # one bound for all of them, so that only the chunks of this time are read
    first = begin - max(by) - _DRIFTS
    statement = SQL[f"behind_{cell.kind}"]
    return list(await conn.fetch(statement, ids, codes, since, begin, until, MOST_ROWS + 1, by, first))


async def read_arrived(
    conn: Connection, kind: str, batches: Sequence[int], since: datetime, until: datetime
) -> list[asyncpg.Record]:
    """Return the readings of a time that some batches brought, with `device_id`, except late ones."""
    return list(await conn.fetch(SQL[f"arrived_{kind}"], batches, since, until))


def within_one_step(rows: Sequence[R], step_until: datetime) -> tuple[Sequence[R], datetime]:
    """Return the readings that a step takes, and the time they reach to; `rows` may hold one too many.

    Readings of one moment stay together. When one moment alone has more than a step holds, the rest of it is left out:
    no instrument measures so often.
    """
    if len(rows) <= MOST_ROWS:
        return rows, step_until
    last = rows[MOST_ROWS]["ts"]
    end = bisect_left(rows, last, key=itemgetter("ts"))
    if end == 0:
        return rows[:MOST_ROWS], last
    return rows[:end], rows[end - 1]["ts"]
