"""Every line of contract 8's first table: at, below and above each limit, reading by reading."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.alerts.readings import Walk, device

Table = dict[str, tuple[str, list[tuple[dict[str, Any], list[str]]]]]


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


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("hydrant", p(0.13), LOW),
        ("hydrant", p(1.1), HIGH),
        ("hydrant", {"cap_open": True}, CAP),
        ("hydrant", {"tilt_deg": 30}, TILT),
        ("electrical", {"temp_a_c": 75}, HOT),
        ("water", {"level_pct": 10}, EMPTY),
    ],
)
def test_in_two_means_one_for_a_device_that_reports_less_than_hourly(
    kind: str, fields: dict[str, Any], said: list[str]
) -> None:
    assert Walk(device(kind, expected_interval_s=3601)).say(**fields) == said
    assert Walk(device(kind, expected_interval_s=3600)).say(**fields) == []


def test_three_readings_stay_three_for_a_sparse_device() -> None:
    walk = Walk(device("electrical", expected_interval_s=7200))
    assert [walk.say(voltage_a_v=260) for _ in range(3)] == [[], [], ["+overvoltage minor"]]


def test_overcurrent_needs_the_rated_current() -> None:
    unset = Walk(device("electrical"))
    assert [unset.say(current_a_a=5000) for _ in range(5)] == [[]] * 5
    assert unset.rules.not_configured() == ["overcurrent: rated_current_a is not set"]
    rated = Walk(device("electrical", rated_current_a=63))
    assert rated.rules.not_configured() == []
    said = [rated.say(current_b_a=amps) for amps in (63, 63.1, 63.1, 63.1, 63, 63)]
    assert said == [[], [], [], ["+overcurrent minor"], [], ["-overcurrent"]]


def test_a_drop_must_happen_within_fifteen_minutes() -> None:
    slow = Walk(device(), step_s=1)
    assert slow.say(at_s=0, pressure_mpa=0.40) == []
    assert slow.say(at_s=15 * 60 + 1, pressure_mpa=0.25) == []
    just = Walk(device(), step_s=1)
    assert just.say(at_s=0, pressure_mpa=0.40) == []
    assert just.say(at_s=15 * 60, pressure_mpa=0.25) == FELL


def test_a_drop_is_followed_for_a_day() -> None:
    walk = Walk(device())
    walk.say(at_s=0, pressure_mpa=0.40)
    assert walk.say(at_s=60, pressure_mpa=0.25) == FELL
    assert walk.say(at_s=60 + 86399, pressure_mpa=0.25) == []
    assert walk.say(at_s=60 + 86400, pressure_mpa=0.25) == FELL_OVER
    assert walk.say(at_s=60 + 86460, pressure_mpa=0.25) == []


@pytest.mark.parametrize(
    ("limits", "field", "below", "at"),
    [
        ({"level_pct_low": 50}, "level_pct", 49.9, 50),
        ({"level_low_pct": 50}, "level_pct", 49.9, 50),
        ({"level_pct": {"low": 50}}, "level_pct", 49.9, 50),
        ({"level_m_low": 2.0}, "level_m", 1.99, 2.0),
        ({"level_m": {"low": 2.0, "high": 4.0}}, "level_m", 1.99, 2.0),
    ],
)
def test_the_devices_own_level_limits_win(limits: dict[str, Any], field: str, below: float, at: float) -> None:
    walk = Walk(device("water", limits=limits))
    assert [walk.say(**{field: value}) for value in (at, below, below)] == [[], [], EMPTY]


def test_a_limit_in_metres_clears_five_percent_inside() -> None:
    walk = Walk(device("water", limits={"level_m_high": 4.0}))
    assert [walk.say(level_m=value) for value in (4.1, 4.1, 3.81, 3.8)] == [[], FULL, [], FULL_OVER]


def test_a_level_in_metres_without_a_limit_says_nothing() -> None:
    walk = Walk(device("water", limits={"level_pct_low": True}))
    assert [walk.say(level_m=0.0) for _ in range(3)] == [[]] * 3


def test_flow_of_long_ago_does_not_excuse_low_pressure_now() -> None:
    walk = Walk(device())
    walk.say(at_s=0, flow_lps=5)
    assert walk.say(at_s=600, pressure_mpa=0.12) == []
    assert walk.say(at_s=610, pressure_mpa=0.12) == []
    assert walk.say(at_s=620, pressure_mpa=0.12) == LOW


def test_findings_carry_value_limit_and_reason_in_two_languages() -> None:
    walk = Walk(device())
    walk.feed(pressure_mpa=0.12)
    (finding,) = walk.feed(pressure_mpa=0.12)
    assert (finding.value, finding.limit, finding.area, finding.component) == (0.12, 0.14, "140931100", "")
    assert finding.reason == ("静止水压 0.120 MPa，低于 0.14 MPa", "0.120 MPa at rest, below 0.14 MPa")


def test_the_worse_of_percent_and_metres_decides() -> None:
    walk = Walk(device("water", limits={"level_m_low": 2.0}))
    readings = [(50.0, 1.0), (50.0, 1.0), (50.0, 3.0), (20.0, 3.0), (20.0, 1.9)]
    said = [walk.say(level_pct=percent, level_m=metres) for percent, metres in readings]
    assert said == [[], EMPTY, EMPTY_OVER, [], EMPTY]
