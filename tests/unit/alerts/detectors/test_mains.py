from datetime import UTC, datetime

import numpy as np
import pytest

from services.alerts.detectors.expectation import Expectation
from services.core.rules.catalog_early import NUMBERS
from services.core.words import Severity, county_time
from tests.unit.alerts.detectors.town import BEGIN_S, DAY, LEARNED_DAYS, SLOT_S, Town, learned, next_days, pressures


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


def test_a_stuck_sensor_tells_its_value_and_since_when_it_stands():
    town, days = learned(), next_days(2)
    value = days[20:120, 6] = days[20, 6]
    begun = next(one for one in town.live(days) if one.active)
    since_s = BEGIN_S + (LEARNED_DAYS * DAY + 20) * SLOT_S
    since = county_time(datetime.fromtimestamp(since_s, UTC))
    assert (begun.code, begun.seen, begun.expected, begun.unit) == ("sensor_fault", value, None, "MPa")
    assert begun.at.timestamp() == pytest.approx(since_s + 6 * 3600, abs=2 * SLOT_S)
    values = f"values that vary expected, always {value:.3f} MPa seen; since {since.en}, confidence high"
    assert begun.reason.en == f"sensor fault: {values}"
    assert f"一直为 {value:.3f} MPa" in begun.reason.zh
    assert since.zh in begun.reason.zh


def test_a_sensor_with_spikes_tells_how_many_it_had():
    days = next_days(1)
    days[[20, 24, 28, 32], 6] += 0.2
    (begun,) = [one for one in learned().live(days) if one.active]
    assert begun.code == "sensor_fault"
    assert "no more than 2 one-sample spikes a day expected, 4 seen" in begun.reason.en
    assert "4 次" in begun.reason.zh


def every(hours: int, rows: np.ndarray) -> np.ndarray:
    """Rows of which one in so many slots came, all of it at once, and nothing in between."""
    return rows[:: hours * 4]


def live_hourly(town: Town, rows: np.ndarray) -> list:
    said = []
    for row in every(1, rows):
        town.slots += 4
        said += town.detector.take(BEGIN_S + town.slots * SLOT_S, row, frozenset())
    return said


def test_hours_are_hours_where_readings_come_more_rarely_than_their_interval_says():
    town, days = learned(), next_days(5)
    days[2 * DAY :, 6] = days[2 * DAY, 6]
    said = live_hourly(town, days)
    assert [(one.code, one.device) for one in said] == [("sensor_fault", "H06")]
    stood_s = said[0].at.timestamp() - (BEGIN_S + (LEARNED_DAYS + 2) * DAY * SLOT_S)
    assert 6 * 3600 <= stood_s <= 8 * 3600


def test_one_hydrant_that_reports_hourly_among_others_is_stuck_after_hours_too():
    town, days = learned(), next_days(2)
    days[20:120, 6] = days[20, 6]
    days[np.arange(len(days)) % 4 != 0, 6] = np.nan
    begun = next(one for one in town.live(days) if one.active and one.code == "sensor_fault")
    assert begun.at.timestamp() - (BEGIN_S + (LEARNED_DAYS * DAY + 20) * SLOT_S) <= 8 * 3600


def test_a_few_equal_values_around_a_long_silence_are_no_stuck_sensor():
    days = next_days(2)
    days[20:24, 6] = days[20, 6]
    days[24:116, 6] = np.nan
    days[116:121, 6] = days[20, 6]
    assert not learned().live(days)


def test_days_are_learned_by_the_calendar_and_a_quiet_town_that_reports_hourly_stays_quiet():
    town, days = Town(), pressures(40)
    days[20 * DAY : 20 * DAY + 12, 9] = np.nan
    assert not live_hourly(town, days)
    used = town.detector.take(BEGIN_S + (town.slots + 4) * SLOT_S, days[0], frozenset({9}))
    assert [(one.code, one.device) for one in used] == [("water_draw", "H09")]


@pytest.mark.parametrize(
    ("water_c", "spikes", "zh", "en"),
    [
        (0.4, 0, "可能已冻结（水温 0.4 °C）", "probably frozen: water at 0.4 °C"),
        (12.0, 0, "可能是阀门关闭或堵塞", "probably its valve is closed, or it is blocked"),
        (None, 0, "无水温", "valve closed, blocked or frozen: no water temperature"),
        (12.0, 4, "可能是传感器故障", "probably its sensor, which is flagged"),
    ],
)
def test_what_keeps_a_hydrant_from_its_mains_is_told_apart_as_far_as_possible(water_c, spikes, zh, en):
    town, days = learned(), next_days(3)
    closed = days[20, 5] * np.exp(-np.arange(len(days) - 20) / 900)
    days[20:, 5] = np.round(closed + np.random.default_rng(3).normal(0, 0.0012, len(closed)), 3)
    days[[22 + 3 * number for number in range(spikes)], 5] += 0.2
    said = []
    for row in days:
        town.slots += 1
        ended_s = BEGIN_S + town.slots * SLOT_S
        said += town.detector.take(ended_s, row, frozenset(), water_c=lambda _number, _at_s: water_c)
    begun = next(one for one in said if one.code == "hydrant_decoupled")
    assert zh in begun.reason.zh
    assert en in begun.reason.en


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
