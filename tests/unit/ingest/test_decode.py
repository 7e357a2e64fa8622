import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.core.contracts import MISPLACED, READING_FIELDS, READING_MODELS
from services.core.moment import DAY_US, MINUTE_US
from services.core.topics import Kind
from services.ingest.decode import decode

NOW_US = 1_795_460_000_000_000
NOW_MS = NOW_US // 1000
TOPIC = "fire/v1/140931100/hydrant/H1/up/telemetry"


def read(body, kind="hydrant"):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(TOPIC.replace("hydrant", kind), payload, NOW_US)


def reasons(message):
    return [reject.reason for reject in message.rejects]


def test_a_good_reading_keeps_its_values_and_unknown_fields():
    message = read({"ts": NOW_MS, "seq": 7, "pressure_mpa": 0.3, "cap_open": None, "fw": {"v": [1, None]}})
    [reading] = message.readings
    assert (reading.ts_us, reading.seq, reading.extra) == (NOW_MS * 1000, 7, {"fw": {"v": [1, None]}})
    assert dict(zip(READING_FIELDS[Kind.HYDRANT], reading.values, strict=True))["pressure_mpa"] == 0.3
    assert not message.rejects


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-11-23T08:00:00+08:00", 1_795_392_000_000_000),
        ("2026-11-23T00:00:00Z", 1_795_392_000_000_000),
        ("2026-11-23t00:00:00.123456789z", 1_795_392_000_123_456),
        ("2026-11-22 20:29:59.5-03:30", 1_795_391_999_500_000),
        ("2026-11-22T23:59:60Z", 1_795_391_999_000_000),
        (1.795392e12, 1_795_392_000_000_000),  # of an encoder without integers
    ],
)
def test_rfc3339_times_are_read_to_the_microsecond(text, us):
    assert [reading.ts_us for reading in read({"ts": text, "seq": 1, "flow_lps": 1}).readings] == [us]


