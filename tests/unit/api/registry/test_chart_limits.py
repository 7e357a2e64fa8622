from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.registry.chart_limits import chart_limits
from services.core.rules.catalog import RULES
from services.core.rules.parameters import Override, ParameterBook
from services.core.rules.profile import DeviceProfile

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def device(kind: str = "hydrant", **more: Any) -> DeviceProfile:
    return DeviceProfile(**{"code": "d-1", "kind": kind, "area": "140931100"} | more)


def override(scope: str, target: str, value: float, *, hours: int = 0, name: str = "static_mpa") -> Override:
    return Override("hydrant_pressure_low", scope, target, {name: value}, NOW + timedelta(hours=hours))


def lines_of(about: DeviceProfile, *overrides: Override) -> list[dict[str, Any]]:
    return chart_limits(about, ParameterBook(overrides).for_device(about, NOW + timedelta(days=1)))


def raised_at(lines: list[dict[str, Any]], field: str, code: str) -> float:
    return next(line["raise"] for line in lines if (line["field"], line["code"]) == (field, code))


def test_the_lines_of_a_hydrant_are_those_of_contract_8() -> None:
    lines = lines_of(device())
    low = next(line for line in lines if line["code"] == "hydrant_pressure_low")
    assert (low["field"], low["op"], low["raise"], low["clear"]) == ("pressure_mpa", "<", 0.14, 0.15)
    assert {line["code"] for line in lines} >= {"hydrant_pressure_high", "hydrant_freezing", "battery_low"}


@pytest.mark.parametrize("kind", ["hydrant", "electrical", "water", "panel"])
def test_every_kind_has_only_lines_of_its_own_rules(kind: str) -> None:
    for line in lines_of(device(kind)):
        assert kind in RULES[line["code"]].kinds


def test_the_narrowest_scope_wins_then_the_newest() -> None:
    overrides = [
        override("device", "d-1", 0.20),
        override("all", "", 0.16, hours=5),
        override("area", "140931", 0.17, hours=6),
        override("device", "d-1", 0.21, hours=1),
        override("device", "d-2", 0.9, hours=9),
        override("kind", "water", 0.9, hours=9),
    ]
    assert raised_at(lines_of(device(), *overrides), "pressure_mpa", "hydrant_pressure_low") == 0.21
    assert raised_at(lines_of(device(code="d-9"), *overrides), "pressure_mpa", "hydrant_pressure_low") == 0.17


def test_a_rule_that_is_off_draws_nothing() -> None:
    off = override("all", "", 0, name="enabled")
    assert "hydrant_pressure_low" not in {line["code"] for line in lines_of(device(), off)}


def test_a_device_has_limits_of_its_own() -> None:
    lines = lines_of(device("water", limits={"level_pct_low": 40}))
    low = next(line for line in lines if line["code"] == "water_level_low")
    assert (low["raise"], low["clear"]) == (40, 45)


def test_overcurrent_is_drawn_only_where_the_rated_current_is_known() -> None:
    assert "overcurrent" not in {line["code"] for line in lines_of(device("electrical"))}
    lines = lines_of(device("electrical", rated_current_a=63.0))
    assert [line["raise"] for line in lines if line["code"] == "overcurrent"] == [63.0] * 3


def test_a_limit_in_metres_is_a_line_of_the_level_in_metres() -> None:
    lines = lines_of(device("water", limits={"level_m_low": 1.5, "level_m_high": 4}))
    metres = [line for line in lines if line["field"] == "level_m"]
    assert [(line["code"], line["op"], line["raise"]) for line in metres] == [
        ("water_level_low", "<", 1.5),
        ("water_level_high", ">", 4),
    ]
    low, high = metres
    assert low["clear"] > 1.5
    assert high["clear"] < 4
    assert not [line for line in lines_of(device("hydrant", limits={"level_m_low": 1.5})) if line["field"] == "level_m"]
