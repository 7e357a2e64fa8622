"""Every line of contract 8's first table: at, below and above each limit, reading by reading."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.alerts.readings import Walk, device
from tests.unit.alerts.said import (
    ARC,
    CAP,
    CAP_OVER,
    COLD,
    COLD_OVER,
    EMPTY,
    EMPTY_OVER,
    FELL,
    FELL_OVER,
    FLAT,
    FLAT_OVER,
    FULL,
    FULL_OVER,
    HIGH,
    HIGH_OVER,
    HOT,
    HOT_CRITICAL,
    HOT_OVER,
    LEAK,
    LEAK_CRITICAL,
    LEAK_OVER,
    LOW,
    LOW_OVER,
    TILT,
    TILT_OVER,
    USED,
    USED_OVER,
    p,
)

Table = dict[str, tuple[str, list[tuple[dict[str, Any], list[str]]]]]


def steps(field: str, *pairs: tuple[float | None, list[str]]) -> list[tuple[dict[str, Any], list[str]]]:
    return [({field: value}, expected) for value, expected in pairs]


TABLE: Table = {
    # hydrant_pressure_low
    "at rest, below in 2": ("hydrant", [(p(0.139), []), (p(0.139), LOW)]),
    "at rest, at the limit": ("hydrant", [(p(0.14), [])] * 4),
    "at rest, once": ("hydrant", [(p(0.13), []), (p(0.14), []), (p(0.13), []), (p(0.141), [])]),
    "flowing, between the limits": ("hydrant", [(p(0.12, flow_lps=0.6), USED)] + [(p(0.12, flow_lps=0.6), [])] * 3),
    "flowing, at the limit": ("hydrant", [(p(0.10, flow_lps=5), USED)] + [(p(0.10, flow_lps=5), [])] * 3),
    "flowing, below in 2": ("hydrant", [(p(0.099, flow_lps=5), USED), (p(0.099, flow_lps=5), LOW)]),
    "open, between the limits": ("hydrant", [(p(0.12, cap_open=True), []), (p(0.12, cap_open=True), CAP)]),
    "open, below in 2": ("hydrant", [(p(0.099, cap_open=True), []), (p(0.099, cap_open=True), CAP + LOW)]),
    "at the flow limit counts as at rest": ("hydrant", [(p(0.12, flow_lps=0.5), []), (p(0.12, flow_lps=0.5), LOW)]),
    "no water at once": ("hydrant", [(p(0.3), []), (p(0.049), LOW + FELL)]),
    "little water is not no water": ("hydrant", [(p(0.05), []), (p(0.05), LOW)]),
    "no water while flowing": ("hydrant", [(p(0.04, flow_lps=9), [*LOW, *USED][::-1])]),
    "clears above in 2": (
        "hydrant",
        [(p(0.13), []), (p(0.13), LOW), (p(0.15), []), (p(0.151), []), (p(0.151), LOW_OVER)],
    ),
    "does not clear at the limit": ("hydrant", [(p(0.13), []), (p(0.13), LOW)] + [(p(0.15), [])] * 3),
    "does not clear with one above": (
        "hydrant",
        [(p(0.13), []), (p(0.13), LOW), (p(0.16), []), (p(0.15), []), (p(0.16), [])],
    ),
    "clears while flowing above in 2": (
        "hydrant",
        [
            (p(0.09, flow_lps=5), USED),
            (p(0.09, flow_lps=5), LOW),
            (p(0.11, flow_lps=5), []),
            (p(0.111, flow_lps=5), []),
            (p(0.111, flow_lps=5), LOW_OVER),
        ],
    ),
    # hydrant_pressure_high
    "high in 2": ("hydrant", [(p(1.001), []), (p(1.001), HIGH)]),
    "high at the limit": ("hydrant", [(p(1.0), [])] * 3),
    "high clears below": ("hydrant", [(p(1.01), []), (p(1.01), HIGH), (p(0.95), []), (p(0.949), HIGH_OVER)]),
    # hydrant_pressure_drop
    "falls by the limit": ("hydrant", [(p(0.40), []), (p(0.30), [])]),
    "falls by more": ("hydrant", [(p(0.40), []), (p(0.299), FELL)]),
    "falls step by step": ("hydrant", [(p(0.40), []), (p(0.35), []), (p(0.32), []), (p(0.29), FELL)]),
    "falls while flowing": ("hydrant", [(p(0.40), []), (p(0.25, flow_lps=9), USED), (p(0.24, flow_lps=9), [])]),
    "comes back within": ("hydrant", [(p(0.40), []), (p(0.25), FELL), (p(0.349), []), (p(0.35), FELL_OVER)]),
    "falls again after coming back": (
        "hydrant",
        [(p(0.40), []), (p(0.25), FELL), (p(0.40), FELL_OVER), (p(0.29), FELL)],
    ),
    # hydrant_in_use
    "flow at the limit": ("hydrant", [({"flow_lps": 0.5}, [])] * 3),
    "flow above": ("hydrant", [({"flow_lps": 0.51}, USED)]),
    "open and dry": ("hydrant", [({"cap_open": True, "water_present": False}, [])]),
    "open and wet": ("hydrant", [({"cap_open": True, "water_present": True}, USED)]),
    "wet from an earlier reading": ("hydrant", [({"water_present": True}, []), ({"cap_open": True}, USED)]),
    "use ends after 2 without": (
        "hydrant",
        [({"flow_lps": 2}, USED), ({"flow_lps": 0}, []), ({"flow_lps": 0}, USED_OVER)],
    ),
    "use does not end between": (
        "hydrant",
        [({"flow_lps": 2}, USED), ({"flow_lps": 0}, []), ({"flow_lps": 2}, []), ({"flow_lps": 0}, [])],
    ),
    "a reading without word of use does not end it": (
        "hydrant",
        [({"flow_lps": 2}, USED), ({"battery_pct": 90}, []), ({"battery_pct": 90}, []), ({"flow_lps": 0}, [])],
    ),
    # hydrant_cap_open, hydrant_tilt, hydrant_freezing
    "cap open in 2, closed in 2": (
        "hydrant",
        [
            ({"cap_open": True}, []),
            ({"cap_open": True}, CAP),
            ({"cap_open": False}, []),
            ({"cap_open": False}, CAP_OVER),
        ],
    ),
    "tilt below": ("hydrant", steps("tilt_deg", (14.9, []), (14.9, []), (14.9, []))),
    "tilt at the limit": (
        "hydrant",
        steps("tilt_deg", (15, []), (15, TILT), (14.9, []), (20, []), (1, []), (1, TILT_OVER)),
    ),
    "cold": (
        "hydrant",
        steps("water_temp_c", (2.0, []), (1.9, COLD), (3, []), (4.0, []), (4.1, COLD_OVER)),
    ),
    # residual_current_high
    "leak below": ("electrical", steps("residual_current_ma", *[(299.9, [])] * 5)),
    "leak at the limit": ("electrical", steps("residual_current_ma", (300, []), (300, []), (300, LEAK))),
    "leak, one spike": ("electrical", steps("residual_current_ma", (100, []), (900, []), (100, []), (100, []))),
    "leak, two of three": ("electrical", steps("residual_current_ma", (100, []), (320, []), (310, LEAK))),
    "leak gets critical": (
        "electrical",
        steps("residual_current_ma", *[(400, [])] * 2, (400, LEAK), (500, []), (500, LEAK_CRITICAL), (600, [])),
    ),
    "leak critical at once": ("electrical", steps("residual_current_ma", *[(500, [])] * 2, (500, LEAK_CRITICAL))),
    "leak just not critical": ("electrical", steps("residual_current_ma", *[(499.9, [])] * 2, (499.9, LEAK))),
    "leak does not fall back": (
        "electrical",
        steps(
            "residual_current_ma", *[(600, [])] * 2, (600, LEAK_CRITICAL), (400, []), (400, []), (600, []), (600, [])
        ),
    ),
    "leak clears": (
        "electrical",
        steps("residual_current_ma", *[(300, [])] * 2, (300, LEAK), (250, []), (250, []), (249, []), (249, LEAK_OVER)),
    ),
    # cable_temperature_high
    "cable below": ("electrical", steps("temp_a_c", *[(69.9, [])] * 4)),
    "cable at the limit": ("electrical", steps("temp_b_c", (70, []), (70, HOT))),
    "cable, neutral too": ("electrical", steps("temp_n_c", (70, []), (70, HOT))),
    "cable, once": ("electrical", steps("temp_c_c", (75, []), (69, []), (75, []))),
    "cable, any phase": (
        "electrical",
        [({"temp_a_c": 75, "temp_b_c": 20}, []), ({"temp_a_c": 20, "temp_b_c": 75}, HOT)],
    ),
    "cable gets critical": (
        "electrical",
        steps("temp_a_c", (80, []), (80, HOT), (89.9, []), (90, HOT_CRITICAL), (95, [])),
    ),
    "cable critical": ("electrical", steps("temp_a_c", (90, []), (90, HOT_CRITICAL))),
    "cable clears": ("electrical", steps("temp_a_c", (70, []), (70, HOT), (65, []), (64.9, HOT_OVER))),
    # arc_fault
    "arcs below": ("electrical", steps("arc_count", (13, []), (13, []))),
    "arcs at the limit, every time": ("electrical", steps("arc_count", (14, ARC), (0, []), (20, ARC))),
    # voltage
    "overvoltage": (
        "electrical",
        steps(
            "voltage_a_v",
            *[(253.0, [])] * 4,
            *[(253.1, [])] * 2,
            (253.1, ["+overvoltage minor"]),
            (253, []),
            (253, ["-overvoltage"]),
        ),
    ),
    "overvoltage on any phase": (
        "electrical",
        [
            ({"voltage_a_v": 230, "voltage_b_v": 260}, []),
            ({"voltage_c_v": 260}, []),
            ({"voltage_a_v": 260}, ["+overvoltage minor"]),
        ],
    ),
    "undervoltage": (
        "electrical",
        steps(
            "voltage_c_v",
            *[(198.0, [])] * 4,
            *[(197.9, [])] * 2,
            (197.9, ["+undervoltage minor"]),
            (198, []),
            (190, []),
            (198, []),
            (198, ["-undervoltage"]),
        ),
    ),
    # water_level
    "level low": ("water", steps("level_pct", (30, []), (29.9, []), (30, []), (29.9, []), (29.9, EMPTY))),
    "level low clears": ("water", steps("level_pct", (20, []), (20, EMPTY), (34.9, []), (35, EMPTY_OVER))),
    "level high": ("water", steps("level_pct", (105, []), (105.1, []), (105.1, FULL), (100.1, []), (100, FULL_OVER))),
    # battery_low
    "battery of a hydrant": ("hydrant", steps("battery_pct", (20, []), (19.9, FLAT), (25, []), (25.1, FLAT_OVER))),
    "battery of a level sensor": ("water", steps("battery_pct", (20, []), (19, FLAT), (26, FLAT_OVER))),
    # panel telemetry
    "panel on battery": (
        "panel",
        [
            ({"mains_ok": False}, []),
            ({"mains_ok": False}, ["+power_fault major"]),
            ({"mains_ok": True}, ["-power_fault"]),
        ],
    ),
    "panel link": ("panel", [({"link_ok": False}, []), ({"link_ok": False}, ["+link_fault major"])]),
    "panel all well": ("panel", [({"mains_ok": True, "battery_ok": True, "link_ok": True}, [])] * 3),
    # nothing to judge
    "no fields": ("hydrant", [({}, [])] * 3),
    "absent is not zero": ("hydrant", [(p(0.13), []), ({"battery_pct": 80}, []), (p(0.13), LOW)]),
}


@pytest.mark.parametrize("name", TABLE)
def test_each_reading_says_exactly_this(name: str) -> None:
    kind, readings = TABLE[name]
    walk = Walk(device(kind))
    assert [sorted(walk.say(**fields)) for fields, _ in readings] == [sorted(said) for _, said in readings]
