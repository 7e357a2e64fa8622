"""Arrivals are judged message by message, however they are cut into slices (contract 8)."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.alerts.readings import FIELDS, LOW, START, Walk, device, say


def of_one_slice(walk: Walk, *arrivals: tuple[float, float, float]) -> list[str]:
    """Walk messages of one reading each, (received, measured, pressure), as one slice; say what they turned."""
    rows = [
        {**walk.reading(at_s=at_s, pressure_mpa=mpa), "received_at": START + timedelta(seconds=received_s)}
        for received_s, at_s, mpa in arrivals
    ]
    return [say(finding) for finding in walk.rules.walk(rows)]


def test_an_older_reading_that_comes_after_a_newer_one_raises_nothing_in_the_slice_of_both() -> None:
    assert of_one_slice(Walk(device()), (100, 100, 0.30), (100.04, 40, 0.02)) == []
    assert of_one_slice(Walk(device()), (100, 100, 0.30), (100.04, 40, 0.12), (100.08, 70, 0.12)) == []


def test_older_readings_that_come_after_a_newer_one_clear_nothing_in_the_slice_of_all() -> None:
    walk = Walk(device())
    walk.say(at_s=10, pressure_mpa=0.12)
    assert walk.say(at_s=20, pressure_mpa=0.12) == LOW
    said = of_one_slice(walk, (100, 100, 0.12), (100.04, 40, 0.30), (100.08, 70, 0.30))
    assert said == ["+hydrant_pressure_drop minor"]


def test_what_begins_and_ends_between_two_messages_of_a_slice_is_told() -> None:
    said = of_one_slice(
        Walk(device()), *((100 + n * 1e-6, 96 + n, mpa) for n, mpa in enumerate((0.12, 0.12, 0.3, 0.3)))
    )
    assert said == [*LOW, "-hydrant_pressure_low"]


@settings(deadline=None, max_examples=200)
@given(
    messages=st.lists(
        st.lists(st.tuples(st.sampled_from([0, 1, 40, 90, 700, 4000]), FIELDS), min_size=1, max_size=3), max_size=20
    ),
    step_s=st.sampled_from([1e-6, 1, 30]),
    cuts=st.sets(st.integers(1, 19)),
    seed=st.integers(0, 1000),
)
def test_slices_change_nothing(
    messages: list[list[tuple[int, dict[str, Any]]]], step_s: float, cuts: set[int], seed: int
) -> None:
    """However arrivals are cut into slices, and in whatever order a slice gives them, the same is said and kept."""
    one_by_one, sliced = Walk(device()), Walk(device())
    arrivals: list[list[dict[str, Any]]] = []
    for n, message in enumerate(messages):
        at = START + timedelta(days=1, seconds=n * step_s)
        rows = [one_by_one.reading(**fields) for _, fields in message]
        arrivals.append(
            [
                {**row, "received_at": at, "ts": at - timedelta(seconds=age_s)}
                for row, (age_s, _) in zip(rows, message, strict=True)
            ]
        )
    said = [say(finding) for rows in arrivals for finding in one_by_one.rules.walk(rows)]
    mixed, said_of_slices = random.Random(seed), []
    for start, end in itertools.pairwise([0, *sorted(cuts), 20]):
        rows = [row for message in arrivals[start:end] for row in message]
        mixed.shuffle(rows)
        said_of_slices += [say(finding) for finding in sliced.rules.walk(rows)]
    assert said_of_slices == said
    assert sliced.rules.to_json() == one_by_one.rules.to_json()
