"""Messages that are almost JSON: an event with a readable type always comes out, a reading only when beyond doubt."""

import json

import pytest

from services.ingest.decode import decode
from services.ingest.json_text import dump_element

NOW_US = 1_795_460_000_000_000
NOW_MS = NOW_US // 1000
PRESSED = {"event_id": "e-1", "ts": NOW_MS, "seq": 4, "type": "manual_alarm", "component": "3-12"}
READING = {"ts": NOW_MS, "seq": 7, "pressure_mpa": 0.31, "flow_lps": 1.25}
TEXT = {"description": "三楼手报"}


def read(payload, kind="panel", channel="event"):
    return decode(f"fire/v1/140931100/{kind}/D1/up/{channel}", payload, NOW_US)


def telemetry(payload):
    return read(payload, "hydrant", "telemetry")


def as_text(body):
    return json.dumps(body | TEXT, ensure_ascii=False)


def as_bytes(body):
    return as_text(body).encode()


WHOLE = {
    "a list in a list": lambda body: b"[[" + as_bytes(body) + b"]]",
    "three lists in each other": lambda body: b"[[[" + as_bytes(body) + b"]]]",
    "a NUL behind it": lambda body: as_bytes(body) + b"\0",
    "a buffer of NULs behind it": lambda body: as_bytes(body) + b"\0" * 256,
    "NULs before it": lambda body: b"\0\0" + as_bytes(body),
    "three NULs before it": lambda body: b"\0\0\0" + as_bytes(body),
    "its length before it": lambda body: len(as_bytes(body)).to_bytes(4, "big") + as_bytes(body),
    "its length before it, little end first": lambda body: len(as_bytes(body)).to_bytes(4, "little") + as_bytes(body),
    "a Ctrl-Z behind it": lambda body: as_bytes(body) + b"\x1a",
    "erased flash behind it": lambda body: as_bytes(body) + b"\xff" * 64,
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + as_bytes(body),
    "line ends and a NUL": lambda body: b"\r\n" + as_bytes(body) + b"\r\n\0",
    "a trailing comma inside": lambda body: as_bytes(body)[:-1] + b",}",
    "a trailing comma behind": lambda body: as_bytes(body) + b",",
    "a list with a trailing comma": lambda body: b"[" + as_bytes(body) + b",]",
    "a list without its end": lambda body: b"[" + as_bytes(body),
    "UTF-16 with a mark": lambda body: as_text(body).encode("utf-16"),
    "UTF-16 little end first": lambda body: as_text(body).encode("utf-16-le"),
    "UTF-16 big end first": lambda body: as_text(body).encode("utf-16-be"),
    "UTF-16 and NULs behind": lambda body: as_text(body).encode("utf-16-le") + b"\0" * 6,
    "UTF-32": lambda body: as_text(body).encode("utf-32"),
    "UTF-32 without a mark": lambda body: as_text(body).encode("utf-32-be"),
    "GB 18030": lambda body: as_text(body).encode("gb18030"),
    "GB 18030 and a NUL": lambda body: as_text(body).encode("gb18030") + b"\0",
    "a longer message's rest behind it": lambda body: as_bytes(body) + as_bytes(body)[25:],
    "an echo of the modem before it": lambda body: b"+QMTPUB: 0,1 " + as_bytes(body),
    "single quotes": lambda body: str(body | TEXT).encode(),
    "names without quotes": lambda body: b"{" + b",".join(
        b"%s:%s" % (name.encode(), json.dumps(value).encode()) for name, value in (body | TEXT).items()
    ) + b"}",
    "encoded twice": lambda body: json.dumps(as_text(body)).encode(),
    "nan as printf writes it": lambda body: as_bytes(body)[:-1] + b',"x":-nan}',
    "a field without a value": lambda body: as_bytes(body)[:-1] + b',"x":}',
    "half of a surrogate pair": lambda body: as_bytes(body)[:-1] + b',"x":"\\ud83d"}',
    "an escape JSON does not know": lambda body: as_bytes(body)[:-1] + b',"x":"C:\\q"}',
    "lists three thousand deep": lambda body: as_bytes(body)[:-1] + b',"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "a line end inside a text": lambda body: as_bytes(body)[:-1] + b',"x":"a\nb"}',
}  # fmt: skip


