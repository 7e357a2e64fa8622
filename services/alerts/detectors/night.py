"""Leaks: at night little is drawn, so a loss that nobody else explains, night after night, is a leak.

Source: night minimum (design study; CUSUM after Page 1954) on independent shares (`whitening`) instead of raw pressure,
because a town's own season moves all of it. The sum is bounded, so that a leak that was repaired, or has become the
usual level, ends and another one can be told. Cost: nothing but once a night. Cold start: `nights`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array, clipped, zeroed
from services.core.clock import COUNTY_AHEAD

_LOCAL_S: Final = int(COUNTY_AHEAD.total_seconds())
_DAY_S: Final = 86_400
_FROM_S, _UNTIL_S = 2 * 3600, 4 * 3600
_SHARE: Final = 1 / 21  # nights in the memory of the usual level
_LEAKING: Final = 1 / 3  # of what a usual night teaches of that level: a leak becomes usual in two months
_ALONE: Final = 3.0  # own deviations: the most that one hydrant adds to its neighbours; a wrong sensor is no leak
_FAR: Final = 4.0  # nightly deviations: the most that one night adds
_LEAST: Final = 0.001
_MOST_SUM: Final = 1.5  # times the limit


class Nights:
    """Nightly medians of independent shares against their own usual level."""

    MEMORY: Final = ("_tonight", "_usual", "_spread", "_sum", "_nights", "_standing")

    def __init__(self, devices: int, numbers: Mapping[str, float]) -> None:
        self._limit, self._slack, self._wait = numbers["sigmas"], numbers["slack"], numbers["nights"]
        self._tonight: list[Array] = []
        self._usual = np.zeros(devices)
        self._spread = np.zeros(devices)
        self._sum = np.zeros(devices)
        self._nights = 0
        self._standing: set[int] = set()

    def take(self, shares: Array, ended_s: int, near: np.ndarray) -> list[tuple[int, bool]]:
        """Take one slot, in events too; return (device, whether its leak began or is over) at the end of a night."""
        second = (ended_s + _LOCAL_S) % _DAY_S
        if _FROM_S <= second < _UNTIL_S:
            self._tonight.append(shares)
            return []
        if not self._tonight:
            return []
        night = clipped(np.median(zeroed(np.array(self._tonight)), axis=0), _ALONE)
        self._tonight = []
        return self._judge(night[near].mean(axis=1))

    def _judge(self, night: Array) -> list[tuple[int, bool]]:
        self._nights += 1
        share = max(_SHARE, 1 / self._nights)
        away = night - self._usual
        if self._nights > self._wait:
            score = clipped(away / np.maximum(self._spread, _LEAST), _FAR)
            self._sum = np.clip(self._sum - score - self._slack, 0.0, _MOST_SUM * self._limit)
        usual = self._sum < self._limit / 3
        self._usual = self._usual + share * np.where(usual, away, _LEAKING * away)
        self._spread = self._spread + np.where(usual, share * (np.abs(away) * 1.2533 - self._spread), 0.0)
        worst = int(self._sum.argmax())
        told: list[tuple[int, bool]] = []
        if self._sum[worst] > self._limit and not self._standing:  # one leak, one warning: where it is deepest
            self._standing.add(worst)
            told.append((worst, True))
        for number in sorted(self._standing):
            if self._sum[number] <= 0:
                self._standing.discard(number)
                told.append((number, False))
        return told
