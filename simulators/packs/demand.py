"""How a town draws water: hour, weekday, season, chance. Seeded; numbers are assumptions of the design study.

Used by `twin`. Promises the same factors for the same seed, whatever events are added.
"""

from typing import Final

import numpy as np

DAY_S: Final = 86_400
# share of the mean demand, every two hours from midnight; between them straight lines
_WEEKDAY: Final = (0.45, 0.38, 0.40, 0.95, 1.45, 1.20, 1.25, 1.10, 1.00, 1.35, 1.40, 0.85)
_WEEKEND: Final = (0.52, 0.42, 0.38, 0.60, 1.20, 1.45, 1.35, 1.20, 1.10, 1.30, 1.30, 0.90)
HOT_DAYS: Final = 4
HOT: Final = 1.20
SEASON: Final = 0.06  # the slow course of the mean, up and down
AREA_SD, AREA_MEMORY_S = 0.05, 3 * 3600
NODE_SD, NODE_MEMORY_S = 0.35, 3600  # households and shops behind one node


def hourly_factor(at_s: np.ndarray) -> np.ndarray:
    """Return the share of the mean demand at seconds since a Monday's midnight."""
    hours = (at_s % DAY_S) / 7200
    knots = np.arange(13)
    weekday = np.interp(hours, knots, [*_WEEKDAY, _WEEKDAY[0]])
    weekend = np.interp(hours, knots, [*_WEEKEND, _WEEKEND[0]])
    return np.asarray(np.where((at_s // DAY_S) % 7 < 5, weekday, weekend))


class Demand:
    """The factors of all nodes, one step after the other."""

    def __init__(self, seed: int, nodes: int, areas: np.ndarray, steps: int, step_s: int) -> None:
        dice = np.random.default_rng([seed, 1])
        self._dice, self._areas = dice, areas
        at_s = np.arange(steps) * step_s
        days = steps * step_s // DAY_S
        hot = dice.choice(np.arange(days), size=min(HOT_DAYS, days), replace=False)
        season = 1 + SEASON * np.sin(2 * np.pi * (at_s / DAY_S / dice.uniform(40, 80) + dice.uniform()))
        self._common = hourly_factor(at_s) * season * np.where(np.isin(at_s // DAY_S, hot), HOT, 1.0)
        self._area_keep = np.exp(-step_s / AREA_MEMORY_S)
        self._node_keep = np.exp(-step_s / NODE_MEMORY_S)
        self._area = dice.normal(0, AREA_SD, areas.max() + 1)
        self._node = dice.normal(0, NODE_SD, nodes)

    def factors(self, step: int) -> np.ndarray:
        """Return each node's factor at a step; call once per step, in order."""
        keep = self._area_keep
        self._area = keep * self._area + np.sqrt(1 - keep**2) * self._dice.normal(0, AREA_SD, self._area.size)
        keep = self._node_keep
        self._node = keep * self._node + np.sqrt(1 - keep**2) * self._dice.normal(0, NODE_SD, self._node.size)
        return np.asarray(np.maximum(0.0, self._common[step] * (1 + self._area[self._areas] + self._node)))
