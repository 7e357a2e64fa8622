"""Readings of another kind than a person registered: rejected as they were sent, each with its place in the array."""

from dataclasses import replace

import orjson
import pytest

from services.core.topics import Kind
from services.ingest.decode import decode
from services.ingest.devices import Device
from services.ingest.plan import make_plan

NOW_US = 1_780_000_000_000_000
TOPIC = "fire/v1/140931100/hydrant/W1/up/telemetry"
WATER = Device(1, "W1", Kind.WATER, "140931100", is_placed=True, late_after_us=600_000_000)


def rejects_of(payload: bytes):
    plan = make_plan([decode(TOPIC, payload, NOW_US)], {"W1": WATER})
    assert not plan.readings
    return [reject for _message, reject, _device_id in plan.rejects]


def test_one_reading_is_kept_byte_for_byte():
    payload = b' {"ts": "2026-05-28T20:26:40.123456Z", "seq": 1, "pressure_mpa": 0.40, "foo": 1}'
    (only,) = rejects_of(payload)
    assert (only.payload, only.reason, only.element) == (payload, "kind_mismatch", None)


def test_elements_of_an_array_keep_their_place_and_what_was_sent():
    ts = "2026-05-28T20:26:40.123456+00:00"
    sent = [
        {"ts": ts, "seq": "no", "pressure_mpa": 0.4},
        {"ts": ts, "seq": 2, "pressure_mpa": 9.5, "flow_lps": 1, "foo": {"a": None}},
    ]
    first, second = rejects_of(orjson.dumps(sent))
    assert (first.reason, first.element) == ("seq_unreadable", 0)
    assert (second.reason, second.element, second.stored) == ("kind_mismatch", 1, False)
    assert orjson.loads(second.payload) == sent[1]


def rejects_on_electrical(payload: bytes):
    hydrant = replace(WATER, kind=Kind.HYDRANT)
    plan = make_plan([decode(TOPIC.replace("hydrant", "electrical"), payload, NOW_US)], {"W1": hydrant})
    assert not plan.readings
    return [reject for _message, reject, _device_id in plan.rejects]


@pytest.mark.parametrize("fields", [{"pressure_mpa": 0.3}, {"power_kw": "x"}, {"pressure_mpa": 0.3, "power_kw": 1e9}])
def test_a_reading_without_a_good_field_of_the_kind_in_its_topic_is_told_of_the_kind_and_of_no_field(fields):
    payload = orjson.dumps({"ts": NOW_US // 1000, "seq": 1, **fields})
    (only,) = rejects_on_electrical(payload)
    assert (only.reason, only.payload, only.element, only.stored) == ("kind_mismatch", payload, None, False)
    assert "send at least one" not in only.detail
    good = {"ts": NOW_US // 1000, "seq": 2, "power_kw": 1}
    found = rejects_on_electrical(orjson.dumps([orjson.loads(payload), good]))
    assert sorted((one.reason, one.element, one.payload) for one in found) == [
        ("kind_mismatch", 0, payload),
        ("kind_mismatch", 1, orjson.dumps(good)),
    ]


def test_a_message_that_is_no_json_is_one_mismatch_as_it_came():
    payload = b'[{"ts":%d,"seq":1,"power_kw":1},5,{"ts":%d,"seq":2,"power_kw":1}' % (NOW_US // 1000, NOW_US // 1000)
    assert [(one.reason, one.payload, one.element) for one in rejects_on_electrical(payload)] == [
        ("kind_mismatch", payload, None)
    ]


def test_a_list_beside_readings_is_not_refused_twice():
    one, two, three = ({"ts": NOW_US // 1000, "seq": n, "power_kw": 1} for n in range(3))
    found = rejects_on_electrical(orjson.dumps([[one, two], three]))
    assert [(one.reason, one.element) for one in found] == [("wrong_shape", 0), ("kind_mismatch", 1)]


def test_what_a_device_says_as_two_kinds_is_stored_as_both_until_a_person_sets_its_kind():
    messages = [
        decode(
            f"fire/v1/140931100/{kind}/W1/up/telemetry", orjson.dumps({"ts": NOW_US // 1000, "seq": 1} | fields), NOW_US
        )
        for kind, fields in (("hydrant", {"pressure_mpa": 0.3}), ("water", {"level_m": 2.5}))
    ]
    for kind in (Kind.HYDRANT, Kind.WATER):  # the registry follows the newest topic of a batch
        plan = make_plan(messages, {"W1": replace(WATER, kind=kind, is_placed=False)})
        assert {kind: len(rows) for kind, rows in plan.readings.items()} == {Kind.HYDRANT: 1, Kind.WATER: 1}
        assert (plan.rejects, plan.duplicates) == ([], 0)
        assert plan.heard[1].fields == {"pressure_mpa": 0.3, "level_m": 2.5}
    fixed = make_plan(messages, {"W1": WATER})
    assert [reject.reason for _, reject, _ in fixed.rejects] == ["kind_mismatch"]
