"""What a walk of readings may say, and a pressure in short. Used by the tables of this folder."""

from typing import Any


def p(mpa: float, **more: Any) -> dict[str, Any]:
    return {"pressure_mpa": mpa, **more}


LOW, LOW_OVER = ["+hydrant_pressure_low major"], ["-hydrant_pressure_low"]
HIGH, HIGH_OVER = ["+hydrant_pressure_high minor"], ["-hydrant_pressure_high"]
FELL, FELL_OVER = ["+hydrant_pressure_drop minor"], ["-hydrant_pressure_drop"]
USED, USED_OVER = ["+hydrant_in_use minor"], ["-hydrant_in_use"]
CAP, CAP_OVER = ["+hydrant_cap_open minor"], ["-hydrant_cap_open"]
TILT, TILT_OVER = ["+hydrant_tilt major"], ["-hydrant_tilt"]
COLD, COLD_OVER = ["+hydrant_freezing minor"], ["-hydrant_freezing"]
LEAK, LEAK_CRITICAL = ["+residual_current_high major"], ["+residual_current_high critical"]
LEAK_OVER = ["-residual_current_high"]
HOT, HOT_CRITICAL = ["+cable_temperature_high major"], ["+cable_temperature_high critical"]
HOT_OVER = ["-cable_temperature_high"]
ARC = ["+arc_fault major"]
EMPTY, EMPTY_OVER = ["+water_level_low major"], ["-water_level_low"]
FULL, FULL_OVER = ["+water_level_high minor"], ["-water_level_high"]
FLAT, FLAT_OVER = ["+battery_low minor"], ["-battery_low"]
