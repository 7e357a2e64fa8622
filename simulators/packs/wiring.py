"""Circuits whose insulation ages and whose joints loosen, in a form that the detectors do not have.

Used by `pack`. Three lags instead of one, a cubic term, humidity that comes in steps, a load that no transformer sees,
new appliances half-way: the design study warns of a generator that suits its detector. Seeded; pure.
"""

from typing import Final, NamedTuple

import numpy as np

DAY_S: Final = 86_400
# hourly shapes: home, shop, office, canteen, workshop
_SHAPES: Final = np.array(
    [
        [3, 2, 2, 2, 2, 3, 5, 6, 4, 3, 3, 4, 5, 4, 3, 3, 4, 6, 9, 10, 9, 8, 6, 4],
        [1, 1, 1, 1, 1, 1, 1, 2, 5, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 6, 3, 1, 1],
        [1, 1, 1, 1, 1, 1, 2, 4, 8, 9, 9, 8, 6, 8, 9, 9, 8, 6, 3, 2, 1, 1, 1, 1],
        [1, 1, 1, 1, 2, 5, 8, 6, 4, 5, 9, 10, 8, 3, 2, 3, 7, 10, 8, 4, 2, 1, 1, 1],
        [1, 1, 1, 1, 1, 1, 2, 6, 9, 9, 9, 7, 5, 9, 9, 9, 9, 6, 2, 1, 1, 1, 1, 1],
    ]
) / 10  # fmt: skip


FAULTS: Final = ("ageing", "step", "intermittent", "loose_joint")


class WiringFault(NamedTuple):
    """What befalls one circuit; `amount` is mA, or a factor of its heating."""

    klass: str  # one of FAULTS
    device: int
    from_s: int
    until_s: int
    amount: float


def plan_faults(seed: int, devices: int, from_s: int, until_s: int, only: str = "") -> list[WiringFault]:
    """Give half of the circuits one fault each; or `only` this one to all."""
    dice = np.random.default_rng([seed, 21])
    faults = []
    for place, device in enumerate(dice.permutation(devices)[: devices if only else devices // 2]):
        klass = only or FAULTS[place % 4]
        days = {"ageing": (3, 12), "step": (3, 6), "intermittent": (5, 5), "loose_joint": (1, 8)}[klass]
        lasts = int(dice.uniform(*days) * DAY_S) + 2 * DAY_S
        begin = int(dice.uniform(from_s, until_s - lasts))
        amount = dice.uniform(120, 320) if klass != "loose_joint" else dice.uniform(1.8, 4)
        faults.append(WiringFault(klass, int(device), begin, begin + lasts, float(amount)))
    return faults


def measure(seed: int, devices: int, steps: int, step_s: int, faults: list[WiringFault]) -> dict[str, np.ndarray]:
    """Return fields of contract 3 by name, each (steps, devices)."""
    at_s = np.arange(steps) * step_s
    hour, weekend = at_s % DAY_S / 3600, (at_s // DAY_S) % 7 >= 5
    out = {name: np.zeros((steps, devices)) for name in ("residual_current_ma", "temp_a_c", "current_a_a")}
    for device in range(devices):
        dice = np.random.default_rng([seed, 22, device])
        shape = np.interp(hour, np.arange(25), [*_SHAPES[device % 5], _SHAPES[device % 5][0]])
        shape = np.where(weekend, shape * dice.uniform(0.5, 1.1), shape)
        noise = _wander(dice, steps, step_s, 2 * 3600)
        load = np.maximum(0.02, shape * (1 + 0.18 * noise))
        load[steps // 2 :] += dice.uniform(0, 0.15)  # a new appliance
        hidden = 0.15 * np.maximum(0, _wander(dice, steps, step_s, 6 * 3600))  # what no transformer sees
        humid = np.repeat(dice.normal(0, 1, steps * step_s // (2 * DAY_S) + 1), 2 * DAY_S // step_s)[:steps]
        rated_a = dice.uniform(40, 200)
        residual = dice.uniform(20, 160) + dice.uniform(10, 90) * (load + hidden) ** 1.15 + 5 * humid
        residual += dice.normal(0, 4, steps)
        starts = dice.random(steps) < step_s / (3 * DAY_S)
        residual = np.where(starts, residual + dice.uniform(50, 400, steps), residual)
        air = 18 + 6 * np.sin(2 * np.pi * (hour - 9) / 24) + 4 * _wander(dice, steps, step_s, 3 * DAY_S)
        theta = np.full(steps, dice.uniform(12, 28))
        for fault in (item for item in faults if item.device == device):
            begin, end = fault.from_s // step_s, fault.until_s // step_s
            grown = np.clip(np.arange(end - begin) / max(1, end - begin - 2 * DAY_S // step_s), 0, 1)
            if fault.klass == "ageing":
                residual[begin:end] += fault.amount * grown**1.5
            elif fault.klass == "step":
                residual[begin:end] += fault.amount
            elif fault.klass == "intermittent":
                residual[begin:end] += np.where(dice.random(end - begin) < 0.08, fault.amount, 0)
            else:
                theta[begin:end] *= 1 + (fault.amount - 1) * grown
        heat = theta * (0.85 * load**2 + 0.15 * load**3)
        warm = 0.5 * _lag(heat, step_s, 900) + 0.3 * _lag(heat, step_s, 2700) + 0.2 * _lag(heat, step_s, 7200)
        out["residual_current_ma"][:, device] = np.round(np.maximum(0, residual), 1)
        out["temp_a_c"][:, device] = np.round(air + warm + dice.normal(0, 0.4, steps), 1)
        out["current_a_a"][:, device] = np.round(load * rated_a * (1 + dice.normal(0, 0.01, steps)), 1)
    return out


def _wander(dice: np.random.Generator, steps: int, step_s: int, memory_s: int) -> np.ndarray:
    keep = float(np.exp(-step_s / memory_s))
    shocks = dice.normal(0, np.sqrt(1 - keep**2), steps)
    return _recursive(shocks, keep, float(dice.normal()))


def _lag(values: np.ndarray, step_s: int, lag_s: int) -> np.ndarray:
    share = 1 - float(np.exp(-step_s / lag_s))
    return _recursive(values * share, 1 - share, float(values[0]))


def _recursive(values: np.ndarray, keep: float, start: float) -> np.ndarray:
    out, state = np.empty(len(values)), start
    for number, value in enumerate(values.tolist()):
        state = keep * state + value
        out[number] = state
    return out
