"""Chooses the rows of a file of readings to judge: in the order of time, each once, none from a clock far ahead.

Used by `packs`. A file has no present time: ingest compares with the time of receipt, this module with the rows around.
Promises that in a file sorted by `ts` only repeated rows are left out, and that memory holds `_LOOK_AHEAD` rows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median_low
from typing import Any, Final, NamedTuple

_LOOK_AHEAD: Final = 100  # rows that show the present time
OLDER: Final = "ts older than a row before it"  # why a row is set aside
_AHEAD_S: Final = 300.0  # contract 3: a telemetry ts lies at most 5 min ahead


class Row(NamedTuple):
    """One reading: epoch seconds, the same as a time, its device, its `seq` if the file has it, its fields by name."""

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
    falls = 0  # pairs in `waiting` that go back in time: none in a sorted file
    newest_s = float("-inf")

    def settle() -> Row | None:
        nonlocal falls, newest_s
        row = waiting.popleft()
        ahead = falls > 0 and row.at_s > newest_s + _AHEAD_S and _far_ahead(row, waiting, newest_s)
        falls -= bool(waiting) and waiting[0].at_s < row.at_s
        if ahead or row.at_s < newest_s:
            aside["ts far ahead of the rows after it" if ahead else OLDER] += 1
            return None
        newest_s = row.at_s
        return row

    last_s = float("-inf")
    for row in rows:
        at_s = row.at_s
        if at_s < last_s and waiting:
            falls += 1
        last_s = at_s
        waiting.append(row)
        if len(waiting) <= _LOOK_AHEAD:
            continue
        if falls == 0 and waiting[0].at_s >= newest_s:  # sorted rows need no check
            newest_s = waiting[0].at_s
            yield waiting.popleft()
        elif (settled := settle()) is not None:
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
    newest: dict[str, Row] = {}
    met: dict[str, set[object]] = {}  # for devices whose newest time has several rows
    for row in rows:
        code = row.code
        before = newest.get(code)
        if before is None or before.at_s != row.at_s:
            newest[code] = row
            if met:
                met.pop(code, None)
        else:
            seen = met.setdefault(code, {_identity(before)})
            identity = _identity(row)
            if identity in seen:
                aside["row met before"] += 1
                continue
            seen.add(identity)
        yield row


def _identity(row: Row) -> object:
    return tuple(row.fields.items()) if row.seq is None else row.seq
