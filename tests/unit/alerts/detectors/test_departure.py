"""Who left its expected pressure at one blow, and who slowly."""

import numpy as np
import pytest

from services.alerts.detectors.departure import Departure
from tests.unit.alerts.detectors.town import DAY, learned, next_days

SLOT_S = 300


def left(moved, residual, slot_s=SLOT_S):
    """Feed one hydrant's movement and residual; return whether it counts as gone by steps, slot by slot."""
    departure, steep, own = Departure(1, slot_s), [], 0.0
    for seen, residual_mpa in zip(moved, residual, strict=True):
        own = own if np.isnan(residual_mpa) else 1000 * residual_mpa
        slot = np.array([0.4 + seen]), np.array([residual_mpa]), np.array([own])
        steep.append(bool(departure.take(*slot)[0]))
    return steep


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("slot_s", [300, 900])
def test_a_blow_is_remembered_as_long_as_the_deviation_lasts(sign, slot_s):
    course = sign * np.array([0.0] * 8 + [0.02] * 40)
    steep = left(course, course, slot_s)
    assert not any(steep[:8])
    assert all(steep[11:])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_slow_departure_is_no_blow(sign):
    course = sign * np.concatenate([np.zeros(8), np.arange(60) * 0.0004])
    assert not any(left(course, course)[16:])


def test_who_stays_where_it_is_while_pumps_raise_the_mains_made_no_step():
    residual = np.array([0.0] * 8 + [-0.03] * 20)
    assert not any(left(np.zeros(28), residual))


def test_a_blow_is_forgotten_once_the_hydrant_was_where_it_should_be():
    course = np.concatenate([np.zeros(8), [-0.02] * 10, np.zeros(10), -np.arange(60) * 0.0004])
    assert not any(left(course, course)[40:])


def test_a_missing_value_counts_as_the_one_before():
    course = np.array([0.0] * 8 + [0.02] * 40)
    course[8] = course[20] = np.nan
    assert all(left(course, course)[12:])


@pytest.mark.parametrize("mpa_an_hour", [0.002, -0.005])
def test_ice_and_a_closed_valve_are_told_from_a_draw_even_where_mains_hardly_move(mpa_an_hour):
    days = next_days(2)
    days[20:, 5] = days[20:, 5] + mpa_an_hour * np.arange(len(days) - 20) * 24 / DAY
    said = [one for one in learned().live(days) if one.active]
    assert [(one.code, one.device) for one in said] == [("hydrant_decoupled", "H05")]


def test_a_fall_at_one_blow_is_a_draw_however_long_it_lasts():
    days = next_days(2)
    days[20:80, 5] -= 0.02
    said = [one for one in learned().live(days) if one.active]
    assert [(one.code, one.device) for one in said] == [("water_draw", "H05")]
