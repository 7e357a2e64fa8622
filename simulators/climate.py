"""Weather and people of Baode: air temperature, daily shapes of water and power demand.

Called by the generators. Promises: pure functions of time; `at_s` is the simulated time as Unix seconds.
Figures are chosen to look right (continental, cold winters), not measured.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from simulators.noise import drift, seed_of

_LOCAL_S = 8 * 3600  # China keeps one time, UTC+8
_DAY_S = 86_400
_YEAR_S = 365.2425 * _DAY_S
_WEATHER = seed_of("weather of Baode")


def hour_of(at_s: float) -> float:
    """Return the local hour, 0 to 24."""
    return ((at_s + _LOCAL_S) % _DAY_S) / 3600


def is_weekend(at_s: float) -> bool:
    """Return True on Saturday and Sunday."""
    return (int((at_s + _LOCAL_S) // _DAY_S) + 3) % 7 >= 5  # day 0 was a Thursday


def air_temp_c(at_s: float, shift_c: float = 0.0) -> float:
    """Return the air temperature: -9 °C mean in mid January, colder than -20 °C in the nights of a cold spell."""
    year = ((at_s - 15 * _DAY_S) % _YEAR_S) / _YEAR_S
    season = 8.0 - 17.0 * math.cos(math.tau * year)
    day = -6.5 * math.cos(math.tau * (hour_of(at_s) - 3.5) / 24)
    spell = 6.0 * drift(_WEATHER, at_s, 4 * _DAY_S)
    return season + day + spell + shift_c


def _bump(hour: float, centre: float, width: float) -> float:
    distance = (hour - centre + 12) % 24 - 12
    return math.exp(-0.5 * (distance / width) ** 2)


def water_demand(at_s: float) -> float:
    """Return the county's water demand, 0 (deep night) to about 1 (evening peak); weekends get up later."""
    hour = hour_of(at_s)
    late = 1.2 if is_weekend(at_s) else 0.0
    morning = 0.85 * _bump(hour, 7.4 + late, 1.2)
    return 0.12 + morning + 0.65 * _bump(hour, 12.2, 1.1) + 0.88 * _bump(hour, 19.2, 1.8)


class Shape(StrEnum):
    """Who uses the circuit."""

    HOME = "home"
    SHOP = "shop"
    OFFICE = "office"
    CANTEEN = "canteen"
    WORKSHOP = "workshop"


# base load, then bumps (height, hour, width in hours); the second list is the weekend's
_LOADS: Mapping[Shape, tuple[float, tuple[tuple[float, float, float], ...], tuple[tuple[float, float, float], ...]]] = (
    MappingProxyType(
        {
            Shape.HOME: (
                0.14,
                ((0.35, 7, 1), (0.3, 12, 1), (0.7, 19.5, 2)),
                ((0.3, 9, 1.5), (0.45, 13, 2.5), (0.7, 19.5, 2)),
            ),
            Shape.SHOP: (0.12, ((0.75, 12, 3.2), (0.6, 18.5, 2)), ((0.85, 13, 3.4), (0.65, 18.5, 2))),
            Shape.OFFICE: (0.08, ((0.75, 9.7, 1.7), (0.7, 15.7, 1.9)), ((0.1, 11, 2),)),
            Shape.CANTEEN: (
                0.15,
                ((0.6, 6.6, 0.8), (0.8, 11.3, 1.1), (0.7, 17.5, 1.1)),
                ((0.5, 7.5, 0.8), (0.8, 11.5, 1.1), (0.75, 17.8, 1.2)),
            ),
            Shape.WORKSHOP: (0.10, ((0.8, 9.5, 1.6), (0.85, 15, 1.9)), ((0.35, 10, 1.6),)),
        }
    )
)


def power_load(shape: Shape, at_s: float) -> float:
    """Return the usual load of a circuit as a share of its rated current, about 0.1 to 0.9."""
    base, weekday, weekend = _LOADS[shape]
    hour = hour_of(at_s)
    bumps = weekend if is_weekend(at_s) else weekday
    return base + sum(height * _bump(hour, centre, width) for height, centre, width in bumps)