JSON_IN_OTHER_BYTES = {
    "a list in a list", "three lists in each other", "a NUL behind it", "a buffer of NULs behind it", "NULs before it",
    "three NULs before it", "a Ctrl-Z behind it", "erased flash behind it", "a byte order mark", "line ends and a NUL",
    "UTF-16 with a mark", "UTF-16 little end first", "UTF-16 big end first", "UTF-16 and NULs behind", "UTF-32",
    "UTF-32 without a mark", "GB 18030", "GB 18030 and a NUL", "half of a surrogate pair",
}  # fmt: skip


def kept_raw(message):
    """What was kept of a message as it came, although something of it is stored."""
    return [one.payload for one in message.rejects if (one.reason, one.element, one.stored) == ("not_json", None, True)]


@pytest.mark.parametrize("channel", ["event", "telemetry"])
@pytest.mark.parametrize("sort", WHOLE)
def test_a_message_that_is_no_json_is_kept_as_it_came_beside_what_is_stored_of_it(sort, channel):
    payload = WHOLE[sort](PRESSED if channel == "event" else READING)
    message = read(payload) if channel == "event" else telemetry(payload)
    assert len(message.events) + len(message.readings) == 1
    assert kept_raw(message) == ([] if sort in JSON_IN_OTHER_BYTES else [payload])
    assert len(message.rejects) == len(kept_raw(message))


def test_what_is_no_object_in_a_broken_list_does_not_vanish():
    one, two = json.dumps(READING).encode(), json.dumps(READING | {"seq": 8}).encode()
    payload = b"[" + one + b",5," + two
    message = telemetry(payload)
    assert [reading.seq for reading in message.readings] == [7, 8]
    assert kept_raw(message) == [payload]
    payload = b"[" + one[:-1] + b',"ts":1},5,' + two.replace(b'"seq"', b'"no"')
    assert [(reject.reason, reject.payload) for reject in telemetry(payload).rejects] == [("not_json", payload)]
    payload = b"[" + as_bytes(PRESSED) + b",5," + as_bytes(PRESSED | {"event_id": "e-2"})
    assert (len(read(payload).events), kept_raw(read(payload))) == (2, [payload])


def test_a_reading_cut_within_a_name_or_behind_its_last_value_is_kept_as_it_came_too():
    for payload in (json.dumps(READING).encode()[:-8], json.dumps(READING | {"note": "x"}).encode()[:-1]):
        message = telemetry(payload)
        assert (len(message.readings), kept_raw(message)) == (1, [payload])


def test_what_of_a_text_was_lost_or_guessed_is_kept_as_it_came():
    for behind in (b"\xe4", b"x", b"{", b"\xff\x80"):
        payload = as_bytes(PRESSED) + behind
        assert kept_raw(read(payload)) == [payload], payload
    payload = as_bytes(PRESSED)[:-1] + b',"zone":"\xff\xff\x80\xff"}'
    assert kept_raw(read(payload)) == [payload]


@pytest.mark.parametrize("list_of", [lambda a, b: [a, [b]], lambda a, b: [[b], a]])
@pytest.mark.parametrize("behind", ["", "\0"])
def test_a_list_beside_a_reading_is_no_reading_whichever_stands_first(list_of, behind):
    sent = list_of(READING, READING | {"seq": 8})
    message = telemetry((json.dumps(sent) + behind).encode())
    assert [reading.seq for reading in message.readings] == [7]
    ((refused, element),) = [(reject.reason, reject.element) for reject in message.rejects]
    assert (refused, sent[element]) == ("wrong_shape", [READING | {"seq": 8}])


def test_lists_of_readings_in_one_list_are_unpacked_and_events_in_any():
    sent = [[READING], [READING | {"seq": 8}, READING | {"seq": 9}]]
    message = telemetry(json.dumps(sent).encode())
    assert ([reading.seq for reading in message.readings], message.rejects) == ([7, 8, 9], [])
    for mixed in ([PRESSED, [PRESSED | {"event_id": "e-2"}]], [[PRESSED | {"event_id": "e-2"}], PRESSED]):
        assert sorted(read(json.dumps(mixed).encode()).ack_ids) == ["e-1", "e-2"]


@pytest.mark.parametrize("broken", WHOLE.values(), ids=WHOLE.keys())
def test_a_pressed_call_point_comes_out_flagged_with_all_its_parts(broken):
    message = read(broken(PRESSED))
    (event,) = message.events
    assert (event.type, event.event_id, event.component, event.seq) == ("manual_alarm", "e-1", "3-12", 4)
    assert (event.ts_us, event.description, message.ack_ids) == (NOW_US, "三楼手报", ["e-1"])
    assert event.extra["flags"]
    assert message.mended == set(event.extra["flags"])


