"""What falls within a quarter of an hour, against what the hour before foretells."""

from copy import deepcopy
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.detectors import memory
from services.alerts.detectors.finding import Place
from services.alerts.detectors.onset import Onset

SLOT_S, DAY, HYDRANTS = 900, 96, 16
BACK = 4  # slots of the hour that is looked back to: half an hour's mean, half an hour ago
MEAN = np.full(HYDRANTS, 0.4)
UNCERTAIN = 1e-7
NOBODY = np.zeros(HYDRANTS, dtype=bool)
LEARNED_DAYS = 12


def pressures(days, seed=1):
    """All wander together far and slowly, each a little by itself; instruments add noise."""
    dice = np.random.default_rng(seed)
    slots = np.arange(days * DAY)
    common = 0.03 * np.sin(2 * np.pi * slots / DAY)[:, None] * np.linspace(0.8, 1.2, HYDRANTS)
    own = np.zeros((len(slots), HYDRANTS))
    for slot in range(1, len(slots)):
        own[slot] = 0.97 * own[slot - 1] + dice.normal(0, 0.0004, HYDRANTS)
    return 0.4 + common + own + dice.normal(0, 0.0005, own.shape)


class Town:
    def __init__(self):
        self.onset = Onset([Place(111.1 + 0.002 * n, 39.0) for n in range(HYDRANTS)], 12, SLOT_S, 14.0)
        self.at_s = 0

    def live(self, rows, *, frozen=False, young=NOBODY):
        said = []
        for row in rows:
            self.at_s += SLOT_S
            said.append(self.onset.take(self.at_s, row, MEAN, UNCERTAIN, frozen=frozen, young=young))
        return said


@cache
def _learned():
    town = Town()
    town.live(pressures(LEARNED_DAYS))
    return town


def learned():
    return deepcopy(_learned())


def next_day():
    return pressures(LEARNED_DAYS + 1)[LEARNED_DAYS * DAY :].copy()


def deepest(said):
    return -min(float(one.shared.min()) for one in said)


def test_it_says_nothing_before_it_knows_what_a_day_leaves_and_then_all_is_of_unit_spread():
    told = Town().live(pressures(9))
    assert {one is None for one in told[: 5 * DAY + BACK - 1]} == {True}
    assert None not in told[5 * DAY + BACK - 1 :]
    last = np.array([one.alone for one in told[7 * DAY :]])
    assert 0.7 < last.std() < 1.4
    assert 0.7 < np.array([one.shared for one in told[7 * DAY :]]).std() < 1.4


def test_a_fall_of_neighbours_at_one_blow_stands_out_for_half_an_hour_and_the_same_over_a_day_does_not():
    sudden, slow = next_day(), next_day()
    sudden[40:, 6:10] -= 0.006
    slow[:, 6:10] -= np.linspace(0, 0.006, DAY)[:, None]
    told = learned().live(sudden)
    assert int(np.argmin(told[40].shared)) in range(6, 10)
    assert deepest(told[40:42]) > 7
    assert deepest(told[46:60]) < 5
    assert deepest(learned().live(slow)) < 0.8 * deepest(told[40:42])


def test_what_rises_is_told_as_what_falls():
    day = next_day()
    day[40:, 6:10] += 0.006
    assert learned().live(day)[40].risen > 7


def test_one_hydrant_alone_is_no_event():
    day = next_day()
    day[40:, 7] -= 0.02  # `held` lets through no more of what others do not say
    assert deepest(learned().live(day)[40:44]) < 4.5


def test_all_together_are_the_hour_and_no_event():
    day = next_day()
    day[40:] -= 0.002
    assert deepest(learned().live(day)[40:44]) < 5


def test_a_hydrant_that_began_later_has_no_say():
    day, young = next_day(), NOBODY.copy()
    young[6:10] = True
    day[40:, 6:10] -= 0.03
    said = learned().live(day, young=young)
    assert not any(one.alone[6:10].any() for one in said)


@pytest.mark.parametrize("days", [7, 12])
def test_nothing_is_learned_while_an_event_stands(days):
    town = Town()
    assert set(town.live(pressures(days), frozen=True)) == {None}
    told = town.live(pressures(5))  # what was seen meanwhile is no day that was learned
    assert set(told[: 4 * DAY]) == {None}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=40))
def test_after_a_gap_it_waits_until_it_can_look_back_again(steps):
    town, day, without = learned(), next_day(), LEARNED_DAYS * DAY
    for step, row in zip(steps, day, strict=False):
        without = without + 1 if step == 1 else 1
        town.at_s += step * SLOT_S
        told = town.onset.take(town.at_s, row, MEAN, UNCERTAIN, frozen=False, young=NOBODY)
        assert (told is not None) == (without >= BACK)
        assert told is None or np.isfinite(told.shared).all()


@pytest.mark.parametrize("after", [0, 5, 60, DAY - 1])
def test_what_was_saved_goes_on_as_if_nothing_had_been(after):
    one, day = learned(), next_day()
    one.live(day[:after])
    other = Town()
    memory.load(other.onset, memory.dump(one.onset))
    other.at_s = one.at_s
    for left, right in zip(one.live(day[after:]), other.live(day[after:]), strict=True):
        assert left.alone.tobytes() == right.alone.tobytes()
        assert left.shared.tobytes() == right.shared.tobytes()


def test_three_hydrants_without_places_are_compared_too():
    onset = Onset([None] * 3, 12, SLOT_S, 14.0)
    rows = pressures(7)[:, :3]
    said = [
        onset.take(n * SLOT_S, row, MEAN[:3], UNCERTAIN, frozen=False, young=NOBODY[:3]) for n, row in enumerate(rows)
    ]
    assert said[-1] is not None
    assert np.isfinite(said[-1].shared).all()
