"""A device that speaks and of which nothing usable comes (contract 8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.alerts.rules.unreadable import Refused, describe, find_readable, find_unreadable
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import START, device, say


@pytest.mark.parametrize(
    ("messages", "since_min", "raised"),
    [(4, 14.9, False), (5, 0, True), (2, 15, True), (1, 1000, False), (3, 15, True), (2, 14.9, False)],
)
def test_five_in_a_row_or_all_for_a_quarter_of_an_hour(messages: int, since_min: float, raised: bool) -> None:
    refused = Refused(messages, START - timedelta(minutes=since_min), "not_json")
    assert (find_unreadable(device(), refused, START) is not None) is raised


@pytest.mark.parametrize(("kind", "severity"), [("hydrant", "minor"), ("water", "minor"), ("panel", "major")])
def test_a_panel_is_worse(kind: str, severity: str) -> None:
    finding = find_unreadable(device(kind), Refused(5, START, "not_json"), START)
    assert finding is not None
    assert say(finding) == f"+device_unreadable {severity}"
    assert say(find_readable(device(kind))) == "-device_unreadable"


def test_it_says_why_in_both_languages() -> None:
    finding = find_unreadable(device(), Refused(7, START, "bad_field: pressure_mpa"), START)
    assert finding is not None
    assert finding.reason.zh == "设备有消息但全部被拒收（7 条）：pressure_mpa 的值不合格（bad_field: pressure_mpa）"
    assert finding.reason.en.endswith("pressure_mpa has no possible value (bad_field: pressure_mpa)")
    assert describe("something_new").zh == "无法解读（something_new）"


def test_it_can_be_switched_off_and_set() -> None:
    refused = Refused(5, START, "not_json")
    rule = DEFAULTS["device_unreadable"]
    assert find_unreadable(device(), refused, START, {**DEFAULTS, "device_unreadable": {**rule, "enabled": 0}}) is None
    assert find_unreadable(device(), refused, START, {**DEFAULTS, "device_unreadable": {**rule, "messages": 6}}) is None