@pytest.mark.parametrize(
    ("ts", "reason"),
    [
        (NOW_MS // 1000, "ts_in_seconds"),
        (-5, "ts_in_seconds"),
        (10**11 - 1, "ts_in_seconds"),
        (None, "ts_missing"),
        (1.5e12 + 0.5, "ts_unreadable"),
        (True, "ts_unreadable"),
        ([], "ts_unreadable"),
        ("2026-11-23T08:00:00", "ts_unreadable"),
        ("2026-13-23T08:00:00Z", "ts_unreadable"),
        ("2026-11-23T08:00:00+25:00", "ts_unreadable"),
        ("yesterday", "ts_unreadable"),
        (10**11, "clock_implausible"),
        (10**18, "clock_implausible"),
        (10**30, "ts_unreadable"),
    ],
)
def test_a_time_that_cannot_be_right_rejects_the_reading_with_a_code(ts, reason):
    message = read({"ts": ts, "seq": 1, "flow_lps": 1})
    assert reasons(message) == [reason]
    assert not message.readings
    assert "ts" in message.rejects[0].detail


@pytest.mark.parametrize(
    ("offset_us", "good"),
    [(5 * MINUTE_US, True), (5 * MINUTE_US + 1000, False), (-30 * DAY_US, True), (-30 * DAY_US - 1000, False)],
)
def test_the_plausible_window_is_thirty_days_back_and_five_minutes_ahead(offset_us, good):
    message = read({"ts": (NOW_US + offset_us) // 1000, "seq": 1, "flow_lps": 1})
    assert bool(message.readings) is good
    assert reasons(message) == ([] if good else ["clock_implausible"])


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ((10**11, 10**11), "clock_implausible"),
        ((10**11, "5", 10**11), "clock_implausible"),  # 5 is no reading
        ((10**10, 10**10), "ts_in_seconds"),
        ((10**11, 10**10), "not_json"),
        (("5", "6"), "not_json"),
    ],
)
def test_readings_of_a_broken_list_that_are_all_refused_are_one_reject_and_keep_the_reason_that_they_share(
    times, reason
):
    elements = [one if isinstance(one, str) else f'{{"ts":{one},"seq":1,"flow_lps":1}}' for one in times]
    payload = f"[{','.join(elements)}".encode()
    message = read(payload)
    assert [(one.reason, one.payload, one.stored) for one in message.rejects] == [(reason, payload, False)]
    assert "not JSON" in message.rejects[0].detail


def test_a_number_is_whole_by_its_value_however_it_is_written():
    message = read(b'{"ts":%d.0,"seq":2e0,"air_temp_c":-21.5}' % NOW_MS)
    [reading] = message.readings
    assert (reading.ts_us, reading.seq, [*message.rejects]) == (NOW_MS * 1000, 2, [])
    assert dict(zip(READING_FIELDS[Kind.HYDRANT], reading.values, strict=True))["air_temp_c"] == -21.5


@pytest.mark.parametrize("seq", [None, -1, 2**32, 1.5, float("inf"), "1", True])
def test_a_bad_seq_rejects_the_reading(seq):
    message = read({"ts": NOW_MS, "seq": seq, "flow_lps": 1})
    assert reasons(message) == ["seq_missing" if seq is None else "seq_unreadable"]


@pytest.mark.parametrize("value", ["0.3", 300, -0.11, [], {}, True])
def test_a_bad_field_is_dropped_named_and_the_reading_kept(value):
    message = read({"ts": NOW_MS, "seq": 1, "pressure_mpa": value, "flow_lps": 0})
    assert reasons(message) == ["bad_field: pressure_mpa"]
    assert message.rejects[0].stored
    assert "pressure_mpa" in message.rejects[0].detail
    assert "MPa" in message.rejects[0].detail
    assert message.readings[0].values[0] is None


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_literal_that_is_no_number_is_one_bad_field(literal):
    message = read(b'{"ts":%d,"seq":1,"pressure_mpa":%s,"flow_lps":2}' % (NOW_MS, literal))
    assert reasons(message) == ["bad_field: pressure_mpa"]
    assert len(message.readings) == 1


def test_a_whole_number_of_any_length_is_stored_as_the_fraction_its_column_holds():
    long = b"1" + b"0" * 300
    message = read(b'{"ts":%d,"seq":1,"energy_kwh":%s,"power_kw":NaN}' % (NOW_MS, long), "electrical")
    assert [value for value in message.readings[0].values if value is not None] == [1e300]
    assert type(message.readings[0].values[14]) is float


def test_booleans_are_no_numbers_and_numbers_no_booleans():
    message = read({"ts": NOW_MS, "seq": 1, "cap_open": 1, "flow_lps": True, "tilt_deg": 3})
    assert sorted(reasons(message)) == ["bad_field: cap_open", "bad_field: flow_lps"]


def test_whole_numbers_may_come_with_a_point():
    message = read({"ts": NOW_MS, "seq": 1, "arc_count": 14.0}, "electrical")
    assert [value for value in message.readings[0].values if value is not None] == [14]
    assert reasons(read({"ts": NOW_MS, "seq": 1, "arc_count": 14.5}, "electrical")) == ["bad_field: arc_count"]


def test_an_event_on_the_topic_of_readings_is_named_and_what_is_a_reading_is_stored():
    for sent in (
        {"type": "fire"},
        {"type": "Manual Alarm", "ts": NOW_MS, "event_id": "1"},
        {"type": "fire", "tilt_deg": "x"},
    ):
        assert reasons(read({"seq": 1} | sent)) == ["event_on_telemetry"]
    (reject,) = read([{"ts": NOW_MS, "seq": 1, "tilt_deg": 3}, {"type": "fire", "event_id": "1"}]).rejects
    assert (reject.reason, reject.stored) == ("event_on_telemetry", False)
    assert "up/event" in reject.detail
    assert reasons(read({"ts": NOW_MS, "seq": 1, "tilt_deg": 3, "type": "fire"})) == []
    assert reasons(read({"ts": NOW_MS, "seq": 1, "type": "periodic"})) == ["no_valid_field"]


@pytest.mark.parametrize(
    ("channel", "body", "reason"),
    [
        ("event/", b'{"type":"fire","event_id":"1"}', "bad_topic"),
        ("Event", b'[{"x":1},{"type":"manual_alarm"}]', "bad_topic"),
        ("event/fire", b'{"type":"fire","description":"a "b"","event_id":"1"', "bad_topic"),
        ("status", b'{"type":"fire","event_id":"1"}', "status_unreadable"),
        ("telemetry", b'{"type":"fire","description":"a "b"","event_id":"1"', "event_on_telemetry"),
        ("telemetry", b"[" + b'{"type":"fire"},' * 700 + b'{"type":"fire"}]', "event_on_telemetry"),
    ],
)
def test_an_event_on_any_channel_that_hears_none_is_named(channel, body, reason):
    message = decode(TOPIC.replace("telemetry", channel), body, NOW_US)
    assert [(reject.reason, reject.payload) for reject in message.rejects] == [(reason, body)]
    assert message.rejects[0].detail.startswith(MISPLACED)
    assert "up/event" in message.rejects[0].detail


@pytest.mark.parametrize(("channel", "body"), [("event/", b"{}"), ("status", b"offline"), ("telemetry", b"[7")])
def test_what_is_no_event_is_not_called_one(channel, body):
    (reject,) = decode(TOPIC.replace("telemetry", channel), body, NOW_US).rejects
    assert not reject.detail.startswith(MISPLACED)


def test_a_reading_without_any_valid_field_is_rejected_once():
    assert reasons(read({"ts": NOW_MS, "seq": 1})) == ["no_valid_field"]
    assert reasons(read({"ts": NOW_MS, "seq": 1, "mystery": 1})) == ["no_valid_field"]
    only_bad = read({"ts": NOW_MS, "seq": 1, "flow_lps": "x", "tilt_deg": -1})
    assert reasons(only_bad) == ["bad_field: flow_lps"]
    assert not only_bad.rejects[0].stored
    assert "tilt_deg" in only_bad.rejects[0].detail
    assert not only_bad.readings


def test_good_elements_of_an_array_survive_bad_neighbours():
    good = {"ts": NOW_MS, "seq": 2, "flow_lps": 1}
    message = read([good, 7, {"seq": 3}, good | {"seq": 4}])
    assert [reading.seq for reading in message.readings] == [2, 4]
    assert [(reject.reason, reject.element, reject.payload) for reject in message.rejects] == [
        ("wrong_shape", 1, b"7"),
        ("ts_missing", 2, b'{"seq":3}'),
    ]


def test_six_hundred_readings_pass_and_one_more_does_not():
    good = {"ts": NOW_MS, "seq": 2, "flow_lps": 1}
    assert len(read([good] * 600).readings) == 600
    message = read([good] * 601)
    assert (message.readings, reasons(message)) == ([], ["too_many_elements"])


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b'"text"', b"[]", b"3", b"null", b"[" * 5000])
def test_what_is_no_reading_is_kept_raw(payload):
    message = read(payload)
    assert [(reject.payload, reject.element) for reject in message.rejects] == [(payload, None)]
    assert reasons(message)[0] in {"not_json", "wrong_shape"}


