"""The rules of electrical fire monitors, as data (contract 8).

Gathered by `catalog`. Pure data.
"""

from __future__ import annotations

from typing import Final

from services.core.rules.rule import (
    ARC,
    CABLE_C,
    CONTRACT,
    GB50116,
    HALF_CYCLES,
    HYSTERESIS,
    MILLIAMPERES,
    SUPPLY,
    THREE,
    TWO,
    VOLTS,
    Parameter,
    define,
)
from services.core.words import Category, Severity

ELECTRICAL_RULES: Final = (
    define(
        "residual_current_high",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MAJOR,
        "剩余电流过大",
        "median of 3 at or above `high_ma`; critical at or above `critical_ma`",
        "median of 3 below `clear_ma`",
        high_ma=Parameter(300, "mA", f"{GB50116}: set 300 to 500 mA", MILLIAMPERES),
        critical_ma=Parameter(500, "mA", f"{GB50116}: upper end", MILLIAMPERES),
        clear_ma=Parameter(250, "mA", HYSTERESIS, MILLIAMPERES),
    ),
    define(
        "cable_temperature_high",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MAJOR,
        "线缆温度过高",
        "any phase at or above `high_c`, `readings` in a row; critical at or above `critical_c`",
        "all phases below `clear_c`",
        high_c=Parameter(70, "°C", "GB 14287.3: settings from 45 °C up; PVC conductors are rated 70 °C", CABLE_C),
        critical_c=Parameter(90, "°C", f"{CONTRACT}: XLPE conductor rating", CABLE_C),
        clear_c=Parameter(65, "°C", HYSTERESIS, CABLE_C),
        readings=TWO,
    ),
    define(
        "arc_fault",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MAJOR,
        "故障电弧",
        "`arc_count` at or above `arcs`, or the event `arc_fault`",
        "a person clears it (or a reset at the device)",
        arcs=Parameter(14, "half-cycles in 1 s", ARC, HALF_CYCLES),
    ),
    define(
        "overvoltage",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "过电压",
        "any phase above `high_v`, `readings` in a row",
        "all phases within the limit, `clear_readings` in a row",
        high_v=Parameter(253, "V", SUPPLY, VOLTS),
        readings=THREE,
        clear_readings=TWO,
    ),
    define(
        "undervoltage",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "欠电压",
        "any phase below `low_v`, `readings` in a row",
        "all phases within the limit, `clear_readings` in a row",
        low_v=Parameter(198, "V", SUPPLY, VOLTS),
        readings=THREE,
        clear_readings=TWO,
    ),
    define(
        "overcurrent",
        ("electrical",),
        Category.ELECTRICAL,
        Severity.MINOR,
        "过电流",
        "any phase above the device's `rated_current_a`, `readings` in a row; off while that is not set",
        "all phases within the limit, `clear_readings` in a row",
        readings=THREE,
        clear_readings=TWO,
    ),
)
