"""Warnings of single hydrants: each raised once, and over when it has not held for a while.

Used by `mains`. Cost: nothing while no warning is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from services.alerts.detectors.expectation import Array
from services.alerts.detectors.finding import EarlyWarning, Place, Told, tell_since
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
        self._standing: dict[tuple[str, int], int] = {}  # -> slots of time for which it has not held

    def standing(self, code: str) -> list[int]:
        """Return of whom this warning is raised."""
        return [number for raised, number in self._standing if raised == code]

    def weigh(  # noqa: PLR0917 - one call a slot and code
        self,
        code: str,
        begins: np.ndarray,
        holds: np.ndarray,
        slot: Pressures,
        passed: int = 1,
        tell: Callable[[int], Told] | None = None,
    ) -> list[EarlyWarning]:
        """Raise where `begins` says so and no warning is open; clear those that have not held for `calm_slots`.

        `passed` slots after the one before; `tell` is asked for what else is to be said of a hydrant.
        """
        found: list[EarlyWarning] = []
        if not self._standing and not np.count_nonzero(begins):
            return found
        for number in np.flatnonzero(begins).tolist():
            if (code, number) not in self._standing:
                self._standing[code, number] = 0
                told = None if tell is None else tell(number)
                found.append(self.say(code, number, slot, active=True, told=told))
        for key in [key for key in self._standing if key[0] == code]:
            calm = self._standing[key]
            self._standing[key] = calm = 0 if holds[key[1]] else calm + passed if calm else 1
            if calm >= self._calm_slots:
                del self._standing[key]
                found.append(self.say(code, key[1], slot, active=False))
        return found

    def say(self, code: str, number: int, slot: Pressures, *, active: bool, told: Told | None = None) -> EarlyWarning:
        """Return the warning of one hydrant."""
        told = told or Told()
        item, rule = self._hydrants[number], EARLY[code]
        seen, expected = slot.seen[number], slot.expected[number]
        zh, en = rule.zh, code.replace("_", " ")
        known = active and told.body is None and not (np.isnan(seen) or np.isnan(expected))
        sure = "high" if code == "sensor_fault" else "fair"
        end = tell_since(told.since or slot.at, sure)
        if not active:
            reason = Reason(f"{zh}：已恢复", f"{en}: over")
        elif told.body is not None:
            reason = Reason(f"{zh}：{told.body.zh}{end.zh}", f"{en}: {told.body.en}{end.en}")
        elif not known:
            reason = Reason(f"{zh}：读数不可信{end.zh}", f"{en}: its readings cannot be trusted{end.en}")
        else:
            cause, cause_en = ("", "") if told.cause is None else (f"；{told.cause.zh}", f"; {told.cause.en}")
            reason = Reason(
                f"{zh}：预期 {expected:.3f} MPa，实测 {seen:.3f} MPa{cause}{end.zh}",
                f"{en}: {expected:.3f} MPa expected, {seen:.3f} MPa seen{cause_en}{end.en}",
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
            seen=round(float(seen), 4) if known else told.seen,
            unit="MPa",
            sure=sure if active else "",
        )
