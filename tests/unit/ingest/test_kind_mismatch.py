"""Readings of another kind than a person registered: rejected as they were sent, each with its place in the array."""

from dataclasses import replace

import orjson

from services.core.topics import Kind
from services.ingest.decode import decode
from services.ingest.devices import Device
from services.ingest.plan import make_plan

NOW_US = 1_780_000_000_000_000
TOPIC = "fire/v1/140931100/hydrant/W1/up/telemetry"
WATER = Device(1, "W1", Kind.WATER, "140931100", kind_fixed=True, area_fixed=True, late_after_us=600_000_000)


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


def test_what_a_device_says_as_two_kinds_is_stored_as_both_until_a_person_sets_its_kind():
    messages = [
        decode(
            f"fire/v1/140931100/{kind}/W1/up/telemetry", orjson.dumps({"ts": NOW_US // 1000, "seq": 1} | fields), NOW_US
        )
        for kind, fields in (("hydrant", {"pressure_mpa": 0.3}), ("water", {"level_m": 2.5}))
    ]
    for kind in (Kind.HYDRANT, Kind.WATER):  # the registry follows the newest topic of a batch
        plan = make_plan(messages, {"W1": replace(WATER, kind=kind, kind_fixed=False)})
        assert {kind: len(rows) for kind, rows in plan.readings.items()} == {Kind.HYDRANT: 1, Kind.WATER: 1}
        assert (plan.rejects, plan.duplicates) == ([], 0)
        assert plan.heard[1].fields == {"pressure_mpa": 0.3, "level_m": 2.5}
    fixed = make_plan(messages, {"W1": WATER})
    assert [reject.reason for _, reject, _ in fixed.rejects] == ["kind_mismatch"]
