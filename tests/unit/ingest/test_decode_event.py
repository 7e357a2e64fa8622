import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.moment import DAY_US, from_us
from services.ingest.decode import decode

NOW_US = 1_795_460_000_000_000
NOW_MS = NOW_US // 1000
TOPIC = "fire/v1/140931100/panel/P1/up/event"
FIRE = {"event_id": "e-1", "ts": NOW_MS, "seq": 4, "type": "fire", "component": "1-2-3"}


def read(body):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(TOPIC, payload, NOW_US)


def only(body):
    message = read(body)
    assert (len(message.events), [one for one in message.rejects if not one.stored]) == (1, [])
    return message.events[0]


def test_a_good_event_keeps_its_parts():
    event = only(FIRE | {"zone": "B1", "system_type": 1, "component_type": 40, "description": "厨房", "floor": 2})
    assert (event.event_id, event.ts_us, event.seq, event.type) == ("e-1", NOW_MS * 1000, 4, "fire")
    assert (event.active, event.component, event.zone, event.description) == (True, "1-2-3", "B1", "厨房")
    assert (event.system_type, event.component_type, event.extra) == (1, 40, {"floor": 2})
    assert event.clock_good


def test_the_same_bytes_are_the_same_event_and_any_part_of_its_identity_makes_another():
    digest = only(FIRE).digest
    assert only(dict(FIRE)).digest == digest
    assert only(FIRE | {"description": "again", "seq": 9, "zone": "x", "active": True}).digest == digest
    changes = [{"event_id": "e-2"}, {"ts": NOW_MS + 1}, {"type": "fault"}, {"active": False}, {"component": ""}]
    assert len({digest, *(only(FIRE | change).digest for change in changes)}) == 6