@pytest.mark.parametrize(
    "topic",
    [
        "fire/v1/12/hydrant/H1/up/telemetry",
        "fire/v1/140931100/toaster/H1/up/telemetry",
        "fire/v1/140931100/hydrant/H 1/up/telemetry",
        "fire/v1/140931100/hydrant/H.1/up/telemetry",
    ],
)
def test_a_topic_that_names_no_device_rejects_the_message(topic):
    message = decode(topic, b"{}", NOW_US)
    assert (reasons(message), message.topic) == (["bad_topic"], None)


def test_a_status_says_whether_the_device_is_there():
    status = TOPIC.replace("telemetry", "status")
    live = decode(status, b'{"online": true, "ts": 5}', NOW_US)
    assert (live.online, live.alive, [*live.rejects]) == (True, True, [])
    will = decode(status, b'{"online": false}', NOW_US)
    assert (will.online, will.alive) == (False, False)
    copy = decode(status, b'{"online": true}', NOW_US, retained=True)
    assert (copy.online, copy.alive, copy.registers) == (True, False, False)
    assert not decode(status, b"", NOW_US).rejects
    for bad in (b"{}", b'{"online": 1}', b"[]", b"x"):
        assert reasons(decode(status, bad, NOW_US)) == ["status_unreadable"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["ts", "seq", "pressure_mpa", "cap_open", "type", "event_id", "active", "component", "online"])


@given(st.binary(max_size=200), st.sampled_from(["up/telemetry", "up/event", "up/status", "down/ack"]))
def test_no_bytes_break_decoding(payload, channel):
    decode(f"fire/v1/140931100/panel/P1/{channel}", payload, NOW_US)


@given(st.dictionaries(NAMES | st.text(max_size=5), JSON, max_size=9), st.sampled_from(["up/telemetry", "up/event"]))
def test_no_json_breaks_decoding_and_nothing_is_lost(body, channel):
    message = decode(f"fire/v1/140931100/hydrant/H1/{channel}", json.dumps(body).encode(), NOW_US)
    assert message.elements >= 1


@given(st.sampled_from(list(Kind)), st.data())
def test_the_field_table_agrees_with_the_models(kind, data):
    name = data.draw(st.sampled_from(READING_FIELDS[kind]))
    value = data.draw(st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3))
    body = {"ts": NOW_MS, "seq": 1, name: value}
    try:
        READING_MODELS[kind](**body)
        fits = not (isinstance(value, float) and math.isinf(value))
    except ValidationError:
        fits = name == "arc_count" and isinstance(value, float) and value.is_integer() and 0 <= value < 2**63
    message = decode(TOPIC.replace("hydrant", kind), json.dumps(body).encode(), NOW_US)
    assert bool(message.readings) is fits


def test_whatever_makes_reading_fail_is_a_reject_of_that_message_alone():
    message = decode(TOPIC, 5, NOW_US)  # no bytes at all: nothing here is made for it
    assert reasons(message) == ["not_decoded"]
    assert "TypeError" in message.rejects[0].detail
