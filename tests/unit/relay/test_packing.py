"""Rows become few messages, in the order of each device, none of them long."""

from collections import defaultdict

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.relay.packing import MOST_BYTES, Row, pack

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9000)), max_size=60)


@given(ROWS, st.integers(1, 20))
def test_each_row_goes_once_in_the_order_of_its_topic_and_no_message_is_long(
    sizes: list[tuple[str, int]], most: int
) -> None:
    rows = [Row(0, topic, n, orjson.dumps({"n": n, "x": "y" * size})) for n, (topic, size) in enumerate(sizes)]
    found: dict[str, list[int]] = defaultdict(list)
    for message in pack(rows, most):
        body = orjson.loads(message.payload)
        elements = body if isinstance(body, list) else [body]
        assert len(elements) == len(message.rows) <= most
        assert len(elements) == 1 or sum(len(row.element) for row in message.rows) <= MOST_BYTES
        assert {row.topic for row in message.rows} == {message.topic}
        found[message.topic] += [element["n"] for element in elements]
    for topic in "abc":
        assert found[topic] == [n for n, (of, _) in enumerate(sizes) if of == topic]


def test_one_row_goes_as_an_object_and_several_as_a_list() -> None:
    rows = [Row(0, "a", 1, b'{"n":1}'), Row(0, "b", 2, b'{"n":2}'), Row(0, "a", 3, b'{"n":3}')]
    assert [(m.topic, m.payload) for m in pack(rows, 9)] == [("a", b'[{"n":1},{"n":3}]'), ("b", b'{"n":2}')]


def test_a_row_that_says_when_it_was_received_goes_alone_and_in_its_place() -> None:
    rows = [Row(0, "a", n, b'{"n":%d}' % n, 7 if n == 2 else None) for n in range(5)]
    sent = [(message.payload, message.received_us) for message in pack(rows, 9)]
    assert sent == [(b'[{"n":0},{"n":1}]', None), (b'{"n":2}', 7), (b'[{"n":3},{"n":4}]', None)]
