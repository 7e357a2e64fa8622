"""The rules of hydrants, level sensors and the mains they hang on, as data (contract 8).

Gathered by `catalog`. Pure data.
"""

from __future__ import annotations

from typing import Final

from services.core.bounds import Bounds
from services.core.rules.rule import (
    CONTRACT,
    DAY_MIN,
    DEGREES,
    GB55036,
    HYSTERESIS,
    LEVEL_PCT,
    LPS,
    MONTH_H,
    MPA,
    TWO,
    WATER_C,
    Parameter,
    define,
)
from services.core.words import Category, Severity

WATER_RULES: Final = (
    define(
        "hydrant_pressure_low",
        ("hydrant",),
        Category.WATER,
        Severity.MAJOR,
        "消火栓水压低",
        "at rest: below `static_mpa`; in use or open: below `flowing_mpa`; `readings` in a row. "
        "Below `dead_mpa`: at once",
        "above `static_clear_mpa` (in use: `flowing_clear_mpa`), `readings` in a row",
        static_mpa=Parameter(0.14, "MPa", f"{GB55036}: normal operation", MPA),
        flowing_mpa=Parameter(0.10, "MPa", f"{GB55036}: in use, from the ground", MPA),
        dead_mpa=Parameter(0.05, "MPa", "contract 8: no water is reported at once", MPA),
        static_clear_mpa=Parameter(0.15, "MPa", HYSTERESIS, MPA),
        flowing_clear_mpa=Parameter(0.11, "MPa", HYSTERESIS, MPA),
        readings=TWO,
    ),
    define(
        "hydrant_pressure_high",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓水压高",
        "above `high_mpa`, `readings` in a row",
        "below `clear_mpa`",
        high_mpa=Parameter(1.0, "MPa", CONTRACT, MPA),
        clear_mpa=Parameter(0.95, "MPa", HYSTERESIS, MPA),
        readings=TWO,
    ),
    define(
        "hydrant_pressure_drop",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓水压骤降",
        "falls by more than `drop_mpa` within `window_min` while not flowing",
        "back to within `back_mpa` of the pressure before, or after `forget_h`",
        drop_mpa=Parameter(0.10, "MPa", CONTRACT, MPA),
        window_min=Parameter(15, "min", CONTRACT, DAY_MIN),
        back_mpa=Parameter(0.05, "MPa", CONTRACT, MPA),
        forget_h=Parameter(24, "h", CONTRACT, MONTH_H),
    ),
    define(
        "hydrant_in_use",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓正在用水",
        "flow above `flow_lps`, or cap open with water present",
        "`clear_readings` in a row without it",
        flow_lps=Parameter(0.5, "L/s", f"{CONTRACT}: above meter noise", LPS),
        clear_readings=TWO,
    ),
    define(
        "hydrant_cap_open",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓闷盖打开",
        "cap is open, `readings` in a row",
        "`readings` in a row without it",
        readings=TWO,
    ),
    define(
        "hydrant_tilt",
        ("hydrant",),
        Category.WATER,
        Severity.MAJOR,
        "消火栓倾斜",
        "tilt at or above `tilt_deg`, `readings` in a row",
        "`readings` in a row without it",
        tilt_deg=Parameter(15, "°", f"{CONTRACT}: knocked over or about to be", DEGREES),
        readings=TWO,
    ),
    define(
        "hydrant_freezing",
        ("hydrant",),
        Category.WATER,
        Severity.MINOR,
        "消火栓结冰风险",
        "water below `cold_c`",
        "above `clear_c`; or what it goes on sending tells no temperature for 25 h",
        cold_c=Parameter(2, "°C", f"{CONTRACT}: 2 K above freezing", WATER_C),
        clear_c=Parameter(4, "°C", HYSTERESIS, WATER_C),
    ),
    define(
        "water_level_low",
        ("water",),
        Category.WATER,
        Severity.MAJOR,
        "水位低",
        "below the device's limit (`level_pct_low` or `level_m_low`; default `low_pct`), `readings` in a row. With the "
        "limit `level_m_full` (the level of the full tank) metres are turned into per cent; 0 m is empty, also "
        "without a limit",
        "`inside_pct` inside the limit",
        low_pct=Parameter(30, "%", CONTRACT, LEVEL_PCT),
        inside_pct=Parameter(5, "points (of a limit in metres: % of it)", HYSTERESIS, Bounds(0, 100)),
        readings=TWO,
    ),
    define(
        "water_level_high",
        ("water",),
        Category.WATER,
        Severity.MINOR,
        "水位高",
        "above the device's limit (`level_pct_high` or `level_m_high`; default `high_pct`), `readings` in a row",
        "`inside_pct` inside the limit",
        high_pct=Parameter(105, "%", CONTRACT, LEVEL_PCT),
        inside_pct=Parameter(5, "points (of a limit in metres: % of it)", HYSTERESIS, Bounds(0, 100)),
        readings=TWO,
    ),
    define(
        "mains_event",
        (),
        Category.WATER,
        Severity.MAJOR,
        "管网失压",
        "`devices` devices of an area have pressure_low or pressure_drop within `within_min`",
        "all members have cleared",
        devices=Parameter(3, "devices", CONTRACT, Bounds(2, 1000, whole=True)),
        within_min=Parameter(2, "min", CONTRACT, DAY_MIN),
        join_min=Parameter(
            30, "min", "field practice: a burst main empties an area within minutes, not hours", DAY_MIN
        ),
    ),
)
