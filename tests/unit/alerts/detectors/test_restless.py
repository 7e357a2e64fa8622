"""Limits rise with how restless a network is at an hour of the day; a network that is always in events is learned."""

from datetime import UTC, datetime

import numpy as np
import pytest

from services.alerts.detectors.burst import BurstWatch
from services.alerts.detectors.expectation import Expectation
from services.alerts.detectors.group import Scores
from services.alerts.detectors.restless import Restless
from services.alerts.detectors.singles import Hydrant, Pressures
from services.core.rules.catalog_early import NUMBERS
from tests.unit.alerts.detectors.town import DAY, pressures

DAY_S = 86_400
SLOT_S = 900
MIDNIGHT_S = 1_780_243_200  # in the county


def learned(size_at, days=14):
    restless = Restless(SLOT_S, 14)
    for slot in range(days * DAY_S // SLOT_S):
        at_s = MIDNIGHT_S + slot * SLOT_S
        restless.factor(at_s)
        restless.note(np.full(10, size_at(slot * SLOT_S % DAY_S // 3600)), at_s)
    return restless


def test_a_network_that_is_as_restless_all_day_is_judged_as_it_is():
    restless = learned(lambda hour: 1.3)
    assert [restless.factor(MIDNIGHT_S + hour * 3600) for hour in range(24)] == pytest.approx([1.0] * 24)


def test_limits_rise_half_of_the_way_where_the_network_is_restless():
    restless = learned(lambda hour: 2.0 if 7 <= hour < 11 else 1.0)
    morning, night = restless.factor(MIDNIGHT_S + 9 * 3600), restless.factor(MIDNIGHT_S + 3 * 3600)
    usual = np.sqrt((4 * 4.0 + 20 * 1.0) / 24)
    assert morning == pytest.approx(np.sqrt(2.0 / usual), abs=0.06)
    assert night == pytest.approx(np.sqrt(1.0 / usual), abs=0.06)


def test_little_that_is_known_says_little_and_one_event_does_not_mark_its_hour():
    assert Restless(SLOT_S, 14).factor(MIDNIGHT_S) == 1.0
    restless = learned(lambda hour: 1.0)
    restless.factor(MIDNIGHT_S + 5 * 3600)
    for _ in range(4):
        restless.note(np.full(10, 50.0), MIDNIGHT_S)
    restless.factor(MIDNIGHT_S + 6 * 3600)
    assert restless.factor(MIDNIGHT_S + 5 * 3600) < 1.25


def watch():
    hydrants = [Hydrant(f"H{number}", "140931100", None) for number in range(6)]
    near = np.tile(np.arange(6), (6, 1))
    return BurstWatch(hydrants, near, near, SLOT_S, NUMBERS["water_burst"])


def weigh(bursts, deviation, slot):
    deviations = np.full(6, deviation)
    scores = Scores(deviations, np.abs(deviations), deviations, deviations, 0.0)
    slot_of = Pressures(datetime.fromtimestamp(MIDNIGHT_S + slot * SLOT_S, UTC), np.full(6, 0.3), np.full(6, 0.4))
    return bursts.weigh(scores, None, slot_of, MIDNIGHT_S + slot * SLOT_S, frozenset())


def test_one_event_freezes_what_is_learned_and_one_after_the_other_does_not_for_ever():
    bursts, froze = watch(), []
    for slot in range(5 * DAY):  # an event of four hours, and another one half an hour after it is over
        weigh(bursts, 0.0 if slot % 24 >= 16 else -9.0, slot)
        froze.append(bursts.frozen)
        assert bursts.frozen <= bursts.stands
    assert any(froze[:DAY])
    stood = froze[4 * DAY :]
    assert not any(stood)


def test_a_hydrant_that_moves_more_than_all_others_does_not_explain_itself():
    dice = np.random.default_rng(5)
    rows = pressures(6)
    rows[:, 3] = 0.5 + np.cumsum(dice.normal(0, 0.01, len(rows))) * 0.2
    expected = Expectation(12, 3, DAY, 14)
    for row in rows[:-1]:
        expected.learn(row)
    last = rows[-1].copy()
    last[3] += 0.05
    residual, _ = expected.residuals(last)
    alone = expected.of_others(residual)
    assert abs(residual[3]) < 0.01  # what the usual way says of 0.05 MPa
    assert abs(alone[3]) > 5 * abs(residual[3])
    others = np.delete(np.arange(12), 3)
    assert alone[others] == pytest.approx(residual[others], rel=0.6)
