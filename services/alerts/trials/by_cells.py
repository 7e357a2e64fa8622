"""A detector over the past: the cells of the running system, walked twice side by side over the same readings.

Used by `work`. Promises the code of the running system (`Cell`, and so `Fleet`), after a month of learning, one cell at
a time and a bounded step of readings at a time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.alerts.early.cells import HISTORY, Cell, Member, plan
from services.alerts.early.rows import find_first, read_members, read_step
from services.alerts.trials.sides import Side, Trial
from services.core.rules.catalog_early import EARLY, Numbers
from services.core.rules.profile import DeviceProfile
from services.core.rules.rule import Rule

_JUST_BEFORE: Final = timedelta(microseconds=1)
Note = Callable[[int, float], Awaitable[None]]
"""Takes the readings that were walked since the last time, and how far the whole is, 0 to 1."""


async def walk_cells(conn: asyncpg.Connection, trial: Trial, sides: Sequence[Side], note: Note) -> None:
    """Walk every cell that holds one of the trial's devices."""
    rule: Rule = EARLY[trial.code]
    members = await read_members(conn, rule.kinds)
    # what is out of service now was in service for most of the past, and when that ended is not known
    cells = plan(member._replace(out_of_service_until=None) for member in members)
    chosen = {
        name: group
        for name, group in cells.items()
        if trial.devices is None or any(member.profile.code in trial.devices for member in group)
    }
    for place, (name, group) in enumerate(chosen.items()):

        async def note_cell(rows: int, part: float, place: int = place) -> None:
            await note(rows, (place + part) / len(chosen))

        await _walk_cell(conn, name, group, trial, sides, note_cell)


async def _walk_cell(  # noqa: PLR0917 - a cell, and what every cell is walked with
    conn: asyncpg.Connection, name: str, members: Sequence[Member], trial: Trial, sides: Sequence[Side], note: Note
) -> None:
    first = await find_first(conn, members, trial.since - HISTORY)
    if first is None or first >= trial.until:
        return
    begin = first - _JUST_BEFORE
    walks = [_Walk(side, name, members, begin, max(begin, trial.since)) for side in sides]
    cell = walks[0].cell
    while cell.walked_until < trial.until:
        change_at = sides[0].book.next_change(cell.walked_until)
        until = trial.until if change_at is None else min(change_at, trial.until)
        rows, step_until = await read_step(conn, cell, until)
        for walk in walks:
            walk.take(rows, step_until)
        cell = walks[0].cell
        await note(len(rows), (step_until - begin) / (trial.until - begin))


class _Walk:
    """One side's cell."""

    def __init__(self, side: Side, name: str, members: Sequence[Member], begin: datetime, live_from: datetime) -> None:
        self._side = side
        self._profiles = {member.profile.code: member.profile for member in members}
        # as in the running system: a network has the numbers of the area of its first hydrant
        self._whose = DeviceProfile("", members[0].profile.kind, members[0].profile.area)
        self.cell = Cell(name, members, self._numbers(begin), begin, live_from)

    def take(self, rows: Sequence[asyncpg.Record], step_until: datetime) -> None:
        """Walk a step of readings."""
        side, cell = self._side, self._go_on()
        for row in rows:
            for warning in cell.take(row):
                if warning.code == side.code and (not warning.active or self._is_on(warning.device, warning.at)):
                    side.findings.take_early(warning)
        side.check()
        cell.walked_until = step_until

    def _go_on(self) -> Cell:
        """Take the numbers of the time; what was learned under others stays, where it fits."""
        cell = self.cell
        numbers = self._numbers(cell.walked_until)
        try:
            cell.retell(numbers)
        except ValueError:  # as in the running system, it then learns anew
            self.cell = Cell(cell.name, cell.members, numbers, cell.walked_until, cell.live_from)
        return self.cell

    def _numbers(self, at: datetime) -> Numbers:
        numbers = self._side.numbers(self._whose, at)
        return {code: numbers[code] for code in EARLY}

    def _is_on(self, device: str | None, at: datetime) -> bool:
        profile = self._whose if device is None else self._profiles[device]
        return self._side.numbers(profile, at)[self._side.code]["enabled"] != 0
