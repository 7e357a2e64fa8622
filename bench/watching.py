"""What a reading costs in processor: rules alone, and rules with the early-warning detectors beside them.

`python -m bench.watching [--devices 100] [--days 7]`. No broker, no database: the pure code that `alerts` and
`evaluate` share, over a seeded town and its circuits that report every five minutes. The last day is measured, after
the detectors have learned (`onset` says nothing for five days); each kind by itself, several times, the best and the
median are told.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from services.alerts.detectors.finding import Place
from services.alerts.detectors.fleet import Device, Fleet
from services.alerts.rules.walk import DeviceRules
from services.core.rules.catalog_early import NUMBERS, Numbers
from services.core.rules.profile import DeviceProfile

STEP_S: Final = 300
BEGIN: Final = datetime(2026, 6, 1, tzinfo=UTC)
DAY: Final = 86_400 // STEP_S
_TIMES: Final = 3
Slot = list[tuple[str, dict[str, Any]]]


def hydrants(devices: int, slots: int) -> tuple[list[Device], list[Slot]]:
    """Return hydrants of one town and what they send, slot by slot."""
    dice = np.random.default_rng(1)
    common = np.cumsum(dice.normal(0, 0.002, (slots, 4)), axis=0) * 0.1
    hour = np.sin(2 * np.pi * np.arange(slots) / DAY)[:, None] * dice.uniform(0.01, 0.03, devices)
    mpa = np.round(0.4 + hour + common @ dice.normal(0, 1, (4, devices)) + dice.normal(0, 0.0015, (slots, devices)), 3)
    ledger = [
        Device(_profile(f"H{n:04d}", "hydrant"), Place(111.0 + n % 10 * 0.003, 39.0 + n // 10 * 0.003))
        for n in range(devices)
    ]
    return ledger, _slots(ledger, ("pressure_mpa",), (mpa,))


def circuits(devices: int, slots: int) -> tuple[list[Device], list[Slot]]:
    """Return electrical monitors and what they send, slot by slot."""
    dice = np.random.default_rng(2)
    load = np.abs(
        0.6 + 0.4 * np.sin(2 * np.pi * np.arange(slots) / DAY)[:, None] + dice.normal(0, 0.1, (slots, devices))
    )
    residual = np.round(60 + 40 * load + dice.normal(0, 4, load.shape), 1)
    celsius = np.round(20 + 15 * load**2 + dice.normal(0, 0.4, load.shape), 1)
    ledger = [Device(_profile(f"E{n:04d}", "electrical"), None) for n in range(devices)]
    names = ("residual_current_ma", "temp_a_c", "current_a_a")
    return ledger, _slots(ledger, names, (residual, celsius, np.round(100 * load, 1)))


def basins(devices: int, slots: int) -> tuple[list[Device], list[Slot]]:
    """Return water levels and what they send in a cold night and day, slot by slot."""
    dice = np.random.default_rng(3)
    swing = np.sin(2 * np.pi * np.arange(slots) / DAY)[:, None]
    metres = np.round(3 + 0.5 * swing + dice.normal(0, 0.01, (slots, devices)), 2)
    water = np.round(4 + 2 * swing + dice.normal(0, 0.1, (slots, devices)), 1)
    air = np.round(-5 + 8 * swing + dice.normal(0, 0.3, (slots, devices)), 1)
    ledger = [Device(_profile(f"W{n:04d}", "water"), None) for n in range(devices)]
    names = ("level_m", "water_temp_c", "air_temp_c")
    return ledger, _slots(ledger, names, (metres, water, air))


def _slots(ledger: Sequence[Device], names: Sequence[str], tables: Sequence[np.ndarray]) -> list[Slot]:
    rows = zip(*(table.tolist() for table in tables), strict=True)
    return [
        [(one.profile.code, dict(zip(names, cells, strict=True))) for one, *cells in zip(ledger, *row, strict=True)]
        for row in rows
    ]


def _profile(code: str, kind: str) -> DeviceProfile:
    return DeviceProfile(code=code, kind=kind, area="140931100", expected_interval_s=STEP_S, rated_current_a=200.0)


KINDS: Final = {"hydrants": hydrants, "circuits": circuits, "basins": basins}
MIX: Final = (6, 3, 1)  # readings of each kind, as bench.load sends them


def walk_rules(ledger: Sequence[Device]) -> Callable[[int, Slot], None]:
    """Return what takes a slot through the rules."""
    rules = {one.profile.code: DeviceRules(one.profile) for one in ledger}

    def take(number: int, slot: Slot) -> None:
        at = BEGIN + timedelta(seconds=number * STEP_S)
        for code, fields in slot:
            rules[code].walk(({**fields, "ts": at, "received_at": at, "seq": number},))

    return take


def walk_detectors(ledger: Sequence[Device]) -> Callable[[int, Slot], None]:
    """Return what takes a slot through the detectors, which give verdicts after a day here."""
    numbers: Numbers = {
        code: {**values, **({"learn_days": 1.0} if "learn_days" in values else {})} for code, values in NUMBERS.items()
    }
    fleet = Fleet(ledger, numbers)
    begin_s = BEGIN.timestamp()

    def take(number: int, slot: Slot) -> None:
        for code, fields in slot:
            fleet.take(code, begin_s + number * STEP_S, fields)

    return take


def cost_us(take: Callable[[int, Slot], None], slots: Sequence[Slot]) -> float:
    """Return microseconds of processor a reading of the last day."""
    for number, slot in enumerate(slots[:-DAY]):
        take(number, slot)
    begun_s = time.process_time()
    for number, slot in enumerate(slots[-DAY:], start=len(slots) - DAY):
        take(number, slot)
    return (time.process_time() - begun_s) * 1e6 / sum(map(len, slots[-DAY:]))


def main() -> None:
    """Measure and print."""
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--devices", type=int, default=100)
    read.add_argument("--days", type=int, default=7)
    asked = read.parse_args()
    best: dict[str, list[float]] = {"rules": [], "detectors": []}
    for kind, make in KINDS.items():
        ledger, slots = make(asked.devices, asked.days * DAY)
        for name, walk in (("rules", walk_rules), ("detectors", walk_detectors)):
            costs = [cost_us(walk(ledger), slots) for _ in range(_TIMES)]
            best[name].append(min(costs))
            told = f"{min(costs):.1f} us at best, {statistics.median(costs):.1f} in the middle of {_TIMES}"
            print(f"{kind}: {name}: {told} a reading of processor")  # noqa: T201 - a command's output
    for name, costs in best.items():
        mean = sum(cost * share for cost, share in zip(costs, MIX, strict=True)) / sum(MIX)
        print(f"{MIX[0]} hydrants : {MIX[1]} circuits : {MIX[2]} basin: {name}: {mean:.1f} us at best")  # noqa: T201


if __name__ == "__main__":
    main()
