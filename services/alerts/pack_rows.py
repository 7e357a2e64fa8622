"""Which rows of a file of readings are judged: in the order of time, each once, none of a clock far ahead.

Used by `packs`. A file has no now: what ingest measures by the time of receipt is measured here by the rows around.
Promises that in a file in the order of `ts` only rows met before are left out, and memory for `_LOOK_AHEAD` rows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median_low
from typing import Any, Final, NamedTuple

_LOOK_AHEAD: Final = 100  # rows that say what time it is
_AHEAD_S: Final = 300.0  # contract 3: a telemetry ts lies at most 5 min ahead


class Row(NamedTuple):
    """One reading: epoch seconds, the same as a time, whose it is, its `seq` if the file has it, its fields by name."""

    at_s: float
    at: datetime
    code: str
    seq: int | None
    fields: dict[str, Any]


def in_order(rows: Iterable[Row], aside: Counter[str]) -> Iterator[Row]:
    """Yield the rows that are neither older than one before them nor far ahead of the rows after them.

    Far ahead is more than 5 min beyond the newest row so far and beyond the middle of those that follow: one wrong
    clock does not make all others late.
    """
    waiting: deque[Row] = deque()
    falls = 0  # pairs in `waiting` that go back in time: none in a good file
    newest_s = float("-inf")

    def settle() -> Row | None:
        nonlocal falls, newest_s
        row = waiting.popleft()
        ahead = falls > 0 and row.at_s > newest_s + _AHEAD_S and _far_ahead(row, waiting, newest_s)
        falls -= bool(waiting) and waiting[0].at_s < row.at_s
        if ahead or row.at_s < newest_s:
            aside["ts far ahead of the rows after it" if ahead else "ts older than a row before it"] += 1
            return None
        newest_s = row.at_s
        return row

    for row in rows:
        falls += bool(waiting) and row.at_s < waiting[-1].at_s
        waiting.append(row)
        if len(waiting) > _LOOK_AHEAD and (settled := settle()) is not None:
            yield settled
    while waiting:
        if (settled := settle()) is not None:
            yield settled


def _far_ahead(row: Row, following: Iterable[Row], newest_s: float) -> bool:
    told = [other.at_s for other in following if other.at_s >= newest_s]
    return bool(told) and row.at_s > median_low(told) + _AHEAD_S


def met_once(rows: Iterable[Row], aside: Counter[str]) -> Iterator[Row]:
    """Yield each row the first time: a device's row of the same `ts` with the same `seq` and fields changes nothing.

    As in the database, `ts` and `seq` alone are a reading's identity where the file has a column `seq`.
    """
    met: dict[str, tuple[float, set[object]]] = {}
    for row in rows:
        identity: object = tuple(row.fields.items()) if row.seq is None else row.seq
        at_s, seen = met.get(row.code, (None, set()))
        if at_s != row.at_s:
            met[row.code] = row.at_s, {identity}
        elif identity in seen:
            aside["row met before"] += 1
            continue
        else:
            seen.add(identity)
        yield row
