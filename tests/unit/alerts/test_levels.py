"""Levels in metres: per cent where the height of the full tank is known, and empty whatever is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.alerts.readings import Walk, device

LOW, LOW_OVER, FULL = "+water_level_low major", "-water_level_low", "+water_level_high minor"


def said(limits: dict[str, Any], *readings: dict[str, float]) -> list[list[str]]:
    walk = Walk(device("water", limits=limits))
    return [walk.say(**fields) for fields in readings]


def metres(*levels: float) -> list[dict[str, float]]:
    return [{"level_m": level} for level in levels]


@pytest.mark.parametrize("name", ["level_m_full", "full_m", "height_m"])
def test_the_height_of_the_full_tank_gives_per_cent(name: str) -> None:
    assert said({name: 4}, *metres(1.3, 1.1, 1.1)) == [[], [], [LOW]]
    assert said({name: 4}, *metres(4.3, 4.3)) == [[], [FULL]]
    assert said({name: 4, "level_pct_low": 20}, *metres(1.1, 1.1)) == [[], []]


def test_nought_is_empty_where_nothing_is_known() -> None:
    assert said({}, *metres(2.0, 0.0, 0.0, 0.03, 2.0)) == [[], [], [LOW], [], [LOW_OVER]]
    assert said({}, *metres(0.3, 0.02)) == [[], []]


def test_a_level_in_per_cent_says_more_than_nought_metres() -> None:
    assert said({}, *[{"level_pct": 80.0, "level_m": 0.0}] * 3) == [[], [], []]


def test_a_limit_in_metres_is_the_devices_own_word() -> None:
    assert said({"level_m_low": -2}, *metres(0.0, -1.0, -1.0)) == [[], [], []]