@pytest.mark.parametrize("broken", WHOLE.values(), ids=WHOLE.keys())
def test_a_reading_that_is_beyond_doubt_comes_out_with_its_trace(broken):
    message = telemetry(broken(READING))
    (reading,) = message.readings
    assert (reading.ts_us, reading.seq, reading.values[:2]) == (NOW_US, 7, [0.31, 1.25])
    assert reading.extra["flags"]


@pytest.mark.parametrize("broken", WHOLE.values(), ids=WHOLE.keys())
def test_the_same_broken_bytes_are_the_same_event_with_and_without_an_id(broken):
    for body in (PRESSED, {"ts": NOW_MS, "type": "fire"}):
        first, again = read(broken(body)), read(broken(body))
        assert first.events[0].digest == again.events[0].digest
        assert first.ack_ids == again.ack_ids
    assert read(broken(body)).events[0].digest != read(broken(body | {"ts": NOW_MS + 1})).events[0].digest


def test_what_is_well_formed_carries_no_flag():
    assert read(as_bytes(PRESSED)).events[0].extra is None
    assert telemetry(json.dumps(READING).encode()).readings[0].extra is None
    assert read(b"\r\n " + as_bytes(PRESSED) + b"\r\n").events[0].extra is None


def test_a_lost_last_brace_keeps_all_whose_end_is_seen():
    event = read(as_bytes(PRESSED)[:-1]).events[0]
    assert (event.type, event.event_id, event.component, event.extra) == (
        "manual_alarm", "e-1", "3-12", {"flags": ["cut"]},
    )  # fmt: skip
    message = telemetry(json.dumps(READING).encode()[:-1])
    assert message.readings[0].values[:2] == [0.31, None]  # 1.25 may have been 1.256
    reject, whole = message.rejects
    assert (reject.reason, reject.stored) == ("bad_field: flow_lps", True)
    assert "cut" in reject.detail
    assert (whole.reason, whole.stored) == ("not_json", True)


def test_a_number_whose_end_is_not_seen_is_no_reading():
    message = telemetry(b'{"ts":%d,"seq":1,"pressure_mpa":0' % NOW_MS)
    assert not message.readings
    assert [(reject.reason, reject.stored) for reject in message.rejects] == [("bad_field: pressure_mpa", False)]
    assert telemetry(b'{"pressure_mpa":0.3,"seq":1,"ts":%d' % NOW_MS).readings == []


def test_wherever_a_fire_is_cut_behind_its_type_it_is_a_fire_and_never_another_component():
    whole = as_bytes(PRESSED)
    for payload in (whole[:cut_at] for cut_at in range(1, len(whole))):
        message = read(payload)
        assert message.ack_ids == (["e-1"] if b'"e-1"' in payload else []), payload
        if b'"type": "manual_alarm' not in payload:
            assert (message.events, len(message.rejects)) == ([], 1), payload
            continue
        (event,) = message.events
        assert (event.type, event.event_id, kept_raw(message)) == ("manual_alarm", "e-1", [payload]), payload
        assert event.component in ("3-12", ""), payload


def test_a_cut_id_names_no_event_and_what_was_cut_stands_beside():
    event = read(b'{"type":"fire","component":"1-2","event_id":"e-12').events[0]
    assert event.event_id.startswith("derived-")
    assert event.extra["bad"]["event_id"] == "e-12"
    event = read(b'{"type":"fire","component":"3-1').events[0]
    assert (event.component, event.extra["bad"]) == ("", {"component": "3-1"})


def test_two_objects_in_one_payload_are_two():
    other = PRESSED | {"event_id": "e-2", "component": "3-13"}
    for joint in (b"", b"\r\n", b",", b"\0", b" \x1e"):
        message = read(as_bytes(PRESSED) + joint + as_bytes(other))
        assert [event.component for event in message.events] == ["3-12", "3-13"]
        assert message.ack_ids == ["e-1", "e-2"]
        assert len(message.rejects) == len(kept_raw(message)) == 1
    later = READING | {"seq": 8}
    readings = telemetry(json.dumps(READING).encode() + json.dumps(later).encode()).readings
    assert [reading.seq for reading in readings] == [7, 8]


def test_the_whole_elements_of_a_cut_list_are_stored():
    many = [READING | {"seq": n} for n in range(5)]
    message = telemetry(json.dumps(many).encode()[:-40])
    assert [reading.seq for reading in message.readings[:4]] == [0, 1, 2, 3]
    assert all(reading.values[:2] == [0.31, 1.25] for reading in message.readings[:4])


