"""A clock that is wrong by our time is judged by when its township received it, if that is said and can be true."""

import json
from typing import Any

import pytest

from services.core.contracts import RECEIVED
from services.core.moment import DAY_US, MINUTE_US, from_us
from services.ingest.decode import Message, decode, decode_marked
from services.ingest.moment import LONGEST_AWAY_US, relayed_us

NOW_US = 1_795_460_000_000_000
AWAY_US = NOW_US - 60 * DAY_US  # when a township received what reaches us now
OF_RELAY = ((RECEIVED, str(AWAY_US)),)
BASE = "fire/v1/140931100/hydrant/H1/up"


def read(body: Any, marks: tuple[tuple[str, str], ...] = OF_RELAY, channel: str = "telemetry") -> Message:
    return decode_marked(f"{BASE}/{channel}", json.dumps(body).encode(), NOW_US, marks)


def reading(ts_us: int) -> dict[str, Any]:
    return {"ts": ts_us // 1000, "seq": 1, "pressure_mpa": 0.3}


def fire(**parts: Any) -> dict[str, Any]:
    return {"event_id": "e", "type": "fire", **parts}


@pytest.mark.parametrize(
    ("marks", "township_us"),
    [
        ((), None),
        (OF_RELAY, AWAY_US),
        ((("other", "1"), (RECEIVED, str(NOW_US - DAY_US))), NOW_US - DAY_US),
        (((RECEIVED, str(NOW_US + 1)),), None),
        (((RECEIVED, str(NOW_US - LONGEST_AWAY_US)),), NOW_US - LONGEST_AWAY_US),
        (((RECEIVED, str(NOW_US - LONGEST_AWAY_US - 1)),), None),
        (((RECEIVED, str(NOW_US // 1000)),), None),
        (((RECEIVED, "0"),), None),
        (((RECEIVED, "soon"), (RECEIVED, "9" * 40), (RECEIVED, "-1"), (RECEIVED, "\u0663")), None),
        ((("received", str(AWAY_US)),), None),
    ],
)
def test_a_moment_that_cannot_be_one_is_left_out(marks: tuple[tuple[str, str], ...], township_us: int | None) -> None:
    assert relayed_us(marks, NOW_US) == township_us


def test_what_was_right_in_its_township_is_stored_as_it_was_sent() -> None:
    message = read(reading(AWAY_US))
    assert [one.ts_us for one in message.readings] == [AWAY_US]
    assert (message.received_us, message.rejects) == (NOW_US, ())
    [event] = read(fire(ts=AWAY_US // 1000), channel="event").events
    assert (event.ts_us, event.clock_good) == (AWAY_US, True)


def test_an_event_whose_clock_was_wrong_there_too_has_the_time_of_its_township() -> None:
    for ts in ({"ts": 10**12}, {"ts": "soon"}, {}):
        [event] = read(fire(**ts), channel="event").events
        assert (event.ts_us, event.clock_good) == (AWAY_US, False), ts


@pytest.mark.parametrize("value", [NOW_US // 1000, AWAY_US // 1000, AWAY_US], ids=["ms", "ms, old", "old"])
def test_a_clock_that_is_right_by_our_time_is_judged_by_nothing_else(value: int) -> None:
    marks = ((RECEIVED, str(value)),)
    assert read(reading(NOW_US), marks) == decode(f"{BASE}/telemetry", json.dumps(reading(NOW_US)).encode(), NOW_US)
    [event] = read(fire(ts=NOW_US // 1000), marks, "event").events
    assert event.ts_us == NOW_US


def test_a_mark_in_milliseconds_leaves_a_fire_without_a_clock_at_our_time() -> None:
    [event] = read(fire(), ((RECEIVED, str(NOW_US // 1000)),), "event").events
    assert event.ts_us == NOW_US


def test_a_reading_that_was_wrong_there_too_is_refused_by_our_time() -> None:
    for ts_us in (AWAY_US - 31 * DAY_US, AWAY_US + 6 * MINUTE_US):
        message = read(reading(ts_us))
        assert not message.readings
        assert message.rejects == read(reading(ts_us), ()).rejects


def test_the_mark_is_of_one_row_and_of_no_list() -> None:
    message = read([reading(NOW_US), reading(AWAY_US)])
    assert [one.ts_us for one in message.readings] == [NOW_US]
    assert [one.reason for one in message.rejects] == ["clock_implausible"]
    events = read([fire(ts=NOW_US // 1000), fire(ts=AWAY_US // 1000)], channel="event").events
    assert [one.ts_us for one in events] == [NOW_US, NOW_US]
    assert events[1].device_ts == from_us(AWAY_US)
