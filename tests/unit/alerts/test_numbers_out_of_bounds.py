"""Whatever stands in the tables as a number of a rule or a figure of a device: rules go on, inside their bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.registry import read_device
from services.alerts.rules.mains import MainsWatch
from services.alerts.rules.offline import Watermark, find_offline, offline_due
from services.alerts.rules.walk import DeviceRules
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Override, ParameterBook, faults_of
from tests.unit.alerts.readings import START

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([1e9, 1e308, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NUMBERS = [(code, name) for code, rule in RULES.items() for name in rule.parameters]
ROW = {
    "id": 1, "code": "d-1", "area": "140931100", "name": "", "site_id": None, "sleepy": False, "rated_current_a": None,
    "limits": {}, "gateway": None, "out_of_service_until": None, "expected_interval_s": 300,
}  # fmt: skip
WORST = {
    "pressure_mpa": 0.0, "flow_lps": 9.0, "cap_open": True, "water_present": True, "tilt_deg": 90.0,
    "water_temp_c": -5.0, "battery_pct": 0.0, "residual_current_ma": 9999.0, "arc_count": 99, "temp_a_c": 300.0,
    "voltage_a_v": 900.0, "voltage_b_v": 0.0, "current_a_a": 9000.0, "level_pct": 150.0, "level_m": -9.0,
    "mains_ok": False, "battery_ok": False, "link_ok": False,
}  # fmt: skip


def judge(row: dict[str, Any], overrides: list[Override]) -> None:
    """Do with a device and its numbers what the alerts program does: readings, time, silence, and its area."""
    device = read_device(row)  # type: ignore[arg-type] - a dict reads like a record
    parameters = ParameterBook(overrides).for_device(device.profile, START)
    for code, rule in RULES.items():
        for name, number in parameters[code].items():
            assert rule.parameters[name].bounds.fault(number) is None, (code, name, number)
    rules = DeviceRules(device.profile, parameters)
    for minute in range(4):
        at = START + timedelta(minutes=minute)
        rules.walk([{"ts": at, "seq": minute, "received_at": at, **WORST}])
        rules.tick(at)
    DeviceRules.from_json(device.profile, parameters, rules.to_json())
    mark = Watermark(START, datetime(2200, 1, 1, tzinfo=UTC))
    offline_due(device.profile, START, mark, parameters)
    find_offline(device.profile, START, mark, parameters)
    MainsWatch("140931100", parameters).began("d-1", "hydrant_pressure_low", START)


@given(
    kind=st.sampled_from(["hydrant", "electrical", "water", "panel"]),
    code=st.sampled_from(sorted(RULES)) | st.text(max_size=5),
    scope=st.sampled_from(["all", "device", "county"]),
    numbers=st.dictionaries(st.sampled_from(sorted({name for _, name in NUMBERS})), ANYTHING) | ANYTHING,
)
@settings(max_examples=300, deadline=None)
def test_no_stored_override_ends_a_rule(kind: str, code: str, scope: str, numbers: Any) -> None:
    judge(ROW | {"kind": kind}, [Override(code, scope, "d-1", numbers, START)])


@given(
    kind=st.sampled_from(["hydrant", "electrical", "water", "panel"]),
    sleepy=st.booleans(),
    interval=ANYTHING,
    rated=ANYTHING,
    limits=ANYTHING
    | st.dictionaries(st.sampled_from(["level_pct_low", "level_m_high", "level_pct", "low_m"]), ANYTHING),
)
@settings(max_examples=300, deadline=None)
def test_no_stored_figure_of_a_device_ends_a_rule(
    kind: str, sleepy: bool, interval: Any, rated: Any, limits: Any
) -> None:
    row = {"kind": kind, "sleepy": sleepy, "expected_interval_s": interval, "rated_current_a": rated, "limits": limits}
    judge(ROW | row, [])


@pytest.mark.parametrize(("code", "name"), NUMBERS)
def test_every_number_is_bounded_when_written_and_when_read(code: str, name: str) -> None:
    bounds = RULES[code].parameters[name].bounds
    assert bounds.fault(DEFAULTS[code][name]) is None
    for odd in (1e9, -1e9, float("inf"), float("nan"), "3", True, None, [1], 10**400):
        ((field, fault),) = faults_of(code, {name: odd})
        assert field == f"parameters.{name}"
        assert fault.startswith("must be a ")
        assert f"from {bounds.least:g} to {bounds.most:g}" in fault
    for edge in (bounds.least, bounds.most):
        assert faults_of(code, {name: edge}) == []
        beyond = edge + 1 if edge == bounds.most else edge - 1
        book = ParameterBook([Override(code, "all", "", {name: beyond}, START)])
        assert book.for_device(read_device(ROW | {"kind": "water"}).profile, START)[code][name] == edge  # type: ignore[arg-type]
