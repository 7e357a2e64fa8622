"""Rows as columns: one literal for numbers, a list for texts, nothing for a column that says nothing."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.columns import MOST_TOPIC, compact, rejects
from services.ingest.decode import decode
from services.ingest.devices import Devices
from services.ingest.plan import make_plan

REAL = st.floats(allow_nan=False, allow_infinity=False) | st.none()
WHOLE = st.integers(-(2**63), 2**63 - 1) | st.none()


def elements(literal, read):
    """What PostgreSQL reads from an array literal of numbers."""
    assert (literal[0], literal[-1]) == ("{", "}")
    return [None if part == "null" else read(part) for part in literal[1:-1].split(",")]


@given(st.lists(st.tuples(WHOLE, REAL), min_size=1))
def test_numbers_come_back_from_the_literal(rows):
    columns = list(zip(*rows, strict=True))
    for column, literal, read in zip(columns, compact(columns), (int, float), strict=True):
        if any(value is not None for value in column):
            assert elements(literal, read) == list(column)
        else:
            assert literal is None


def test_each_sort_of_column_travels_in_its_own_form():
    rows = [(1, None, "a", True), (2, None, None, None)]
    assert list(compact(zip(*rows, strict=True))) == ["{1,2}", None, ("a", None), "{true,null}"]


def test_of_a_topic_without_end_a_reject_keeps_the_beginning():
    message = decode("fire/v1/140931100/panel/P1/up/" + "x" * 60_000, b"{}", 1)
    ((topic,),) = list(rejects(make_plan([message], Devices())))[1:2]
    assert topic == message.raw_topic[:MOST_TOPIC]
