"""Notices what was told under another area before: a device that was moved, and its open alarms. Pure; used by `feed`.

Whoever sees the old area alone hears no more of it, and a page would show it for ever as it was: it has to fetch anew.
Known is where things were when the program began, and what was told since, up to a bound.
"""

from collections.abc import Iterable
from typing import Any

from services.api.live.cursors import Told
from services.core.words import State

MOST = 200_000


class Moves:
    """Under which area each thing of one kind was told last."""

    def __init__(self, most: int = MOST) -> None:
        self._areas: dict[Any, str | None] = {}
        self.most = most

    def know(self, places: Iterable[tuple[Any, str | None]]) -> None:
        """Learn where things are of which nothing was told yet."""
        for name, area in places:
            if len(self._areas) >= self.most:
                return
            self._areas.setdefault(name, area)

    def left(self, told: Iterable[Told]) -> list[str | None]:
        """Return the areas that something which is told now was told under before."""
        found: dict[str | None, None] = {}
        for one in told:
            before = self._areas.get(one.name, one.area)
            if before != one.area:
                found[before] = None
            if one.document.get("state") == State.CLOSED:
                self._areas.pop(one.name, None)
            elif one.name in self._areas or len(self._areas) < self.most:
                self._areas[one.name] = one.area
        return list(found)
