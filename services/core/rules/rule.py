"""What a rule is as data, and the sources its numbers come from.

Used by the catalogue. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from services.core.bounds import Bounds
from services.core.words import Category, Severity


class Parameter(NamedTuple):
    """One number of a rule."""

    default: float
    unit: str
    source: str
    bounds: Bounds


class Rule(NamedTuple):
    """One row of contract 8. `kinds` are the device kinds it looks at; empty: any device, or an area."""

    code: str
    kinds: tuple[str, ...]
    category: Category
    severity: Severity
    zh: str
    raises: str
    clears: str
    parameters: Mapping[str, Parameter]


def define(  # noqa: PLR0917 - the columns of contract 8's table, in its order
    code: str,
    kinds: tuple[str, ...],
    category: Category,
    severity: Severity,
    zh: str,
    raises: str,
    clears: str,
    **parameters: Parameter,
) -> Rule:
    """Make a rule; every rule can be switched off."""
    on = Parameter(1, "0 or 1", "0 switches the rule off", SWITCH)
    return Rule(code, kinds, category, severity, zh, raises, clears, MappingProxyType({"enabled": on, **parameters}))


SWITCH: Final = Bounds(0, 1, whole=True)
IN_A_ROW: Final = Bounds(1, 10, whole=True)
"""Readings in a row; a latch counts no further."""

# What a sensor can say at all (contract 3): beyond it a threshold is never met, or always.
MPA: Final = Bounds(0, 4)
LPS: Final = Bounds(0, 200)
DEGREES: Final = Bounds(0, 180)
WATER_C: Final = Bounds(-40, 80)
CABLE_C: Final = Bounds(-50, 400)
LEVEL_PCT: Final = Bounds(0, 150)
MILLIAMPERES: Final = Bounds(0, 30_000)
VOLTS: Final = Bounds(0, 1000)
HALF_CYCLES: Final = Bounds(1, 100)  # a second of 50 Hz has no more
BATTERY_PCT: Final = Bounds(0, 100)

# Our own: longer than anybody waits, and far inside what a clock can count with.
DAY_MIN: Final = Bounds(0.1, 1440)
MONTH_H: Final = Bounds(0.1, 720)

CONTRACT: Final = "contract 8"
HYSTERESIS: Final = "hysteresis, field practice"
GB55036: Final = "GB 55036-2022 3.0.3"
GB50116: Final = "GB 50116-2013 9.2.3"
ARC: Final = "GB 14287.4-2014: 14 arc half-cycles in 1 s"
SUPPLY: Final = "contract 8: 220 V + 15 % / - 10 %"
TWO: Final = Parameter(2, "readings", "contract 8: one when the expected interval is over 1 h", IN_A_ROW)
THREE: Final = Parameter(3, "readings", CONTRACT, IN_A_ROW)