def test_an_implausible_clock_is_replaced_by_the_receive_time_and_kept_beside_it():
    old_us = NOW_US - 31 * DAY_US
    event = only(FIRE | {"ts": old_us // 1000})
    assert (event.ts_us, event.device_ts, event.clock_good) == (NOW_US, from_us(old_us), False)
    assert event.extra == {"flags": ["clock_implausible"]}
    beyond = only(FIRE | {"ts": 10**18})
    assert (beyond.ts_us, beyond.device_ts) == (NOW_US, None)
    assert beyond.extra == {"flags": ["clock_implausible"], "bad": {"ts": 10**18}}


@pytest.mark.parametrize(
    ("ts", "flag"), [(None, "ts_missing"), ("soon", "ts_unreadable"), (NOW_MS // 1000, "ts_in_seconds")]
)
def test_an_unreadable_time_does_not_lose_the_event(ts, flag):
    event = only(FIRE | {"ts": ts})
    assert (event.ts_us, event.device_ts) == (NOW_US, None)
    assert flag in event.extra["flags"]


def test_a_missing_event_id_is_derived_from_the_bytes_and_told_to_the_device():
    body = {"type": "fire", "ts": NOW_MS}
    first, again, other = read(body), read(body), read(body | {"ts": NOW_MS + 1})
    assert first.events[0].event_id == again.events[0].event_id != other.events[0].event_id
    assert first.ack_ids == [first.events[0].event_id]
    assert "event_id_derived" in first.events[0].extra["flags"]


@pytest.mark.parametrize(
    ("ts", "nameless"),
    [
        (None, True),
        ("0000-00-00T00:00:00Z", True),
        (0, True),
        (345, True),  # seconds since it was switched on
        (951_782_400_000, True),  # the year 2000, at each start
        (NOW_MS, False),
        (NOW_MS // 1000, False),
        (NOW_MS - 90 * 86_400_000, False),  # it may have been away for so long
    ],
)
def test_an_event_without_an_id_is_nameless_where_no_time_tells_it_from_the_next(ts, nameless):
    anonymous = {"type": "fire", "ts": ts}
    assert only(anonymous).nameless is nameless
    assert only(anonymous | {"event_id": "derived-12"}).nameless is nameless  # as a relay carries it
    assert not only(anonymous | {"event_id": "12"}).nameless
    assert only(anonymous | {"event_id": "12"}).counted is nameless  # a counter, which may start again
    assert not only(anonymous | {"event_id": "a7f3c2d1"}).counted


@pytest.mark.parametrize(
    ("part", "value", "kept"),
    [
        ("active", "no", True),
        ("component", ["x"], ""),
        ("component", 12, "12"),
        ("zone", 1.5, ""),
        ("seq", -1, None),
        ("system_type", 999, None),
        ("component_type", "40", None),
        ("description", {"a": 1}, ""),
    ],
)
def test_a_bad_part_goes_to_extra_with_a_flag(part, value, kept):
    event = only(FIRE | {part: value})
    assert getattr(event, part) == kept
    assert event.extra == {"flags": [f"bad_field: {part}"], "bad": {part: value}}


@pytest.mark.parametrize(
    ("sent", "active"),
    [(0, False), (0.0, False), ("false", False), (" FALSE", False), ("0", False), (1, True), ("True", True)],
)
def test_a_device_without_booleans_says_that_a_fire_is_over(sent, active):
    event = only(FIRE | {"active": sent})
    assert event.active is active
    assert event.extra == {"flags": ["active_read_leniently"], "bad": {"active": sent}}


@pytest.mark.parametrize("sent", [2, -1, 0.5, "", "off?", [], {}, [False]])
def test_what_does_not_say_that_a_fire_is_over_is_a_fire(sent):
    assert only(FIRE | {"active": sent}).active is True


def test_whole_numbers_are_read_however_they_are_written():
    event = only(FIRE | {"seq": 7.0, "system_type": 1e0, "component_type": 23.0})
    assert (event.seq, event.system_type, event.component_type, event.extra) == (7, 1, 23, None)
    assert [type(one) for one in (event.seq, event.system_type, event.component_type)] == [int, int, int]
    bad = only(FIRE | {"seq": 7.5, "component_type": 256.0})
    assert (bad.seq, bad.component_type) == (None, None)
    assert bad.extra["bad"] == {"seq": 7.5, "component_type": 256.0}


def test_an_id_that_cannot_be_kept_is_still_told_as_it_was_sent():
    for name in ("x" * 2000, "a\0b"):
        message = read(FIRE | {"event_id": name})
        assert message.ack_ids == [name]
        assert message.events[0].event_id.startswith("derived-")
        assert read({"event_id": name}).ack_ids == [name]
    endless = read(FIRE | {"event_id": "x" * 20_000})
    assert endless.ack_ids == [endless.events[0].event_id]


@pytest.mark.parametrize("sent", ["3-12\0", "\0003-12", "3-\ud83d12"])
def test_a_component_that_no_column_can_hold_stays_the_same_component(sent):
    event = only(json.dumps(FIRE | {"component": sent}).encode())
    assert event.component == "3-12"


def test_fields_named_like_our_marks_are_kept():
    assert read(FIRE | {"flags": 1, "bad": 2}).events[0].extra == {"flags": 1, "bad": 2}
    marked = read(FIRE | {"flags": 1, "bad": 2, "seq": -1}).events[0].extra
    assert marked == {"flags": ["bad_field: seq"], "bad": {"seq": -1, "flags": 1, "bad": 2}}


def test_a_number_as_event_id_is_read_as_text():
    message = read(FIRE | {"event_id": 77})
    assert (message.events[0].event_id, message.ack_ids) == ("77", ["77"])


@pytest.mark.parametrize("sent", ["FIRE", " fire ", "Fire"])
def test_a_known_type_in_other_letters_still_is_that_type(sent):
    event = only(FIRE | {"type": sent})
    assert (event.type, event.extra["bad"]) == ("fire", {"type": sent})


def test_a_whole_number_as_event_id_or_component_is_its_digits_however_it_is_written():
    found = read({"type": "fire", "ts": NOW_MS, "event_id": 12.0, "component": 1.2e1})
    event = found.events[0]
    assert (event.event_id, event.component, found.ack_ids) == ("12", "12", ["12"])
    assert event.extra == {
        "flags": ["event_id_is_a_number", "bad_field: component"],
        "bad": {"event_id": 12.0, "component": 12.0},
    }
    assert only({"type": "fire", "event_id": 1.5, "component": 1e300}).component == ""


def test_an_event_id_longer_than_any_number_of_the_database_keeps_its_last_digits():
    ids = [20_261_130_100_000_123_456, 20_261_130_100_000_123_457]
    body = ",".join(f'{{"event_id":{number},"ts":{NOW_MS},"type":"fire"}}' for number in ids)
    one = body.partition(",{")[0]
    mended = [f"\ufeff[[{body}]]", f"[{body.replace('}', ',}')}]", f"{one[:-1]},}}", json.dumps(one), one[:-1]]
    for sent in (f"[{body}]", f"[[{body}]]", one, f"[[{one}]]", *mended):
        found = read(sent.encode())
        names = [str(number) for number in ids[: len(found.events)]]
        assert [event.event_id for event in found.events] == found.ack_ids == names
        assert len({event.digest for event in found.events}) == len(found.events)


@pytest.mark.parametrize("sent", ["fire", " Manual Alarm", "火警", "手动报警"])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_of_two_types_that_of_a_fire_counts_and_both_are_kept(sent, listed, first):
    kinds = [sent, "smoke_detector"] if first else ["smoke_detector", sent]
    body = f'{{"event_id":"e","type":"{kinds[0]}","ts":{NOW_MS},"type":"{kinds[1]}"}}'
    (event,) = read(f"[{body}]".encode() if listed else body.encode()).events
    assert event.type in {"fire", "manual_alarm"}
    assert event.extra["types"] == kinds


@pytest.mark.parametrize(
    "around",
    ["{%s,}", "[{%s,}]", "\ufeff{%s}", "{%s}\0", "{%s", '{%s,"zone":"B"1"}', "[{%s},5]", '[[{%s},{"zone":"B1"}]]'],
)
@pytest.mark.parametrize("kinds", [("fire", "smoke"), ("smoke", "fire")])
def test_of_two_types_that_of_a_fire_counts_however_the_message_had_to_be_mended(around, kinds):
    body = f'"event_id":"e","type":"{kinds[0]}","ts":{NOW_MS},"type":"{kinds[1]}"'
    for sent in (around % body, json.dumps(f"{{{body}}}")):
        (event,) = read(sent.encode()).events
        assert (event.type, event.extra["types"]) == ("fire", list(kinds))


def test_a_type_inside_another_field_or_two_that_are_no_fire_change_nothing():
    nested = FIRE | {"type": "fault", "sensor": {"type": "fire", "x": [{"type": "fire"}]}}
    assert (only(nested).type, only(nested).extra) == ("fault", {"sensor": nested["sensor"]})
    (event,) = read(b'{"event_id":"e","type":"fault","ts":1795460000000,"type":"tamper"}').events
    assert event.type == "tamper"
    deep = b'{"type":"fault","x":' + b'{"type":' * 900 + b"1" + b"}" * 901
    assert [one.type for one in read(deep).events] == ["fault"]


def test_an_unknown_type_is_kept_as_sent_and_a_long_one_cut():
    assert only(FIRE | {"type": "quake"}).type == "quake"
    event = only(FIRE | {"type": "x" * 300})
    assert (event.type, event.extra["bad"]) == ("x" * 100, {"type": "x" * 300})


@pytest.mark.parametrize("kind", [None, "", "  ", 5, [], True])
def test_an_unreadable_type_rejects_the_event_and_still_names_it_to_the_device(kind):
    message = read(FIRE | {"type": kind})
    assert ([reject.reason for reject in message.rejects], message.events) == (["type_unreadable"], [])
    assert message.ack_ids == ["e-1"]


def test_chinese_in_another_encoding_does_not_lose_a_fire():
    event = only(json.dumps(FIRE | {"description": "三楼烟感"}, ensure_ascii=False).encode("gbk"))
    assert (event.type, event.description) == ("fire", "三楼烟感")
    assert event.extra["flags"] == ["not_utf8_read_as_gb18030"]


@pytest.mark.parametrize(
    "payload",
    [
        b'\xef\xbb\xbf{"type":"fire"}',
        b'{"type":"fire","description":"a\nb"}',
        b'{"type":"fire","value":NaN}',
        b'{"type":"fire","description":"\\ud83d"}',
        b'{"type":"fire","description":"\\u0000"}',
        b'{"type":"fire","zone":"\xff\xff\x80"}',
    ],
)
def test_broken_text_around_a_readable_type_is_forgiven(payload):
    event = only(payload)
    assert event.type == "fire"
    json.dumps([event.extra, event.description, event.zone], ensure_ascii=False).encode("utf-8")
    assert "\0" not in event.description


def test_every_event_of_a_list_comes_out_even_past_the_limit():
    message = read([FIRE | {"event_id": f"e-{i}"} for i in range(150)] + [3, {"event_id": "bad"}])
    assert len(message.events) == 150
    assert [reject.element for reject in message.rejects] == [150, 151]
    assert message.ack_ids == [*(f"e-{i}" for i in range(150)), "bad"]


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"nonsense"])
def test_what_is_no_event_is_kept_raw(payload):
    message = read(payload)
    assert [reject.payload for reject in message.rejects] == [payload]


def test_an_event_on_a_topic_that_names_no_device_is_answered_all_the_same():
    message = decode("fire/v1/140931100/oven/P1/up/event", json.dumps(FIRE).encode(), NOW_US)
    assert ([reject.reason for reject in message.rejects], message.ack_ids) == (["bad_topic"], ["e-1"])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


@given(
    st.dictionaries(
        st.sampled_from(["event_id", "ts", "seq", "active", "component", "zone", "system_type", "description", "x"]),
        SCALARS | st.lists(SCALARS, max_size=3),
    )
)
def test_an_event_with_a_readable_type_always_comes_out(parts):
    message = read(parts | {"type": "fire"})
    assert [event.type for event in message.events] == ["fire"]
    assert len(message.events[0].digest) == 32
    assert message.ack_ids in ([message.events[0].event_id], [parts.get("event_id")])


@given(st.sampled_from(["}", "'", "},", "]", '"', "{", "\\"]), st.data())
def test_a_brace_or_quote_too_many_hides_no_fire(stray, data):
    text = json.dumps({"seq": 1, "active": True, "event_id": "e-1", "type": "fire", "zone": "三{层}", "component": "1"})
    at = data.draw(st.integers(1, text.index('"type"')))
    (event,) = read((text[:at] + stray + text[at:]).encode()).events
    assert event.type == "fire"


@pytest.mark.parametrize("stray", ["}", "'"])
def test_what_a_brace_or_quote_too_many_hid_is_said_beside_the_event_and_is_found_on_the_wrong_channel(stray):
    body = f'{{"event_id":"e-1",{stray}"type":"fire","ts":{NOW_MS}}}'
    message = read(body.encode())
    assert (message.events[0].event_id, message.ack_ids) == ("e-1", ["e-1"])
    assert "broken_json" in message.events[0].extra["flags"]
    assert message.events[0].extra["bad"]["sent"] == body
    (reject,) = decode(TOPIC.replace("event", "telemetry"), body.encode(), NOW_US).rejects
    assert reject.reason == "event_on_telemetry"


def test_each_of_several_events_keeps_the_type_that_a_brace_too_many_hid():
    sent = b'{"event_id":"e-1",}"type":"fire"}{"event_id":"e-2",}"type":"fault"}'
    assert [(one.event_id, one.type) for one in read(sent).events] == [("e-1", "fire"), ("e-2", "fault")]


def test_a_type_within_a_part_of_the_event_is_not_its_own():
    assert read(b'{"event_id":"e-1","part":{"type":"fire"},"zone":"x').events == []
