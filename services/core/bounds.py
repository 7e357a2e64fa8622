"""The numbers a setting may have: checked when somebody writes it, clamped when a program reads it. Pure.

Used by the rules' catalogue and by the API. What stands in a table already, however it came there, is read as the
nearest number that can be used, or not at all: it can never end a program.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Bounds(NamedTuple):
    """From `least` to `most`, both allowed; `whole`: 2.5 is no such number."""

    least: float
    most: float
    whole: bool = False

    def fault(self, value: object) -> str | None:
        """Return what is wrong with `value`, or None."""
        number = plain_number(value)
        if number is None or (self.whole and not number.is_integer()) or not self.least <= number <= self.most:
            return f"must be a {'whole ' if self.whole else ''}number from {self.least:g} to {self.most:g}"
        return None

    def clamp(self, value: object) -> float | None:
        """Return the nearest number that can be used; None: `value` is none."""
        number = plain_number(value)
        if number is None:
            return None
        inside = min(max(number, self.least), self.most)
        return float(round(inside)) if self.whole else inside


def plain_number(value: object) -> float | None:
    """Return `value` if it is a number: text, true and false, NaN and the infinite are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
