"""How much the borders of all grids may hold together: to say where they overlap, all of them are read at once.

Used by PUT and by the import, in their turn. Each border and each file has a bound of its own (polygons, importing).
"""

from typing import Final, Self

import asyncpg

from services.api.prevention.grids.polygons import Border, rings_of
from services.api.request.problems import invalid
from services.api.request.writing import Write
from services.core.statements import load_queries

SQL = load_queries(__file__)
MOST_GRIDS: Final = 10_000
MOST_POSITIONS: Final = 500_000
"""A thousand for each of 500 grids, as a county has."""


class Room:
    """What stands, and what a transaction adds to it."""

    def __init__(self, grids: int, positions: int) -> None:
        self._grids, self._positions = grids, positions

    @classmethod
    async def left_by(cls, write: Write) -> Self:
        """Return the room beside all that stands."""
        (row,) = await write.connection.fetch(SQL["held"])
        return cls(row["grids"], row["positions"])

    def take(self, border: Border | None, before: asyncpg.Record | None) -> None:
        """Take room for a grid in the place of how it stands. A border that does not grow finds it always.

        Raises:
            Problem: 422, there is not enough.
        """
        if before is None and self._grids >= MOST_GRIDS:
            raise invalid("id", f"at most {MOST_GRIDS} grids in all: remove those that nobody looks after")
        if border is not None:
            stood = 0 if before is None else before["positions"]
            more = sum(len(points) for _, _, points in rings_of(border)) - stood
            if more > 0 and self._positions + more > MOST_POSITIONS:
                message = f"the borders of all grids hold at most {MOST_POSITIONS} positions together: simplify them"
                raise invalid("polygon", message)
            self._positions += more
        self._grids += before is None
