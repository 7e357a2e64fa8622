"""Keeps the expected values of open warnings, slot by slot, for the chart of the alarm.

Used by `watch` after each step of a cell. Promises rows only of raised warnings, each once, none older than `KEPT`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from services.alerts.detectors.course import Expected
from services.alerts.early.cells import Cell
from services.core.statements import load_queries

SQL = load_queries(__file__)
KEPT: Final = timedelta(days=400)
_ELECTRICAL: Final[Mapping[str, str]] = {"insulation_ageing": "residual_current", "joint_heating": "temperature"}
Connection = asyncpg.Connection | PoolConnectionProxy


class _Course(NamedTuple):
    """The slots of one quantity of a device that were not kept yet."""

    device: str
    quantity: str
    slots: list[Expected]


class Courses:
    """For every cell, up to when values were kept."""

    def __init__(self) -> None:
        self._kept_until_s: dict[str, dict[tuple[str, str], int]] = {}  # by cell

    async def keep(self, conn: Connection, cell: Cell, now: datetime) -> None:
        """Keep new values where the cell has an open warning."""
        kept = self._kept_until_s.get(cell.name, {})
        standing: dict[tuple[str, str], int] = {}
        for device, quantity, slots in _courses(cell, kept):
            standing[device, quantity] = slots[-1].at_s if slots else kept.get((device, quantity), 0)
            if slots:
                moments = [datetime.fromtimestamp(one.at_s, UTC) for one in slots]
                values, spreads = [one.value for one in slots], [one.spread for one in slots]
                await conn.execute(SQL["keep"], device, quantity, moments, values, spreads)
                await conn.execute(SQL["forget"], device, quantity, now - KEPT)
        if standing:
            self._kept_until_s[cell.name] = standing
        else:
            self._kept_until_s.pop(cell.name, None)


def _courses(cell: Cell, kept: Mapping[tuple[str, str], int]) -> Iterator[_Course]:
    seen: set[tuple[str, str]] = set()
    over, cell.ended = cell.ended, []
    for warning in (*(cell.standing[key] for key in cell.told), *over):
        device = warning.device or next(iter(warning.members), "")  # for an event, its deepest member
        quantity = _ELECTRICAL.get(warning.code, "pressure")
        if (device, quantity) in seen:
            continue
        seen.add((device, quantity))
        since_s = kept.get((device, quantity), 0)
        yield _Course(device, quantity, [one for one in cell.fleet.course(device, warning.code) if one.at_s > since_s])
