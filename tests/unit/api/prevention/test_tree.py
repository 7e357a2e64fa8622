"""Grids stand below each other in no circle and in few levels."""

import pytest

from services.api.prevention.grids.tree import MOST_LEVELS, Tree, fault_of

CHAIN = {"a": None, "b": "a", "c": "b", "d": "c", "e": "d"}


@pytest.mark.parametrize(
    ("grid", "parent", "said"),
    [
        ("x", None, None),
        ("x", "e", None),
        ("e", "a", None),
        ("a", "a", "would make a circle: a < a"),
        ("a", "e", "would make a circle: a < e < d < c < b < a"),
        ("b", "d", "would make a circle: b < d < c < b"),
    ],
)
def test_a_circle_is_named(grid: str, parent: str | None, said: str | None) -> None:
    fault = fault_of(grid, parent, Tree(CHAIN))
    assert fault == said or (fault is not None and said is not None and fault.startswith(said))


@pytest.mark.parametrize(
    ("hidden", "named"),
    [("cd", "a < e < … < b < a"), ("bd", "a < e < … < c < … < a"), ("bcde", "a < … < a")],
)
def test_a_circle_names_no_grid_that_is_hidden_from_who_asks(hidden: str, named: str) -> None:
    fault = fault_of("a", "e", Tree(CHAIN, frozenset(hidden)))
    assert fault == f"would make a circle: {named}; choose a grid that is not below this one"


def test_too_many_levels_above_and_below_are_refused() -> None:
    assert len(CHAIN) == MOST_LEVELS - 1
    full = CHAIN | {"f": "e"}
    assert fault_of("x", "f", Tree(full)) == "grids stand in at most 6 levels; choose one further up"
    assert fault_of("x", "e", Tree(full)) is None
    assert fault_of("a", "x", Tree(CHAIN | {"x": None})) is None
    assert fault_of("a", "x", Tree(full | {"x": None})) is not None
