"""What the registry says about a device decides with the reading: intervals, rated current, level limits; and time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import START, Walk, device, say
from tests.unit.alerts.said import (
    CAP,
    EMPTY,
    EMPTY_OVER,
    FELL,
    FELL_OVER,
    FULL,
    FULL_OVER,
    HIGH,
    HOT,
    LOW,
    TILT,
    p,
)


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
    rated = Walk(device("electrical", rated_current_a=63))
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


@pytest.mark.parametrize("numbers", [{"dead_mpa": 0.12}, {"flowing_mpa": 0.02, "static_mpa": 0.02, "dead_mpa": 0.12}])
def test_no_water_is_told_at_once_in_use_too_where_it_begins_above_the_limit(numbers: dict[str, float]) -> None:
    walk = Walk(device(), {**DEFAULTS, "hydrant_pressure_low": {**DEFAULTS["hydrant_pressure_low"], **numbers}})
    assert walk.say(pressure_mpa=0.13, flow_lps=9.0) == ["+hydrant_in_use minor"]
    (low,) = walk.feed(pressure_mpa=0.115, flow_lps=9.0)
    assert (say(low), low.limit) == ("+hydrant_pressure_low major", 0.12)
    assert [walk.say(pressure_mpa=0.115, flow_lps=9.0) for _ in range(3)] == [[]] * 3
    assert [walk.say(pressure_mpa=0.13, flow_lps=9.0) for _ in range(2)] == [[], ["-hydrant_pressure_low"]]


def test_a_hydrant_that_came_back_and_falls_again_is_told_again() -> None:
    """Back after an hour, and a minute later down once more: it fell from where it came back to."""
    walk = Walk(device())
    walk.say(at_s=0, pressure_mpa=0.40)
    assert walk.say(at_s=60, pressure_mpa=0.25) == FELL
    assert walk.say(at_s=3600, pressure_mpa=0.25) == []
    assert walk.say(at_s=3660, pressure_mpa=0.40) == FELL_OVER
    assert walk.say(at_s=3720, pressure_mpa=0.25) == FELL


def test_a_fall_from_where_an_old_one_was_followed_no_longer_is_told() -> None:
    walk = Walk(device())
    walk.say(at_s=0, pressure_mpa=0.40)
    assert walk.say(at_s=60, pressure_mpa=0.25) == FELL
    assert walk.say(at_s=60 + 86340, pressure_mpa=0.25) == []
    assert [say(one) for one in walk.rules.tick(START + timedelta(seconds=60 + 86400))] == FELL_OVER
    assert walk.say(at_s=60 + 86460, pressure_mpa=0.14) == FELL


def test_a_fall_that_is_followed_no_longer_is_not_told_twice() -> None:
    """Whoever follows falls for less time than they are looked for."""
    numbers = {**DEFAULTS, "hydrant_pressure_drop": {**DEFAULTS["hydrant_pressure_drop"], "forget_h": 0.1}}
    walk = Walk(device(), numbers)
    walk.say(at_s=0, pressure_mpa=0.40)
    assert walk.say(at_s=60, pressure_mpa=0.25) == FELL
    assert walk.say(at_s=420, pressure_mpa=0.25) == FELL_OVER
    assert walk.say(at_s=480, pressure_mpa=0.25) == []


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
    assert [walk.say(level_m=0.3) for _ in range(3)] == [[]] * 3


def test_flow_of_long_ago_does_not_excuse_low_pressure_now() -> None:
    walk = Walk(device())
    walk.say(at_s=0, flow_lps=5)
    assert walk.say(at_s=600, pressure_mpa=0.12) == []
    assert walk.say(at_s=610, pressure_mpa=0.12) == []
    assert walk.say(at_s=620, pressure_mpa=0.12) == ["-hydrant_in_use", *LOW]


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


STANDS = [
    ("hydrant", p(0.13), "hydrant_pressure_low", "hydrant_pressure_low"),
    ("hydrant", {"water_temp_c": 1}, "hydrant_freezing", "hydrant_freezing"),
    ("water", {"level_pct": 10}, "water_level_low", "water_level_low"),
    ("water", {"battery_pct": 10}, "battery_low", "battery_low"),
    ("electrical", {"temp_a_c": 75}, "cable_temperature_high", "cable_temperature_high"),
    ("electrical", {"residual_current_ma": 400}, "residual_current_high", "residual_current_high"),
    ("panel", {"mains_ok": False}, "power_fault", "mains_ok"),
    ("panel", {"link_ok": False}, "link_fault", "link_ok"),
]


@pytest.mark.parametrize(("kind", "fields", "code", "cause"), STANDS)
def test_what_stands_ends_when_its_rule_is_switched_off_and_begins_anew_when_it_is_on(
    kind: str, fields: dict[str, Any], code: str, cause: str
) -> None:
    walk = Walk(device(kind))
    assert [said for _ in range(3) for said in walk.say(**fields)]
    off = {**DEFAULTS, code: {**DEFAULTS[code], "enabled": 0}}
    rules = DeviceRules.from_json(device(kind), off, walk.rules.to_json())
    (ended,) = rules.tick(START)
    assert (say(ended), ended.cause) == (f"-{code}", cause)
    assert rules.tick(START) == []
    walk.rules = DeviceRules.from_json(device(kind), DEFAULTS, rules.to_json())
    assert [said for _ in range(3) for said in walk.say(**fields)]


def test_a_current_ends_that_nothing_limits_any_more() -> None:
    walk = Walk(device("electrical", rated_current_a=10))
    assert [said for _ in range(3) for said in walk.say(current_a_a=20)]
    rules = DeviceRules.from_json(device("electrical"), DEFAULTS, walk.rules.to_json())
    assert [say(one) for one in rules.tick(START)] == ["-overcurrent"]


@pytest.mark.parametrize(("kind", "fields", "code", "cause"), STANDS)
def test_what_stands_ends_when_the_device_is_of_another_kind(
    kind: str, fields: dict[str, Any], code: str, cause: str
) -> None:
    walk = Walk(device(kind))
    assert [said for _ in range(3) for said in walk.say(**fields)]
    other = device("water" if kind != "water" else "hydrant")
    rules = DeviceRules.from_json(other, DEFAULTS, walk.rules.to_json())
    rules = DeviceRules.from_json(other, DEFAULTS, rules.to_json())  # a restart comes in between
    assert [(say(one), one.cause) for one in rules.tick(START)] == [(f"-{code}", cause)]
    assert rules.tick(START) == []


def test_a_battery_that_is_low_by_the_rules_of_the_new_kind_too_goes_on() -> None:
    """Its first message comes before the old kind's conditions end: nothing would find it again."""
    walk = Walk(device())
    assert walk.say(pressure_mpa=0.04, battery_pct=10) == ["+hydrant_pressure_low major", "+battery_low minor"]
    basin = Walk(device("water"))
    basin.rules = DeviceRules.from_json(device("water"), DEFAULTS, walk.rules.to_json())
    assert basin.say(level_pct=50, battery_pct=10) == ["+battery_low minor"]  # the ledger knows that it stands
    assert [say(one) for one in basin.rules.tick(START)] == ["-hydrant_pressure_low"]
    assert basin.say(level_pct=50, battery_pct=90) == ["-battery_low"]


