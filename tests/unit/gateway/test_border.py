"""One failed unit is listed once a minute, struck off when it is well, and a thousand of them stay a few."""

import pytest

from services.core.aside import RETRY_AFTER, Unit
from services.gateway.border import NEW_UNITS, Border
from tests.support.hand_clock import HandClock


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def border(clock):
    return Border(clock)


def fail(border, name, error="no number"):
    with border.around(Unit("panel", name, fire=True)):
        raise ValueError(error)


async def test_a_unit_that_fails_again_and_again_is_listed_once_a_minute(border, clock):
    for _ in range(10):
        fail(border, "a")
    assert list(border.failures) == [("panel", "a")]
    border.failures.clear()  # written
    fail(border, "a")
    assert not border.failures
    await clock.sleep(RETRY_AFTER.total_seconds() + 1)
    fail(border, "a", "still none")
    assert str(border.failures["panel", "a"].error) == "still none"


async def test_only_a_unit_that_failed_is_struck_off(border):
    border.over("panel", "well")
    assert not border.well
    fail(border, "a")
    border.over("panel", "a")
    assert border.well == {("panel", "a")}
    fail(border, "a")
    assert not border.well


async def test_whoever_finds_a_fault_of_ours_does_not_fill_the_list(border):
    for number in range(5000):
        fail(border, str(number))
    assert len(border.failures) == NEW_UNITS[1]


async def test_a_unit_is_named_only_when_it_failed(border):
    named = []

    def name():
        named.append(1)
        return Unit("frame", "f")

    with border.around(name):
        pass
    assert not named
    with border.around(name):
        raise KeyError("x")
    assert named == [1]


async def test_the_end_of_the_program_is_no_failure(border):
    with pytest.raises(KeyboardInterrupt), border.around(Unit("frame", "f")):
        raise KeyboardInterrupt
    assert not border.failures
