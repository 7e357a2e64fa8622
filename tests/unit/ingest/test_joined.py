"""Statements joined into one: each part keeps its own parameters."""

import pytest

from services.core.topics import Kind
from services.ingest.joined import join
from services.ingest.store import UPDATE_AND_FINISH, hold_and_insert


def test_parameters_are_numbered_through_and_a_repeated_one_stays_the_same():
    joined = join({"a": "select $1, $2, $1", "b": "select 1", "c": "select $2, $1"}, "select * from a, b, c")
    assert joined == (
        "with a as (\nselect $1, $2, $1\n),\nb as (\nselect 1\n),\nc as (\nselect $4, $3\n)\nselect * from a, b, c"
    )


@pytest.mark.parametrize(("kinds", "last"), [((), 2), ((Kind.PANEL,), 13), ((Kind.HYDRANT, Kind.PANEL), 29)])
def test_a_batch_brings_as_many_columns_as_its_kinds_have(kinds, last):
    statement = hold_and_insert(kinds)
    assert f"${last}:" in statement or last == 2
    assert f"${last + 1}" not in statement


def test_the_newest_states_stand_before_the_row_of_the_batch():
    assert "$21::text::boolean[]" in UPDATE_AND_FINISH
    assert "$37" in UPDATE_AND_FINISH
    assert "$38" not in UPDATE_AND_FINISH
