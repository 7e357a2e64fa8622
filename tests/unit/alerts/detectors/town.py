"""A small town for the detectors: twelve hydrants on a line, a daily swing, a little noise, all seeded."""

from copy import deepcopy
from functools import cache

import numpy as np

from services.alerts.detectors.finding import EarlyWarning, Place
from services.alerts.detectors.mains import MainsDetector
from services.alerts.detectors.singles import Hydrant
from services.core.rules.catalog_early import NUMBERS, Numbers

SLOT_S = 900
DAY = 86_400 // SLOT_S
HYDRANTS = 12
BEGIN_S = 1_780_243_200
LEARNED_DAYS = 15


def pressures(days: int, seed: int = 1) -> np.ndarray:
    dice = np.random.default_rng(seed)
    slots = np.arange(days * DAY)
    town = np.sin(2 * np.pi * slots / DAY) + 0.3 * np.sin(2 * np.pi * slots / DAY / 0.37)
    swing = 0.02 + 0.002 * np.arange(HYDRANTS)
    return np.round(0.35 - np.outer(town, swing) + dice.normal(0, 0.0012, (len(slots), HYDRANTS)), 3)


class Town:
    def __init__(self, numbers: Numbers = NUMBERS) -> None:
        hydrants = [Hydrant(f"H{n:02d}", "140931100", Place(111.1 + 0.002 * n, 39.0)) for n in range(HYDRANTS)]
        self.detector = MainsDetector(hydrants, SLOT_S, numbers)
        self.slots = 0
        self.said: list[EarlyWarning] = []

    def live(self, rows: np.ndarray, used: frozenset[int] = frozenset()) -> list[EarlyWarning]:
        found: list[EarlyWarning] = []
        for row in rows:
            self.slots += 1
            found += self.detector.take(BEGIN_S + self.slots * SLOT_S, row, used)
        self.said += found
        return found


@cache
def _learned() -> Town:
    town = Town()
    town.live(pressures(LEARNED_DAYS))
    return town


def learned() -> Town:
    """A town whose detectors know it."""
    return deepcopy(_learned())


def next_days(days: int) -> np.ndarray:
    """What follows the days that were learned, without any event."""
    return pressures(LEARNED_DAYS + days)[LEARNED_DAYS * DAY :].copy()
