"""Whatever stands in the table of policies, reading it gives policies in force and names what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.rules.events import EVENT_RULES
from services.core.alarms.codes import CODES
from services.core.alarms.policies import DEFAULTS, parse_policies, read_policies
from services.core.alarms.policy_models import MODELS
from services.core.rules.catalog import RULES

WORDS = st.text("ab1./:保\0\ud800\r\n{}", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = [(name, field) for name, model in MODELS.items() for field in model.model_fields]
STEP = {"code": "fire", "after_s": 7, "channels": ["sms"], "until": "closed"}


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*MODELS, "unknown"], JSON)))
def test_reading_never_fails_for_any_rows(rows: dict[str, Any]) -> None:
    read_policies(rows)


@given(st.sampled_from(FIELDS), JSON)
def test_a_bad_field_has_its_default_and_the_others_keep_theirs(place: tuple[str, str], value: Any) -> None:
    name, field = place
    policies = read_policies({name: {field: value}})
    for other in MODELS[name].model_fields:
        if other != field and (name, other) != ("health", "storage_fine_pct"):
            assert policies.bodies[name][other] == DEFAULTS[name][other]
    assert all(fault.policy == name and fault.field.split(".")[0] == field for fault in policies.faults)
    # what comes out can be calculated with
    for figure in (policies.alarm.suspected_clock_s, policies.number("notices", "hold_older_than_s")):
        datetime.now(UTC) + timedelta(seconds=figure)


@given(st.lists(st.just(STEP) | JSON | st.fixed_dictionaries(dict.fromkeys(STEP, JSON)), max_size=6))
def test_a_bad_step_is_left_out_alone(steps: list[Any]) -> None:
    policies = read_policies({"escalation": {"steps": steps}})
    good = [number for number, step in enumerate(steps, start=1) if step == STEP]
    assert set(good) <= {step.number for step in policies.escalation}
    for step in policies.escalation:
        datetime.now(UTC) + timedelta(seconds=step.after_s)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("fire_clocks", "suspected_s", -5),
        ("fire_clocks", "suspected_s", 1e9),
        ("fire_clocks", "suspected_s", float("inf")),
        ("fire_clocks", "suspected_s", float("nan")),
        ("fire_clocks", "suspected_s", 10**400),
        ("fire_clocks", "suspected_s", True),
        ("fire_clocks", "suspected_s", "180"),
        ("drill", "until", "soon"),
        ("drill", "until", "2026-11-23T12:00:00"),
        ("drill", "until", "9999-12-31T23:59:59+00:00"),
        ("notices", "notify_from", "loud"),
        ("sms_gateway", "url", "http://"),
        ("sms_gateway", "url", "//x"),
        ("sms_gateway", "url", "http://[::1"),
        ("sms_gateway", "url", "http://h:99999/"),
        ("sms_gateway", "url", "http://h/\r\nx: y"),
        ("sms_gateway", "url", "file:///etc/passwd"),
        ("sms_gateway", "headers", {"X-Account": 1001}),
        ("sms_gateway", "headers", {"X-Sign": "保德消防"}),
        ("sms_gateway", "headers", {"X": "a\nb"}),
        ("sms_gateway", "headers", {"X Y": "a"}),
        ("sms_gateway", "headers", {"Content-Length": "7"}),
        ("sms_gateway", "headers", "Authorization: Bearer abc"),
        ("sms_gateway", "body", {"a": "\0"}),
        ("sms_gateway", "body", {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": 1}}}}}}}}),
        ("sms_gateway", "success", {"json": {"path": "a b", "equals": 0}}),
        ("sms_gateway", "success", {"status": [42]}),
    ],
)
def test_what_cannot_be_used_is_named_and_the_default_holds(name: str, field: str, value: Any) -> None:
    policies = read_policies({name: {field: value}})
    assert policies.bodies[name] == DEFAULTS[name]
    assert {(fault.policy, fault.field.split(".")[0]) for fault in policies.faults} == {(name, field)}
    assert policies.fault(name)


def test_json_that_our_parser_cannot_read_is_one_fault() -> None:
    deep = "[" * 5000 + "]" * 5000
    policies = parse_policies(
        {"fire_clocks": '{"suspected_s": 1e400}', "health": deep, "notices": '{"flap_hold_s": 5}'}
    )
    assert {fault.policy for fault in policies.faults} == {"fire_clocks", "health"}
    assert policies.number("notices", "flap_hold_s") == 5


def test_a_fault_never_tells_what_stood_there() -> None:
    policies = read_policies({"sms_gateway": {"headers": {"Authorization": "秘密 token"}, "url": "ftp://u:secret@h"}})
    assert len(policies.faults) == 2
    assert not any(word in str(policies.faults) for word in ("秘密", "token", "secret"))


def test_steps_that_are_all_bad_call_by_the_defaults_but_an_empty_list_calls_nobody() -> None:
    assert len(read_policies({"escalation": {"steps": [7]}}).escalation) == len(DEFAULTS["escalation"]["steps"])
    assert read_policies({"escalation": {"steps": []}}).escalation == ()


def test_the_end_of_storage_low_is_never_above_its_begin() -> None:
    policies = read_policies({"health": {"storage_low_pct": 40}})
    assert policies.number("health", "storage_fine_pct") == 40
    assert policies.faults == ()


def test_every_code_that_is_raised_can_be_named_in_a_step() -> None:
    raised = {*RULES, *(rule.code for rule in EVENT_RULES.values())}
    assert raised <= set(CODES)
    assert "dispatch_failed" in CODES
