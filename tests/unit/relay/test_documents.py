"""What a relay sends of a stored event is, at the county, the same event with the same columns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.core.contracts import READING_FIELDS
from services.core.fields import FIELD_RULES
from services.core.moment import from_us
from services.core.topics import Kind
from services.ingest.decode import decode
from services.ingest.decode_event import Event
from services.relay.documents import bare_event, bare_reading, event_payload, reading_payload

NOW_US = 1_795_460_000_000_000
NOW_MS = NOW_US // 1000
TOPIC = "fire/v1/140931100/panel/P1/up/{}"
LATER_US = NOW_US + 3_600_000_000
FIRE = {"event_id": "e-1", "ts": NOW_MS, "seq": 4, "type": "fire", "component": "1-2-3"}
COLUMNS = (
    "event_id", "seq", "type", "active", "component", "zone", "system_type", "component_type", "description",
    "device_ts", "extra", "sent",
)  # fmt: skip


def read(payload: bytes, at_us: int = NOW_US) -> Event:
    message = decode(TOPIC.format("event"), payload, at_us)
    assert len(message.events) == 1, message.rejects
    return message.events[0]


def stored(event: Event) -> dict[str, Any]:
    """The row, as the database gives it back."""
    row = {name: getattr(event, name) for name in COLUMNS} | {"ts": from_us(event.ts_us)}
    return row | {name: orjson.loads(orjson.dumps(row[name])) for name in ("extra", "sent")}


def carried(payload: bytes) -> tuple[Event, Event]:
    first = read(payload)
    return first, read(event_payload(stored(first)), LATER_US)


# a NUL stands for itself in no database: as a component it is `\ufffd` at the county, which is compared like none
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), WORDS, st.floats(allow_nan=False),
    st.lists(st.text(max_size=5), max_size=3), st.dictionaries(st.text(max_size=5), st.integers(0, 9), max_size=2),
)  # fmt: skip
TIMES = st.one_of(
    st.integers(NOW_MS - 10**9, NOW_MS), st.sampled_from(["2026-11-23T08:00:00.123456+08:00", "2026-11-23T00:00:00Z"])
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["fire", " Manual Alarm ", "fault", "noch nie", "ＦＩＲＥ"])},
    optional={
        "event_id": st.one_of(st.text(min_size=1, max_size=20), VALUES),
        "ts": st.one_of(TIMES, VALUES),
        "seq": VALUES,
        "active": VALUES,
        "component": st.one_of(VALUES, st.just("c" * 300)),
        "zone": VALUES,
        "system_type": VALUES,
        "component_type": VALUES,
        "description": st.one_of(VALUES, st.just("d" * 3000)),
        "floor": VALUES,
        "flags": VALUES,
        "bad": VALUES,
    },
)


@given(EVENTS)
def test_an_event_of_any_sort_is_the_same_event_at_the_county(body: dict[str, Any]) -> None:
    first, second = carried(orjson.dumps(body))
    assert second.digest == first.digest
    for name in COLUMNS[:9]:
        assert getattr(second, name) == getattr(first, name), name


@given(EVENTS)
@example({"type": "fire", "active": 0})
@example({"type": "fire", "active": "false", "component_type": 23.0})
@example({"type": "fire", "active": 1})
@example({"type": "fire", "active": 1.0})
def test_what_ingest_says_of_it_is_said_at_the_county_too(body: dict[str, Any]) -> None:
    first, second = carried(orjson.dumps(body))
    ours = {"event_id_derived", "event_id_is_a_number", "clock_implausible"}  # an id is sent on; clocks are judged anew
    marks = [set((one.extra or {}).get("flags") or ()) if one.sent.get("marked") else set() for one in (first, second)]
    assert marks[0] - ours == marks[1] - ours


@pytest.mark.parametrize(
    "payload",
    [
        b'[{"event_id":"e","ts":1795460000000,"type":"fire","component":"A"},]',
        b'{"event_id":"e","ts":1795460000000,"type":"fire","component":"A',
        b'{"type":"fire","event_id":"e","description":"a " quote","ts":1795460000000}',
        '{"event_id":"e","ts":1795460000000,"type":"fire","zone":"一层"}'.encode("gb18030"),
        b'{"event_id":"e","ts":1795460000000,"type":"fire","active":"no"}\0\0',
    ],
)
def test_an_event_that_had_to_be_mended_is_the_same_event(payload: bytes) -> None:
    first, second = carried(payload)
    assert (second.digest, second.event_id, second.component) == (first.digest, first.event_id, first.component)


def test_a_derived_id_is_what_the_county_names() -> None:
    first, _ = carried(b'{"type":"fire","ts":1795460000000}')
    message = decode(TOPIC.format("event"), event_payload(stored(first)), LATER_US)
    assert message.ack_ids == [first.event_id]


def test_a_row_of_an_earlier_release_goes_up_with_its_stored_time() -> None:
    row = stored(read(orjson.dumps(FIRE))) | {"sent": None}
    assert orjson.loads(event_payload(row))["ts"] == NOW_MS
    at = datetime(2026, 11, 23, 8, 0, 0, 123456, UTC)
    assert orjson.loads(event_payload(row | {"ts": at}))["ts"] == "2026-11-23T08:00:00.123456+00:00"
    assert orjson.loads(event_payload(row | {"device_ts": at + timedelta(microseconds=544)}))["ts"] == 1795420800124


FIELD_VALUES = {
    kind: st.fixed_dictionaries(
        {"seq": st.integers(0, 2**32 - 1), "ts": TIMES},
        optional={
            name: st.booleans() if rule.base is bool else st.integers(max(0, int(rule.low)), min(70, int(rule.high)))
            for name, rule in FIELD_RULES[kind].items()
        }
        | {"vendor": st.text(max_size=9), "flags": st.just([1])},
    )
    for kind in Kind
}


@given(st.sampled_from(list(Kind)).flatmap(lambda kind: st.tuples(st.just(kind), FIELD_VALUES[kind])))
def test_a_reading_has_the_same_key_and_the_same_values_at_the_county(sent: tuple[Kind, dict[str, Any]]) -> None:
    kind, body = sent
    topic = f"fire/v1/140931100/{kind}/D1/up/telemetry"
    readings = decode(topic, orjson.dumps(body), NOW_US).readings
    if not readings:  # no valid field
        return
    (first,) = readings
    row = dict(zip(READING_FIELDS[kind], first.values, strict=True))
    row |= {"ts": from_us(first.ts_us), "seq": first.seq, "extra": first.extra}
    (second,) = decode(topic, reading_payload(row, READING_FIELDS[kind]), NOW_US).readings
    assert (second.ts_us, second.seq, second.values, second.extra) == (
        first.ts_us, first.seq, first.values, first.extra,
    )  # fmt: skip


def test_a_damaged_row_goes_up_by_its_plain_columns() -> None:
    at = datetime(2026, 11, 29, 8, tzinfo=UTC)
    event = {
        "event_id": "e", "ts": at, "device_ts": None, "type": "fire", "active": True, "component": "1", "sent": 5,
        "extra": [1],
    }  # fmt: skip
    ms = int(at.timestamp() * 1000)
    assert orjson.loads(bare_event(event)) == {
        "event_id": "e", "ts": ms, "type": "fire", "active": True, "component": "1",
    }  # fmt: skip
    reading = {"ts": at, "seq": 4, "extra": "text", "pressure_mpa": 0.3}
    assert orjson.loads(bare_reading(reading, ("pressure_mpa",))) == {"ts": ms, "seq": 4, "pressure_mpa": 0.3}
