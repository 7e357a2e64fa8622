import numpy as np
import pytest

from services.alerts.detectors.group import Group
from services.alerts.detectors.whitening import Whitening

HYDRANTS = 9
NOISE_MPA = 0.0015


def network():
    """Every hydrant moves with its neighbours, and all with the town."""
    dice = np.random.default_rng(4)
    away = np.abs(np.subtract.outer(np.arange(HYDRANTS), np.arange(HYDRANTS)))
    covariance = 0.01**2 * np.exp(-away / 3) + 0.02**2 + NOISE_MPA**2 * np.eye(HYDRANTS)
    return covariance, dice.multivariate_normal(np.zeros(HYDRANTS), covariance, 4000)


def test_shares_are_of_unit_variance_and_independent():
    covariance, rows = network()
    shares = np.array(
        [Whitening(np.linalg.eigh(covariance), 1e-9).shares(row / 3) * 3 for row in rows]
    )  # nobody beyond the bound
    assert np.allclose(np.cov(shares.T), np.eye(HYDRANTS), atol=0.1)


def test_who_is_missing_stands_where_the_others_expect_it_and_has_no_share():
    covariance, rows = network()
    whitening = Whitening(np.linalg.eigh(covariance), 1e-9)
    whole = whitening.shares(rows[0])
    some = rows[0].copy()
    some[4] = np.nan
    shares = whitening.shares(some)
    assert np.isnan(shares[4])
    assert np.abs(np.delete(shares - whole, 4)).max() < 1.5


@pytest.mark.parametrize("here", [[2], [0, 3, 7], [0, 2, 4, 6], [0, 1, 3, 4, 6, 8]])
def test_however_many_are_missing_they_stand_where_those_who_measured_expect_them(here):
    covariance, rows = network()
    whitening = Whitening(np.linalg.eigh(covariance), 0.0)
    some = np.full(HYDRANTS, np.nan)
    some[here] = rows[0][here] / 3
    expected = covariance[:, here] @ np.linalg.solve(covariance[np.ix_(here, here)], some[here])
    assert np.allclose(whitening.shares(some)[here], whitening.shares(expected)[here])


@pytest.mark.parametrize("wrong_mpa", [-0.3, 0.3])
def test_one_wrong_instrument_does_not_speak_for_its_neighbours(wrong_mpa):
    covariance, _ = network()
    deviation = np.zeros(HYDRANTS)
    deviation[4] = wrong_mpa
    shares = Whitening(np.linalg.eigh(covariance), 1e-9).shares(deviation)
    assert 3 < abs(shares[4]) < 7
    assert np.abs(np.delete(shares, 4)).max() < 2.5


def scores(alone):
    """Return what a group makes of these shares, after two days of noise."""
    dice = np.random.default_rng(6)
    group = Group([None] * 8, 8, 0.4, 96)
    group.near = np.tile(np.arange(8), (8, 1))
    nothing, young = np.zeros(8), np.zeros(8, dtype=bool)
    for row in dice.normal(0, 1, (300, 8)):
        group.score(nothing, row, frozen=False, young=young)
    for _ in range(6):
        told = group.score(nothing, np.array(alone, dtype=float), frozen=True, young=young)
    return told


def test_a_few_far_below_or_all_a_little_are_an_event_and_one_alone_is_none():
    assert scores([-7, -7, -7, 0, 0, 0, 0, 0]).shared.min() < -6
    assert scores([-2] * 8).shared.min() < -6
    assert scores([-9, 0, 0, 0, 0, 0, 0, 0]).shared.min() > -4.5


def test_what_rises_is_told_as_what_falls():
    assert scores([7, 7, 7, 0, 0, 0, 0, 0]).risen > 6
