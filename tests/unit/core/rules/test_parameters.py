"""Parameters as data: the narrowest scope wins, and changes wait for their time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.alerts.rules.walk import DeviceRules
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Override, ParameterBook, faults_of
from tests.unit.alerts.readings import START, Walk, device

CODE = "hydrant_pressure_low"
LATER = START + timedelta(hours=1)


def override(scope: str, target: str, mpa: float, effective_from: object = START) -> Override:
    return Override(CODE, scope, target, {"static_mpa": mpa}, effective_from)


def static_mpa(*overrides: Override, at: object = LATER) -> float:
    return ParameterBook(overrides).for_device(device(), at)[CODE]["static_mpa"]


def test_the_narrowest_scope_wins() -> None:
    every = override("all", "", 0.1)
    kind = override("kind", "hydrant", 0.2)
    county = override("area", "140931", 0.3)
    town = override("area", "140931100", 0.4)
    one = override("device", "hydrant-1", 0.5)
    assert static_mpa() == 0.14
    assert static_mpa(every) == 0.1
    assert static_mpa(kind, every) == 0.2
    assert static_mpa(county, kind, every) == 0.3
    assert static_mpa(town, county, every) == 0.4
    assert static_mpa(one, town, county, kind, every) == 0.5
    strangers = (override("kind", "water", 0.6), override("area", "150", 0.7), override("device", "other", 0.8))
    assert static_mpa(*strangers) == 0.14


def test_a_change_waits_for_its_time_and_the_newest_wins() -> None:
    first, second = override("all", "", 0.1), override("all", "", 0.2, LATER)
    book = ParameterBook([second, first])
    assert static_mpa(first, second, at=START) == 0.1
    assert static_mpa(first, second, at=LATER) == 0.2
    assert book.next_change(START) == LATER
    assert book.next_change(LATER) is None
    assert static_mpa(first, at=START - timedelta(seconds=1)) == 0.14


def test_an_override_leaves_the_other_parameters_alone() -> None:
    found = ParameterBook([override("all", "", 0.2)]).for_device(device(), LATER)
    assert found[CODE] == {**DEFAULTS[CODE], "static_mpa": 0.2}
    assert found["hydrant_tilt"] == DEFAULTS["hydrant_tilt"]


def test_overridden_numbers_are_what_the_rule_uses() -> None:
    parameters = {**DEFAULTS, CODE: {**DEFAULTS[CODE], "static_mpa": 0.5, "readings": 3}}
    walk = Walk(device(), parameters)
    assert [walk.say(pressure_mpa=0.4) for _ in range(3)] == [[], [], ["+hydrant_pressure_low major"]]


@pytest.mark.parametrize("kind", ["hydrant", "electrical", "water", "panel"])
def test_every_reading_rule_can_be_off(kind: str) -> None:
    parameters = {code: {**values, "enabled": 0} for code, values in DEFAULTS.items()}
    walk = Walk(device(kind, rated_current_a=1), parameters)
    worst = {
        "pressure_mpa": 0.0,
        "flow_lps": 9.0,
        "cap_open": True,
        "water_present": True,
        "tilt_deg": 90.0,
        "water_temp_c": -5.0,
        "battery_pct": 0.0,
        "residual_current_ma": 9999.0,
        "arc_count": 99,
        "temp_a_c": 300.0,
        "voltage_a_v": 900.0,
        "voltage_b_v": 0.0,
        "current_a_a": 9000.0,
        "level_pct": 150.0,
        "mains_ok": False,
        "battery_ok": False,
        "link_ok": False,
    }
    assert [walk.say(**worst) for _ in range(5)] == [[]] * 5
    assert [walk.say(**{**worst, "level_pct": 0.0}) for _ in range(5)] == [[]] * 5


@pytest.mark.parametrize(
    ("code", "parameters", "names"),
    [
        (CODE, {"static_mpa": 0.2, "readings": 3}, []),
        ("hydrant_freezing", {"cold_c": -1}, []),
        ("no_such_rule", {}, ["code"]),
        (CODE, [1], ["parameters"]),
        (CODE, {"static": 1}, ["parameters.static"]),
        (CODE, {"static_mpa": "0.2"}, ["parameters.static_mpa"]),
        (CODE, {"static_mpa": True}, ["parameters.static_mpa"]),
        (CODE, {"static_mpa": float("nan")}, ["parameters.static_mpa"]),
        (CODE, {"static_mpa": -0.1}, ["parameters.static_mpa"]),
        (CODE, {"readings": 0}, ["parameters.readings"]),
        (CODE, {"readings": 11}, ["parameters.readings"]),
    ],
)
def test_a_bad_override_is_told_by_field(code: str, parameters: object, names: list[str]) -> None:
    assert [field for field, _ in faults_of(code, parameters)] == names


def test_every_rule_has_its_numbers_with_unit_and_source() -> None:
    for code, rule in RULES.items():
        assert rule.code == code
        assert rule.zh
        assert all(parameter.unit and parameter.source for parameter in rule.parameters.values())
    for kind in ("hydrant", "electrical", "water", "panel"):
        DeviceRules(device(kind))
