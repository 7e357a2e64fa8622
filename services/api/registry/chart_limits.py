"""The limits that rules hold a device to, as lines for its charts. Pure; the numbers are the rules' own.

Which parameters are lines on the chart of which field is said here; their values are those in force for the device.
"""

from typing import Any, NamedTuple

from services.core.levels import level_limit
from services.core.rules.catalog import RULES
from services.core.rules.parameters import Parameters
from services.core.rules.profile import DeviceProfile


class Drawn(NamedTuple):
    """Which parameters of a rule are lines on the chart of a field."""

    code: str
    field: str
    op: str
    raises: str
    clears: str
    critical: str | None = None


_DRAWN = (
    Drawn("hydrant_pressure_low", "pressure_mpa", "<", "static_mpa", "static_clear_mpa"),
    Drawn("hydrant_pressure_high", "pressure_mpa", ">", "high_mpa", "clear_mpa"),
    Drawn("hydrant_in_use", "flow_lps", ">", "flow_lps", "flow_lps"),
    Drawn("hydrant_tilt", "tilt_deg", ">", "tilt_deg", "tilt_deg"),
    Drawn("hydrant_freezing", "water_temp_c", "<", "cold_c", "clear_c"),
    Drawn("residual_current_high", "residual_current_ma", ">", "high_ma", "clear_ma", "critical_ma"),
    Drawn("cable_temperature_high", "temp_a_c", ">", "high_c", "clear_c", "critical_c"),
    Drawn("cable_temperature_high", "temp_b_c", ">", "high_c", "clear_c", "critical_c"),
    Drawn("cable_temperature_high", "temp_c_c", ">", "high_c", "clear_c", "critical_c"),
    Drawn("arc_fault", "arc_count", ">", "arcs", "arcs"),
    Drawn("overvoltage", "voltage_a_v", ">", "high_v", "high_v"),
    Drawn("overvoltage", "voltage_b_v", ">", "high_v", "high_v"),
    Drawn("overvoltage", "voltage_c_v", ">", "high_v", "high_v"),
    Drawn("undervoltage", "voltage_a_v", "<", "low_v", "low_v"),
    Drawn("undervoltage", "voltage_b_v", "<", "low_v", "low_v"),
    Drawn("undervoltage", "voltage_c_v", "<", "low_v", "low_v"),
    Drawn("water_level_low", "level_pct", "<", "low_pct", "low_pct"),
    Drawn("water_level_high", "level_pct", ">", "high_pct", "high_pct"),
    Drawn("battery_low", "battery_pct", "<", "low_pct", "clear_pct"),
)
_OWN = {"water_level_low": "low", "water_level_high": "high"}  # which limit of its own a device may have


def chart_limits(device: DeviceProfile, parameters: Parameters) -> list[dict[str, Any]]:
    """Return {field, code, op, raise, clear, critical} of each rule that looks at the device.

    `parameters` are the numbers in force for it.
    """
    lines = []
    for drawn in _DRAWN:
        numbers = parameters[drawn.code]
        if device.kind not in RULES[drawn.code].kinds or not numbers["enabled"]:
            continue
        inside = numbers.get("inside_pct", 0.0) * (1 if drawn.op == "<" else -1)
        own = level_limit(device.limits, drawn.field, _OWN[drawn.code]) if drawn.code in _OWN else None
        lines.append(
            {
                "field": drawn.field,
                "code": drawn.code,
                "op": drawn.op,
                "raise": numbers[drawn.raises] if own is None else own,
                "clear": (numbers[drawn.clears] if own is None else own) + inside,
                "critical": None if drawn.critical is None else numbers[drawn.critical],
            }
        )
    lines += _in_metres(device, parameters)
    rated = device.rated_current_a
    if device.kind == "electrical" and rated is not None:
        line = {"code": "overcurrent", "op": ">", "raise": rated, "clear": rated, "critical": None}
        lines += [{"field": f"current_{phase}_a", **line} for phase in "abc"]
    return lines


def _in_metres(device: DeviceProfile, parameters: Parameters) -> list[dict[str, Any]]:
    """Return the lines of limits that the device itself has in metres; the rule has none of its own."""
    lines = []
    for code, side in _OWN.items():
        own = level_limit(device.limits, "level_m", side)
        if device.kind in RULES[code].kinds and parameters[code]["enabled"] and own is not None:
            op, sign = ("<", 1) if side == "low" else (">", -1)
            clear = own + sign * abs(own) * parameters[code]["inside_pct"] / 100
            lines.append({"field": "level_m", "code": code, "op": op, "raise": own, "clear": clear, "critical": None})
    return lines
