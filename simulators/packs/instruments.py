"""The layer of instruments over true pressures: noise, resolution, spikes, gaps, and what befalls single devices.

Used by `pack`. Numbers are those of the design study (docs/detection.md). Pure; seeded.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulators.packs.happenings import DeviceFault

NOISE_MPA: Final = 0.0015
RESOLUTION_MPA: Final = 0.001
SPIKES_PER_DAY: Final = 1 / 30
MISSING: Final = 0.02


def measure(
    true_mpa: np.ndarray, seed: int, step_s: int, faults: Sequence[DeviceFault] = (), noise_mpa: float = NOISE_MPA
) -> np.ndarray:
    """Return what the instruments say, (steps, devices), NaN where nothing arrived."""
    dice = np.random.default_rng([seed, 9])
    seen = true_mpa.astype(float).copy()
    shape = seen.shape
    for fault in faults:
        begin, end = fault.from_s // step_s, fault.until_s // step_s
        part = seen[begin:end, fault.device]
        hours = np.arange(len(part)) * step_s / 3600
        if fault.klass == "closed_valve":  # the barrel keeps its pressure and loses it slowly
            part[:] = part[0] * np.exp(-hours / dice.uniform(40, 200))
        elif fault.klass == "frozen":  # ice closes the barrel and presses
            part[:] = part[0] + dice.uniform(0.0005, 0.003) * hours
        elif fault.klass == "drift":
            part += dice.choice([-1, 1]) * dice.uniform(0.0002, 0.0006) * hours
    seen += dice.normal(0, noise_mpa, shape)
    spikes = dice.random(shape) < SPIKES_PER_DAY * step_s / 86_400
    seen = np.where(spikes, seen + dice.choice([-1, 1], shape) * dice.uniform(0.05, 0.3, shape), seen)
    seen = np.round(np.maximum(seen, 0.0) / RESOLUTION_MPA) * RESOLUTION_MPA
    for fault in faults:
        if fault.klass == "stuck":
            begin, end = fault.from_s // step_s, fault.until_s // step_s
            seen[begin:end, fault.device] = seen[begin, fault.device]
    seen[dice.random(shape) < MISSING] = np.nan
    return np.asarray(seen)
