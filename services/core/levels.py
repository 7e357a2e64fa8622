"""What a level says about a tank: the tank's own limits, its height when full, per cent, empty. Pure.

Used by the rules of level sensors and by the judgement of water sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.core.bounds import plain_number

EMPTY_M: Final = 0.01
"""Below a centimetre there is no water to draw, and no sensor that could tell."""

EMPTY_PCT: Final = 1.0

SPELLINGS: Final = {
    ("level_pct", "low"): ("level_pct_low", "level_low_pct", "low_pct", "level_low"),
    ("level_pct", "high"): ("level_pct_high", "level_high_pct", "high_pct", "level_high"),
    ("level_m", "low"): ("level_m_low", "level_low_m", "low_m"),
    ("level_m", "high"): ("level_m_high", "level_high_m", "high_m"),
    ("level_m", "full"): ("level_m_full", "level_full_m", "full_m", "height_m"),
}
"""How a registry may name the limits of a device; the first spelling is ours."""


def level_limit(limits: Mapping[str, Any], field: str, side: str) -> float | None:
    """Return the device's own limit of a field, None: it has none."""
    nested = limits.get(field)
    names = SPELLINGS[field, side]
    given = [nested.get(side) if isinstance(nested, Mapping) else None, *(limits.get(name) for name in names)]
    return next((number for value in given if (number := plain_number(value)) is not None), None)


def full_height_m(limits: Mapping[str, Any]) -> float | None:
    """Return the level of the full tank, None: nobody said."""
    height_m = level_limit(limits, "level_m", "full")
    return height_m if height_m is not None and height_m > EMPTY_M else None


def level_pct(pct: object, metres: object, full_m: float | None) -> float | None:
    """Return a level in per cent: as it was sent, else by the height of the full tank, else None."""
    sent, level_m = plain_number(pct), plain_number(metres)
    if sent is not None or level_m is None or full_m is None:
        return sent
    return round(max(0.0, 100 * level_m / full_m), 1)


def is_empty(pct: float | None, level_m: float | None, low_m: float | None) -> bool:
    """Whether there is no water. Metres say so only beside nothing better, and not below a datum of their own."""
    if pct is not None:
        return pct < EMPTY_PCT
    return level_m is not None and level_m < EMPTY_M and (low_m is None or low_m >= 0)
