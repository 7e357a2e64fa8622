"""How far a hydrant strays on its own quiet days, and what that changes: nothing for an ordinary one."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from services.alerts.detectors import memory
from services.alerts.detectors.reach import Reach
from tests.unit.alerts.detectors.town import DAY, LEARNED_DAYS, Town, learned, next_days, pressures

DAY_S = 86_400
MOVED = 5  # the hydrant that a valve close by moves
FALL_MPA = 0.02


@cache
def _moved() -> Town:
    town, rows = Town(), pressures(LEARNED_DAYS)
    for day in range(2, LEARNED_DAYS, 2):
        rows[day * DAY + 40 : day * DAY + 46, MOVED] -= FALL_MPA
    town.live(rows)
    return town


def moved() -> Town:
    """A town in which a valve moves one hydrant every second day."""
    return deepcopy(_moved())


def begun(said):
    return [(one.code, one.device) for one in said if one.active]


def test_a_hydrant_that_strayed_as_far_on_quiet_days_raises_nothing():
    town, days = moved(), next_days(2)
    days[40:46, MOVED] -= FALL_MPA
    assert not begun(town.live(days))


@pytest.mark.parametrize("town", [learned, moved])
def test_the_same_fall_of_a_hydrant_that_never_strayed_is_a_draw(town):
    days = next_days(2)
    days[40:46, MOVED + 2] -= FALL_MPA
    assert begun(town().live(days)) == [("water_draw", f"H{MOVED + 2:02d}")]


def test_whoever_strays_farther_than_ever_is_told():
    town, days = moved(), next_days(2)
    days[40:46, MOVED] -= 3 * FALL_MPA
    assert begun(town.live(days)) == [("water_draw", f"H{MOVED:02d}")]


def test_a_restart_keeps_how_far_it_strays():
    town, fresh = moved(), Town()
    memory.load(fresh.detector, memory.dump(town.detector))
    fresh.slots = town.slots
    days = next_days(2)
    days[40:46, MOVED] -= FALL_MPA
    days[60:70, MOVED + 2] -= FALL_MPA
    assert fresh.live(days) == town.live(days)
    assert memory.dump(fresh.detector) == memory.dump(town.detector)


def test_a_warning_that_stands_teaches_nothing_so_the_next_one_is_told():
    town, days = learned(), next_days(4)
    days[40:80, MOVED] -= FALL_MPA
    days[2 * DAY + 40 : 2 * DAY + 80, MOVED] -= FALL_MPA
    assert begun(town.live(days)).count(("water_draw", f"H{MOVED:02d}")) == 2


def live(reach, day, sizes, learning, told=()):
    """Take slots of a quiet day."""
    for size in sizes:
        reach.learn(reach.take(np.array(size), day * DAY_S), learning, told)


def test_a_day_of_learning_teaches_all_and_a_later_one_no_more_than_is_known():
    reach = Reach(2)
    for day in range(3):
        live(reach, day, [(1.0, 9.0), (1.0, 8.0)], learning=True)
    assert reach.farthest.tolist() == [0.0, 8.0]
    for day in range(3, 6):
        live(reach, day, [(20.0, 20.0)] * 2, learning=False)
    assert reach.farthest.tolist() == [0.0, 8.0]


def test_a_hydrant_that_was_put_up_later_learns_later():
    reach = Reach(2)
    for day in range(3):
        live(reach, day, [(20.0, 20.0)] * 2, learning=np.array([False, True]))
    assert reach.farthest.tolist() == [0.0, 20.0]


def test_nothing_is_learned_of_whom_a_warning_stands_nor_of_one_slot_alone():
    reach = Reach(3)
    for day in range(2):
        live(reach, day, [(7.0, 7.0, 0.0), (7.0, 7.0, 50.0), (7.0, 7.0, 0.0)], learning=True, told=[1])
    assert reach.farthest.tolist() == [7.0, 0.0, 0.0]


def test_a_month_later_it_is_forgotten_and_nobody_becomes_deaf():
    reach = Reach(2)
    for day in range(31):
        live(reach, day, [(500.0 if day == 1 else 1.0, 1.0)] * 2, learning=True)
        if day == 2:
            assert reach.farthest.tolist() == [30.0, 0.0]
    assert reach.farthest.tolist() == [0.0, 0.0]
