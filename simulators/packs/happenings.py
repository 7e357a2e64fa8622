"""What happens in a town's mains during a pack: bursts, fire flows, thefts, leaks; and to single instruments.

Used by `twin`, `instruments` and `pack`. Seeded by the pack; sizes are those of the design study (docs/detection.md).
"""

from typing import Any, Final, NamedTuple, cast

import numpy as np

HOUR_S: Final = 3600


class MainsEvent(NamedTuple):
    """Water drawn at one node between two times; `ramp_s` is how long it takes to grow to `lps`."""

    klass: str
    node: int  # number among the junctions
    lps: float
    from_s: int
    until_s: int
    ramp_s: int = 0


class DeviceFault(NamedTuple):
    """What befalls one instrument or its valve."""

    klass: str  # closed_valve, frozen, stuck, drift, offset
    device: int
    from_s: int
    until_s: int


# per 28 days: class, how many, L/s from..to, hours from..to
_KINDS: Final = (
    ("burst_large", 4.5, (25, 45), (2, 8)),
    ("burst_medium", 7, (10, 20), (3, 10)),
    ("burst_small", 5.5, (3, 8), (4, 14)),
    ("fire_15", 8.5, (15, 15), (0.75, 2.5)),
    ("fire_45", 4.5, (45, 45), (1, 3)),
    ("theft", 10, (4, 8), (0.25, 0.75)),
)
_FAULTS: Final = (
    ("closed_valve", 2, (12, 72)), ("frozen", 2, (6, 36)), ("stuck", 3, (12, 96)), ("drift", 1, (240, 480)),
)  # fmt: skip
CUT_OFF: Final = ("closed_valve", "frozen")
APART_S: Final = 4 * HOUR_S  # between two events: each has a time of its own


def plan_events(seed: int, nodes: np.ndarray, from_s: int, until_s: int, step_s: int) -> list[MainsEvent]:
    """Return the events of a pack, in order, none at the same time as another."""
    dice = np.random.default_rng([seed, 2])
    months = (until_s - from_s) / (28 * 24 * HOUR_S)
    wanted: list[tuple[str, float, int]] = []
    for klass, rate, lps, hours in _KINDS:
        for _ in range(round(rate * months)):
            lasts = int(dice.uniform(*hours) * HOUR_S // step_s + 1) * step_s
            wanted.append((klass, float(dice.uniform(*lps)), lasts))
    dice.shuffle(cast("list[Any]", wanted))
    free = until_s - from_s - sum(lasts + APART_S for _, _, lasts in wanted)
    if free < 0:
        raise ValueError("the pack is too short for its events")
    gaps = dice.dirichlet(np.ones(len(wanted) + 1)) * free
    events, at_s = [], float(from_s)
    for (klass, drawn_lps, lasts), gap in zip(wanted, gaps, strict=False):
        at_s += gap
        begin = int(at_s // step_s) * step_s
        events.append(MainsEvent(klass, int(dice.choice(nodes)), drawn_lps, begin, begin + lasts))
        at_s += lasts + APART_S
    return events


def plan_leaks(seed: int, nodes: np.ndarray, from_s: int, until_s: int, count: int) -> list[MainsEvent]:
    """Return slow leaks of 2 to 5 L/s that grow over 2 days and last; one after the other."""
    dice = np.random.default_rng([seed, 3])
    share = (until_s - from_s) // max(count, 1)
    return [
        MainsEvent(
            "slow_leak", int(dice.choice(nodes)), float(dice.uniform(2, 5)),
            from_s + number * share, from_s + number * share + min(share - 7 * 86_400, 16 * 86_400), 2 * 86_400,
        )
        for number in range(count)
    ]  # fmt: skip


def plan_faults(seed: int, devices: int, from_s: int, until_s: int, cut_off: int = 0) -> list[DeviceFault]:
    """Return what befalls instruments; no device twice by the same.

    `cut_off`: so many closed valves and as many frozen hydrants instead of the usual two, and no device twice by any.
    """
    dice = np.random.default_rng([seed, 4])
    months = (until_s - from_s) / (28 * 24 * HOUR_S)
    each = dice.permutation(devices).tolist() if cut_off else []
    faults: list[DeviceFault] = []
    for klass, rate, hours in _FAULTS:
        if cut_off:
            chosen = [each.pop() for _ in range(cut_off if klass in CUT_OFF else round(rate * months))]
        else:
            chosen = dice.choice(devices, size=round(rate * months), replace=False).tolist()
        for device in chosen:
            begin = int(dice.uniform(from_s, until_s - hours[1] * HOUR_S))
            faults.append(DeviceFault(klass, device, begin, begin + int(dice.uniform(*hours) * HOUR_S)))
    return faults
