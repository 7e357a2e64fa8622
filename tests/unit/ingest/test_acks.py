import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.acks import MOST_BYTES, ack_payloads


def test_few_ids_are_one_ack_and_none_are_none():
    assert list(ack_payloads(["a", "b"])) == [b'{"event_ids":["a","b"]}']
    assert list(ack_payloads([])) == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=30), st.integers(1, 400))
def test_every_id_is_named_once_in_order_and_no_ack_is_too_large(names, times):
    payloads = list(ack_payloads(names * times))
    assert [name for payload in payloads for name in orjson.loads(payload)["event_ids"]] == names * times
    assert all(len(payload) < MOST_BYTES + 20 for payload in payloads)


def test_a_long_id_stands_alone():
    long = "\0" * 20_000
    assert [orjson.loads(payload)["event_ids"] for payload in ack_payloads(["a", long, "b"])] == [["a"], [long], ["b"]]
