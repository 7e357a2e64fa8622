"""Counting a device's messages that were refused whole, in a batch and over batches that had to wait."""

from typing import Any

import orjson
import pytest

from services.core.topics import Kind
from services.ingest.columns import join_waiting
from services.ingest.decode import Message, decode
from services.ingest.devices import Device
from services.ingest.heard import Heard
from services.ingest.isolate import split
from services.ingest.plan import make_plan, weigh
from services.ingest.refused import Refused
from services.ingest.turns import Item, cut

NOW_US = 1_780_000_000_000_000
GOOD = {"ts": NOW_US // 1000, "seq": 1, "pressure_mpa": 0.3}
SECONDS = {"ts": NOW_US // 1_000_000, "seq": 2, "pressure_mpa": 0.3}
FIRE = {"event_id": "e1", "ts": NOW_US // 1000, "type": "fire"}


def device(kind: Kind = Kind.HYDRANT) -> Device:
    return Device(1, "H1", kind, "140931100", is_placed=True, late_after_us=600_000_000)


def message(body: Any, channel: str = "telemetry", **how: Any) -> Message:
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    return decode(f"fire/v1/140931100/hydrant/H1/up/{channel}", payload, NOW_US, **how)


def heard(*messages: Message, kind: Kind = Kind.HYDRANT) -> Heard:
    return make_plan(list(messages), {"H1": device(kind)}).heard[1]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([message(SECONDS)], Refused(1, NOW_US, "ts_in_seconds")),
        ([message(SECONDS), message(b"?")], Refused(2, NOW_US, "not_json")),
        ([message(b"?", "event")], Refused(1, NOW_US, "not_json")),
        ([message([SECONDS, SECONDS])], Refused(1, NOW_US, "ts_in_seconds")),
        ([message(SECONDS), message(GOOD), message(SECONDS)], Refused(1, NOW_US, "ts_in_seconds", accepted=True)),
        ([message(SECONDS), message(FIRE, "event")], Refused(accepted=True)),
        ([message([SECONDS, GOOD])], Refused(accepted=True)),
        ([message(GOOD), message(GOOD)], Refused(accepted=True)),
        ([message({**GOOD, "tilt_deg": "steep"})], Refused(accepted=True)),
        ([message(b"x" + orjson.dumps(GOOD)), message(b"x" + orjson.dumps(FIRE), "event")], Refused(accepted=True)),
    ],
)
def test_what_counts_is_what_was_refused_after_the_newest_accepted(messages: list[Message], expected: Refused) -> None:
    assert heard(*messages).refused == expected


@pytest.mark.parametrize(
    "neutral",
    [
        message({"online": True}, "status"),
        message({"online": False}, "status"),
        message(b"?", "status"),
        message(b"?", retained=True),
    ],
)
def test_a_status_and_a_stored_copy_are_neither(neutral: Message) -> None:
    assert heard(message(b"?"), neutral).refused == Refused(1, NOW_US, "not_json")


def test_a_replayed_reject_is_neither() -> None:
    again = message(b"?")
    again.replay_of = 7
    assert heard(message(GOOD), again).refused == Refused(accepted=True)


def test_readings_of_another_kind_than_registered_are_refused() -> None:
    assert heard(message(GOOD), kind=Kind.WATER).refused == Refused(1, NOW_US, "kind_mismatch")


def test_a_part_of_a_list_that_the_database_refuses_is_no_reading_sent_alone() -> None:
    whole = message([GOOD, {**GOOD, "seq": 2}])
    parts = split([whole])
    assert parts is not None
    assert [part.alone for half in parts for part in half] == [False, False]
    assert message([GOOD]).alone


def test_a_long_list_of_events_is_one_message_however_it_is_cut() -> None:
    def refused(*bodies: Any) -> Refused:
        items = [Item("H1", None, message(body, "event"), NOW_US) for body in bodies]
        return heard(*(part.message for item in items for part in cut(item) if part.message is not None)).refused

    assert refused([{}] * 650, [{}] * 650) == Refused(2, NOW_US, "type_unreadable")
    assert refused([FIRE, *[{}] * 650]) == Refused(accepted=True)


def test_a_flood_counts_a_message_that_was_mended_once_more_than_a_whole_one() -> None:
    body = orjson.dumps([FIRE | {"event_id": f"e{n}", "description": "x" * 100} for n in range(50)])
    assert weigh(message(body[:-1], "event")) == weigh(message(body, "event")) + 1


def test_a_list_of_readings_keeps_them_all_beside_many_rejects() -> None:
    body = [{**GOOD, "seq": n} for n in range(450)] + [SECONDS] * 150
    (only,) = cut(Item("H1", None, message(body), NOW_US))
    assert only.message is not None
    assert (len(only.message.readings), len(only.message.rejects)) == (450, 150)


def test_batches_that_waited_add_up() -> None:
    first, second, good = heard(message(b"?")), heard(message(SECONDS)), heard(message(GOOD))
    assert join_waiting({1: first}, {1: second})[1].refused == Refused(2, NOW_US, "ts_in_seconds")
    assert join_waiting({1: first}, {1: good})[1].refused == Refused(accepted=True)
    assert join_waiting({1: good}, {1: first})[1].refused == Refused(1, NOW_US, "not_json", accepted=True)
