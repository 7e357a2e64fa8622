"""Phases that come in messages of their own: what a reading leaves out changes nothing (contract 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import Walk, device

CASES = [
    ("cable_temperature_high major", "temp_a_c", 75, "temp_b_c", 30, 2),
    ("undervoltage minor", "voltage_a_v", 180, "voltage_b_v", 220, 3),
    ("overvoltage minor", "voltage_a_v", 260, "voltage_b_v", 220, 3),
    ("overcurrent minor", "current_a_a", 80, "current_b_a", 10, 3),
]


def circuit() -> Walk:
    return Walk(device("electrical", rated_current_a=63, expected_interval_s=60))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_bad_phase_is_raised_and_stands_whatever_others_say_between(
    case: tuple[str, str, float, str, float, int],
) -> None:
    said, bad, value, other, fine, in_a_row = case
    code = said.partition(" ")[0]
    walk = circuit()
    heard: list[str] = []
    for _ in range(in_a_row):
        assert heard == []
        heard += [*walk.say(**{bad: value}), *walk.say(**{other: fine})]
    assert heard == [f"+{said}"], "raised by as many readings of the phase as the rule asks for"
    assert [walk.say(**{other: fine}) for _ in range(4)] == [[]] * 4
    kept: dict[str, Any] = json.loads(json.dumps(walk.rules.to_json()))
    walk.rules = DeviceRules.from_json(walk.rules.device, DEFAULTS, kept)
    assert walk.say(**{other: fine}) == []
    over = [one for _ in range(2) for one in (*walk.say(**{bad: fine}), *walk.say(**{other: fine}))]
    assert over == [f"-{code}"]


def test_a_phase_that_is_not_heard_any_more_ends_nothing_for_as_long_as_it_may_be_old() -> None:
    walk = circuit()
    assert [walk.say(temp_a_c=75) for _ in range(2)][-1] == ["+cable_temperature_high major"]
    assert [walk.say(temp_b_c=30) for _ in range(10)] == [[]] * 10
    assert walk.say(temp_b_c=30) == ["-cable_temperature_high"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_reading_that_comes_late_does_not_make_others_count_by_what_a_later_one_says(
    case: tuple[str, str, float, str, float, int],
) -> None:
    """The last readings are counted again in their order: at the time of the first nobody knew of the last."""
    _, bad, value, other, fine, in_a_row = case
    limits = {"overcurrent": {"readings": 2}, "undervoltage": {"readings": 2}, "overvoltage": {"readings": 2}}
    book = {**DEFAULTS, **{code: {**DEFAULTS[code], **numbers} for code, numbers in limits.items()}}
    walk = Walk(device("electrical", rated_current_a=63, expected_interval_s=60), book)
    assert in_a_row >= 2
    said = [walk.say(**{other: value}), walk.say(**{other: fine}), walk.say(**{bad: value})]
    said.append(walk.say(at_s=2.5 * walk.step_s, delay_s=60, **{other: fine}))
    assert said == [[]] * 4, "one bad reading of each phase, and a good one between"
