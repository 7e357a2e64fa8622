"""After a person ended an alarm, or switched its rule off, only what is read from then on raises it."""

from __future__ import annotations

import json
from datetime import timedelta

from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import START, Walk, device, say

LEAK = ["+residual_current_high major"]


def test_a_repaired_circuit_is_not_raised_once_more_by_the_readings_before_the_repair() -> None:
    walk = Walk(device("electrical"))
    assert [walk.say(residual_current_ma=350) for _ in range(3)] == [[], [], LEAK]
    walk.rules.forget("residual_current_high")
    kept = json.loads(json.dumps(walk.rules.to_json()))
    walk.rules = DeviceRules.from_json(walk.rules.device, DEFAULTS, kept)
    assert [walk.say(residual_current_ma=20) for _ in range(3)] == [[]] * 3
    assert [walk.say(residual_current_ma=350) for _ in range(2)] == [[], LEAK]


def test_a_circuit_that_was_not_repaired_is_raised_by_its_very_next_reading() -> None:
    walk = Walk(device("electrical"))
    for _ in range(3):
        walk.say(residual_current_ma=350)
    walk.rules.forget("residual_current_high")
    assert walk.say(residual_current_ma=340) == LEAK


def test_a_wrong_clock_ends_when_its_rule_is_switched_off() -> None:
    walk = Walk(device("panel"))
    assert [say(one) for n in range(3) for one in walk.rules.note_bad_clock(START + timedelta(minutes=n))] == [
        "+clock_wrong info"
    ]
    behind = {**walk.reading(mains_ok=True, delay_s=1200), "clock_behind": True}
    assert [say(one) for one in walk.rules.walk([behind])] == ["+clock_wrong minor"]
    off = {**DEFAULTS, "clock_wrong": {**DEFAULTS["clock_wrong"], "enabled": 0}}
    rules = DeviceRules.from_json(walk.rules.device, off, walk.rules.to_json())
    assert [say(one) for one in rules.tick(START + timedelta(minutes=30))] == ["-clock_wrong"] * 2
    assert rules.tick(START + timedelta(minutes=31)) == []
