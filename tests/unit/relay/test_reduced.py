"""What is too large for the county's broker goes up smaller, and is still the same row."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.decode_event import digest_of
from services.relay.packing import Row
from services.relay.reduced import MARK, reduced

EVENT, READING = "fire/v1/140931100/panel/p-1/up/event", "fire/v1/140931100/hydrant/h-1/up/telemetry"
FIRE = {"event_id": "e-1", "ts": 1_780_000_000_000, "type": "fire", "active": True, "component": "1-23", "seq": 7}


def row(element: object, topic: str = EVENT) -> Row:
    return Row(1, topic, ("p-1", "e-1"), orjson.dumps(element))


def read(payload: bytes | None) -> dict[str, object]:
    assert payload is not None
    found: dict[str, object] = orjson.loads(payload)
    return found


def test_further_fields_go_first_and_the_event_is_the_same() -> None:
    sent = FIRE | {"note": "火" * 1000, "description": "点型感烟"}
    small = read(reduced(row(sent), 400))
    assert small == FIRE | {"description": "点型感烟", MARK: len(orjson.dumps(sent))}
    assert digest_of(small, "e-1") == digest_of(sent, "e-1")


def test_texts_are_cut_where_that_is_not_enough_and_the_name_by_which_it_is_acknowledged_is_whole() -> None:
    name = "n" * 900
    sent = FIRE | {"event_id": name, "component": "部" * 5000, "zone": {"deep": "x" * 5000}}
    small = read(reduced(row(sent), 2500))
    assert (small["event_id"], small["component"], small["type"]) == (name, "部" * 200, "fire")
    assert "zone" not in small


def test_a_reading_keeps_its_key_and_what_was_measured() -> None:
    sent = {"ts": 1_780_000_000_000, "seq": 3, "pressure_mpa": 0.3, "vendor": ["x" * 1000]}
    small = read(reduced(row(sent, READING), 200))
    assert small == {"ts": sent["ts"], "seq": 3, "pressure_mpa": 0.3, MARK: len(orjson.dumps(sent))}


def test_nothing_is_left_to_send_where_a_broker_takes_less_than_a_name() -> None:
    assert reduced(row(FIRE), 20) is None
    assert reduced(row(FIRE, "nonsense"), 20) is None


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=500) | st.integers(0, 9) | st.lists(st.text())))
def test_it_is_never_larger_than_asked(more: dict[str, object]) -> None:
    payload = reduced(row(more | FIRE), 1500)
    assert payload is not None
    assert len(payload) <= 1500
