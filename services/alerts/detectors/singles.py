"""Warnings of single hydrants: each raised once, and over when it has not held for a while.

Used by `mains`. Cost: nothing while no warning is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from services.alerts.detectors.expectation import Array
from services.alerts.detectors.finding import EarlyWarning, Place, tell_since
from services.core.rules.catalog_early import EARLY
from services.core.words import Reason


class Hydrant(NamedTuple):
    """The device of a column of numbers."""

    code: str
    area: str
    place: Place | None


class Pressures(NamedTuple):
    """Measured and expected pressure in MPa, NaN where there is none."""

    at: datetime
    seen: Array
    expected: Array


class Singles:
    """Open warnings of single hydrants, by code and number."""

    MEMORY: Final = ("_standing",)

    def __init__(self, hydrants: Sequence[Hydrant], calm_slots: int) -> None:
        self._hydrants = hydrants
        self._calm_slots = calm_slots
        self._standing: dict[tuple[str, int], int] = {}  # -> slots for which it has not held

    def standing(self, code: str) -> list[int]:
        """Return of whom this warning is raised."""
        return [number for raised, number in self._standing if raised == code]

    def weigh(self, code: str, begins: np.ndarray, holds: np.ndarray, slot: Pressures) -> list[EarlyWarning]:
        """Raise where `begins` says so and no warning is open; clear those that have not held for `calm_slots`."""
        found: list[EarlyWarning] = []
        if not self._standing and not np.count_nonzero(begins):
            return found
        for number in np.flatnonzero(begins).tolist():
            if (code, number) not in self._standing:
                self._standing[code, number] = 0
                found.append(self.say(code, number, slot, active=True))
        for key in [key for key in self._standing if key[0] == code]:
            self._standing[key] = 0 if holds[key[1]] else self._standing[key] + 1
            if self._standing[key] >= self._calm_slots:
                del self._standing[key]
                found.append(self.say(code, key[1], slot, active=False))
        return found

    def say(self, code: str, number: int, slot: Pressures, *, active: bool) -> EarlyWarning:
        """Return the warning of one hydrant."""
        item, rule = self._hydrants[number], EARLY[code]
        seen, expected = slot.seen[number], slot.expected[number]
        zh, en = rule.zh, code.replace("_", " ")
        known = active and not (np.isnan(seen) or np.isnan(expected))
        sure = "high" if code == "sensor_fault" else "fair"
        end = tell_since(slot.at, sure)
        if not active:
            reason = Reason(f"{zh}：已恢复", f"{en}: over")
        elif not known:
            reason = Reason(f"{zh}：读数不可信{end.zh}", f"{en}: its readings cannot be trusted{end.en}")
        else:
            reason = Reason(
                f"{zh}：预期 {expected:.3f} MPa，实测 {seen:.3f} MPa{end.zh}",
                f"{en}: {expected:.3f} MPa expected, {seen:.3f} MPa seen{end.en}",
            )
        return EarlyWarning(
            code=code,
            at=slot.at,
            severity=rule.severity,
            area=item.area,
            reason=reason,
            active=active,
            device=item.code,
            members=(item.code,),
            place=item.place,
            expected=round(float(expected), 4) if known else None,
            seen=round(float(seen), 4) if known else None,
            unit="MPa",
            sure=sure if active else "",
        )
