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


def test_a_day_ends_at_midnight_by_the_clocks_of_the_county():
    reach, far, midnight_s = Reach(1), np.array([6.0]), 1_780_243_200  # 16:00 UTC
    for ended_s in range(midnight_s, midnight_s + DAY_S, 900):  # over midnight UTC, which is no end of a day
        reach.learn(reach.take(far, ended_s), True, [])
    assert not reach.farthest.any()
    reach.take(far, midnight_s + DAY_S)
    assert reach.farthest.tolist() == [6.0]


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


def told_of(falls_mpa, used=frozenset()):
    """How many draws are told of a hydrant that falls so far, every second day."""
    town, days = learned(), next_days(2 * len(falls_mpa))
    for number, fall_mpa in enumerate(falls_mpa):
        days[number * 2 * DAY + 40 : number * 2 * DAY + 80, MOVED] -= fall_mpa
    begin, end = 0, 0
    for number in range(len(falls_mpa)):
        begin, end = end, number * 2 * DAY + 80
        town.live(days[begin : end - 40])
        town.live(days[end - 40 : end], used)
    town.live(days[end:])
    return begun(town.said).count(("water_draw", f"H{MOVED:02d}"))


def test_what_is_told_teaches_nothing_so_the_next_one_is_told_too():
    assert told_of([FALL_MPA] * 2) == 2


def test_what_was_told_twice_and_went_by_itself_is_how_this_hydrant_is():
    assert told_of([FALL_MPA] * 5) == 2


def test_whoever_then_falls_farther_than_it_did_twice_is_told():
    assert told_of([FALL_MPA, FALL_MPA, 3 * FALL_MPA]) == 3


def test_what_its_own_flow_explains_does_not_make_a_hydrant_deaf():
    assert told_of([FALL_MPA] * 4, used=frozenset({MOVED})) == 4
    reach = Reach(2)
    for day in range(4):
        held = [reach.take(np.array([9.0, 9.0]), day * DAY_S) for _ in range(2)][-1]
        reach.tell(held, [0, 1], frozenset({0}))
        reach.tell(held, [0, 1], frozenset())
        reach.tell(held, [], frozenset())
    assert reach.farthest.tolist() == [0.0, 9.0]


def test_a_restart_keeps_what_was_told():
    town, days = learned(), next_days(6)
    for day in (0, 2, 4):
        days[day * DAY + 40 : day * DAY + 80, MOVED] -= FALL_MPA
    town.live(days[: 2 * DAY + 60])  # the second stands
    fresh = Town()
    memory.load(fresh.detector, memory.dump(town.detector))
    fresh.slots = town.slots
    assert begun(fresh.live(days[2 * DAY + 60 :])) == begun(town.live(days[2 * DAY + 60 :])) == []


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