@pytest.mark.parametrize(
    "payload",
    [
        b'{"description":"he said "fire", so","type":"manual_alarm","event_id":"e-1"}',
        b'{"description":"say "hi","type":"manual_alarm","event_id":"e-1"}',
        b'"event_id":"e-1","type":"manual_alarm"}',
        b'{"event_id":"e-1" "type":"manual_alarm"}',
        b'{"event_id":"e-1",,"type":"manual_alarm"}',
        b'{"event_id":"e-1","x":[1,2},"type":"manual_alarm"}',
        b'{"event_id":"e-1","x":1",\n"type":"manual_alarm"}',
        b'{"event_id"="e-1","type"="manual_alarm"}',
        b'{"event_id":"e-1","x":0x1F,"type":"manual_alarm"}',
        b'{"event_id":"e-1"/* : */,"type":"manual_alarm"}',
    ],
)
def test_a_fire_among_broken_text_is_a_fire_and_is_acknowledged(payload):
    message = read(payload)
    (event,) = message.events
    assert (event.type, message.ack_ids) == ("manual_alarm", ["e-1"])
    assert event.extra["flags"]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"ts":%d,"seq":1,"pressure_mpa":0,31,"flow_lps":1}',
        b'{"ts":%d,"seq":1,"pressure_mpa":0.3 "flow_lps":1}',
        b'{"ts":%d,"seq":1,"pressure_mpa":1",\n"flow_lps":1}',
        b'{"ts":%d,,"seq":1,"pressure_mpa":0.3}',
        b'"ts":%d,"seq":1,"pressure_mpa":0.3}',
        b'{"ts":%d,"seq":1,"x":[1,2},"pressure_mpa":0.3}',
    ],
)
def test_a_reading_whose_parts_do_not_fit_together_is_rejected_as_it_came(broken):
    payload = broken % NOW_MS
    message = telemetry(payload)
    assert not message.readings
    assert [(reject.reason, reject.payload) for reject in message.rejects] == [("not_json", payload)]


def test_garbage_is_one_reject_however_many_braces_it_has():
    for payload in (b"{]" * 500, b'{"a" 1}{"b" 2}', b"\x00\x01{\xfe}{\xff}"):
        assert [(one.reason, one.payload) for one in telemetry(payload).rejects] == [("not_json", payload)]
        assert [(one.reason, one.payload) for one in read(payload).rejects] == [("not_json", payload)]


def test_more_readings_than_one_message_may_hold_are_no_more_welcome_in_a_broken_one():
    one = json.dumps(READING).encode()
    assert len(telemetry(one * 600).readings) == 600
    assert [reject.reason for reject in telemetry(one * 601).rejects] == ["too_many_elements"]


def test_a_device_field_named_flags_is_kept_beside_ours():
    reading = telemetry(json.dumps(READING | {"flags": 3}).encode() + b"\0").readings[0]
    assert reading.extra == {"flags": ["padding"], "bad": {"flags": 3}}


@pytest.mark.parametrize("channel", ["telemetry", "event", "status"])
def test_an_empty_retained_payload_deletes_a_retained_message_and_says_nothing(channel):
    message = decode(f"fire/v1/140931100/panel/D1/up/{channel}", b"", NOW_US, retained=True)
    assert (message.elements, message.online) == (0, None)
    assert (message.alive, message.registers) == (False, False)


@pytest.mark.parametrize("channel", ["telemetry", "event"])
def test_an_empty_message_that_is_not_retained_is_a_reject(channel):
    assert [reject.payload for reject in read(b"", channel=channel).rejects] == [b""]


def test_a_padded_status_is_read_and_a_doubtful_one_is_not():
    assert read(b'{"online": true}\0', channel="status").online is True
    assert read('{"online": false}'.encode("utf-16"), channel="status").online is False
    assert read(b'{"online": true}{"online": false}', channel="status").online is None


def test_a_type_is_read_however_it_is_dressed():
    for kind in (
        "manual_alarm\0",
        "ｍａｎｕａｌ＿ａｌａｒｍ",
        "Manual Alarm",
        "manual-alarm",
        "\u200bmanual_alarm\ufeff",
    ):
        event = read(dump_element(PRESSED | {"type": kind})).events[0]
        assert (event.type, event.extra["flags"]) == ("manual_alarm", ["type_read_leniently"])
