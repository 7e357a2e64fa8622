import numpy as np
import pytest

from services.alerts.detectors.expectation import Expectation
from services.core.rules.catalog_early import NUMBERS
from services.core.words import Severity
from tests.unit.alerts.detectors.town import BEGIN_S, DAY, LEARNED_DAYS, Town, learned, next_days, pressures


def codes(said):
    return {one.code for one in said if one.active}


def test_nothing_is_said_while_it_learns_and_nothing_of_an_ordinary_day():
    assert not learned().said
    assert not learned().live(next_days(2))


def test_a_burst_is_one_warning_with_members_and_place_from_beginning_to_end():
    town, days = learned(), next_days(2)
    days[30:60, 3:8] -= [0.015, 0.025, 0.035, 0.025, 0.015]
    said = [one for one in town.live(days) if one.code == "water_burst"]
    assert [one.active for one in said] == [True, False]
    begun = said[0]
    assert begun.severity is Severity.MAJOR
    assert begun.device is None
    assert {"H04", "H05", "H06"} <= set(begun.members)
    assert abs(begun.place.lon - (111.1 + 0.002 * 5)) < 0.003
    assert "MPa" in begun.reason.en


def test_the_same_slots_give_the_same_words():
    days = next_days(1)
    days[30:50, 2:7] -= 0.03
    assert learned().live(days) == learned().live(days)


def test_one_sample_is_no_event():
    days = next_days(1)
    days[20, 4] -= 0.2
    days[40, 7] += 0.3
    assert not learned().live(days)


def test_a_stuck_sensor_is_a_flag_and_no_alarm():
    days = next_days(2)
    days[20:120, 6] = days[20, 6]
    said = learned().live(days)
    assert codes(said) == {"sensor_fault"}
    assert all(one.severity is Severity.INFO for one in said)


def test_a_closed_valve_is_told_from_a_burst():
    days = next_days(3)
    dice = np.random.default_rng(3)
    closed = days[20, 5] * np.exp(-np.arange(len(days) - 20) / 900)
    days[20:, 5] = np.round(closed + dice.normal(0, 0.0012, len(closed)), 3)
    said = learned().live(days)
    assert "hydrant_decoupled" in codes(said)
    assert "water_burst" not in codes(said)
    assert {one.device for one in said if one.code == "hydrant_decoupled"} == {"H05"}


def test_who_was_lowered_by_a_burst_is_not_told_as_cut_off_beside_it():
    numbers = {**NUMBERS, "hydrant_decoupled": {**NUMBERS["hydrant_decoupled"], "away_sigmas": 3.0}}
    town, days = Town(numbers), pressures(LEARNED_DAYS + 1)
    fallen = np.outer(np.minimum(1.0, np.arange(1, 61) / 16), [0.02, 0.04, 0.02])
    days[LEARNED_DAYS * DAY + 20 : LEARNED_DAYS * DAY + 80, 4:7] -= np.round(fallen, 3)
    said = [one for one in town.live(days) if one.active]
    assert [one.code for one in said] == ["water_burst"]
    assert {"H04", "H05", "H06"} <= set(said[0].members)


@pytest.mark.parametrize("fall_mpa", [[0.02, 0.02], [0.012, 0.02]])
def test_a_reading_that_is_missing_is_no_sign_of_anything(fall_mpa):
    days = next_days(1)
    days[40:42, 5] -= fall_mpa
    days[42:46, 5] = np.nan
    assert not learned().live(days)


def test_own_flow_is_a_draw_of_that_hydrant():
    said = learned().live(next_days(1)[:8], used=frozenset({9}))
    assert [(one.code, one.device) for one in said] == [("water_draw", "H09")]


def test_missing_devices_are_no_event():
    days = next_days(1)
    days[:, ::2] = np.nan
    days[10:20] = np.nan
    assert not learned().live(days)


def test_a_leak_that_lasts_is_told_after_some_nights_and_no_new_event_every_three_days():
    town = learned()
    days = pressures(30)[15 * DAY :].copy()
    days[3 * DAY :, 4:7] -= 0.006
    said = [one.code for one in town.live(days) if one.active]
    assert "water_leak" in said
    assert said.count("water_burst") <= 2


def test_a_leak_that_was_repaired_is_over_and_a_wrong_sensor_is_none():
    town = learned()
    days = pressures(70)[LEARNED_DAYS * DAY :].copy()
    days[3 * DAY : 20 * DAY, 4:7] -= 0.006
    days[30 * DAY :, 9] -= 0.03
    said = [
        (one.active, (one.at.timestamp() - BEGIN_S) // 86_400) for one in town.live(days) if one.code == "water_leak"
    ]
    assert [active for active, _ in said] == [True, False]
    assert LEARNED_DAYS + 3 < said[0][1] < LEARNED_DAYS + 13
    assert LEARNED_DAYS + 20 < said[1][1] < LEARNED_DAYS + 30


def test_two_hydrants_are_too_few_to_compare_and_raise_nothing():
    town = Town()
    rows = pressures(16)
    rows[:, 2:] = np.nan
    rows[15 * DAY + 10 :, 0] -= 0.05
    assert not [one for one in town.live(rows) if one.code == "water_burst"]


@pytest.mark.parametrize("first_slot", [3, DAY // 2, 3 * DAY, 15 * DAY])
def test_a_hydrant_that_starts_later_is_expected_where_it_is_and_raises_nothing(first_slot):
    town, rows = Town(), pressures(20)
    rows[:first_slot, 5] = np.nan
    assert not town.live(rows)


def test_no_pressure_is_a_pressure():
    expected = Expectation(4, 1, DAY, 14)
    rows = pressures(3)[:, :4]
    rows[:, 2] = np.where(np.arange(len(rows)) % 2, 0.0, 0.01)
    for row in rows:
        expected.learn(row)
    assert expected.mean[2] == pytest.approx(0.005, abs=0.001)
