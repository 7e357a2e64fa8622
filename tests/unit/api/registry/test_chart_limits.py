from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.registry.chart_limits import chart_limits
from services.core.rule_catalog import CATALOG

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def device(kind: str = "hydrant", **more: Any) -> dict[str, Any]:
    return {"code": "d-1", "kind": kind, "area": "140931100", "limits": {}, "rated_current_a": None} | more


def override(
    scope: str, target: str, value: float, *, hours: int = 0, code: str = "hydrant_pressure_low"
) -> dict[str, Any]:
    return {
        "code": code,
        "scope": scope,
        "target": target,
        "parameters": {"static_mpa": value},
        "effective_from": NOW + timedelta(hours=hours),
    }


def raised_at(lines: list[dict[str, Any]], field: str, code: str) -> float:
    return next(line["raise"] for line in lines if (line["field"], line["code"]) == (field, code))


def test_the_lines_of_a_hydrant_are_those_of_contract_8() -> None:
    lines = chart_limits(device(), CATALOG, [])
    low = next(line for line in lines if line["code"] == "hydrant_pressure_low")
    assert (low["field"], low["op"], low["raise"], low["clear"]) == ("pressure_mpa", "<", 0.14, 0.15)
    assert {line["code"] for line in lines} >= {"hydrant_pressure_high", "hydrant_freezing", "battery_low"}


@pytest.mark.parametrize("kind", ["hydrant", "electrical", "water", "panel"])
def test_every_kind_has_only_lines_of_its_own_rules(kind: str) -> None:
    for line in chart_limits(device(kind), CATALOG, []):
        assert kind in CATALOG[line["code"]]["kinds"]


def test_the_narrowest_scope_wins_then_the_newest() -> None:
    overrides = [
        override("device", "d-1", 0.20),
        override("all", "", 0.16, hours=5),
        override("area", "140931", 0.17, hours=6),
        override("device", "d-1", 0.21, hours=1),
        override("device", "d-2", 0.9, hours=9),
        override("kind", "water", 0.9, hours=9),
    ]
    assert raised_at(chart_limits(device(), CATALOG, overrides), "pressure_mpa", "hydrant_pressure_low") == 0.21
    assert (
        raised_at(chart_limits(device(code="d-9"), CATALOG, overrides), "pressure_mpa", "hydrant_pressure_low") == 0.17
    )


def test_a_rule_that_is_off_draws_nothing() -> None:
    off = override("all", "", 0.1) | {"parameters": {"enabled": 0}}
    assert "hydrant_pressure_low" not in {line["code"] for line in chart_limits(device(), CATALOG, [off])}


def test_a_device_has_limits_of_its_own() -> None:
    lines = chart_limits(device("water", limits={"level_pct_low": 40}), CATALOG, [])
    low = next(line for line in lines if line["code"] == "water_level_low")
    assert (low["raise"], low["clear"]) == (40, 45)


def test_overcurrent_is_drawn_only_where_the_rated_current_is_known() -> None:
    assert "overcurrent" not in {line["code"] for line in chart_limits(device("electrical"), CATALOG, [])}
    lines = chart_limits(device("electrical", rated_current_a=63.0), CATALOG, [])
    assert [line["raise"] for line in lines if line["code"] == "overcurrent"] == [63.0] * 3