@pytest.mark.parametrize("said_since", [False, True])
def test_what_another_kind_left_behind_is_not_taken_for_this_ones_at_a_start(said_since: bool) -> None:
    """A basin without a battery would keep the alarm of the hydrant's for ever."""
    walk, basin = Walk(device()), Walk(device("water"))
    assert walk.say(battery_pct=10) == ["+battery_low minor"]
    basin.rules = DeviceRules.from_json(device("water"), DEFAULTS, walk.rules.to_json())
    if said_since:
        assert basin.say(battery_pct=10) == ["+battery_low minor"]
    basin.rules = DeviceRules.from_json(device("water"), DEFAULTS, basin.rules.to_json())
    basin.rules.agree({"battery_low": "minor"})  # as the ledger has it
    assert [say(one) for one in basin.rules.tick(START)] == ([] if said_since else ["-battery_low"])


def test_a_kind_that_is_corrected_back_goes_on_with_what_its_readings_show_since() -> None:
    walk = Walk(device())
    assert walk.say(pressure_mpa=0.04) == LOW
    mistaken = DeviceRules.from_json(device("water"), DEFAULTS, walk.rules.to_json())
    walk.rules = DeviceRules.from_json(device(), DEFAULTS, mistaken.to_json())
    assert walk.say(pressure_mpa=0.04) == LOW
    assert walk.rules.tick(START) == []
    assert [walk.say(pressure_mpa=0.3) for _ in range(2)] == [[], ["-hydrant_pressure_low"]]


def test_a_wrong_clock_is_the_devices_whatever_its_kind() -> None:
    walk = Walk(device())
    assert [say(one) for n in range(3) for one in walk.rules.note_bad_clock(START + timedelta(minutes=n))] == [
        "+clock_wrong info"
    ]
    behind = {**walk.reading(pressure_mpa=0.3, delay_s=1200), "clock_behind": True}
    assert [say(one) for one in walk.rules.walk([behind])] == ["+clock_wrong minor"]
    rules = DeviceRules.from_json(device("water"), DEFAULTS, walk.rules.to_json())
    assert rules.tick(START) == []
    assert [say(one) for one in rules.tick(START + timedelta(hours=25))] == ["-clock_wrong"] * 2


@pytest.mark.parametrize(
    ("kind", "code", "bad", "fine", "needs"),
    [
        ("electrical", "residual_current_high", {"residual_current_ma": 400}, {"residual_current_ma": 20}, 2),
        ("electrical", "overvoltage", {"voltage_a_v": 260}, {"voltage_b_v": 220}, 3),
        ("hydrant", "hydrant_pressure_low", p(0.13), {"battery_pct": 50}, 2),
    ],
)
def test_what_was_counted_before_a_rule_was_off_counts_no_more(
    kind: str, code: str, bad: dict[str, Any], fine: dict[str, Any], needs: int
) -> None:
    """Off for the weeks of a repair, which the readings before it must not survive."""
    walk, off = Walk(device(kind)), {**DEFAULTS, code: {**DEFAULTS[code], "enabled": 0}}
    assert walk.say(**bad) == []
    if kind == "electrical":
        assert walk.say(**bad) == []
    rules = DeviceRules.from_json(device(kind), off, walk.rules.to_json())
    assert rules.tick(START) == []
    walk.rules = DeviceRules.from_json(device(kind), DEFAULTS, rules.to_json())
    assert walk.say(**fine) == []
    assert [len(walk.say(**bad)) for _ in range(needs)] == [0] * (needs - 1) + [1]
