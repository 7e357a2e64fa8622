"""The pressures of a hydraulic twin, replayed: two weeks that repeat, and what a burst or a leak does to every hydrant.

Called by the hydrants. Promises: pure functions of time, and the file's own checksum is looked at. The file is made by
`make` from a network of WNTR (EPANET), which nobody needs who only replays it.
"""

import hashlib
import json
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LEDGER, PRESSURES = HERE / "county.json", HERE / "county.bin"
LOCAL_S = 8 * 3600  # China keeps one time, UTC+8
MONDAY_S = 4 * 86_400 - LOCAL_S  # 1970-01-05, midnight in Beijing
DAY_S = 86_400


class Mains(NamedTuple):
    """Pressures by hydrant and step, in units; effects by event, hydrant and part of the day, in units lost."""

    step_s: int
    unit_mpa: float
    pressures: Sequence[Sequence[int]]
    effects: Mapping[str, Sequence[Sequence[int]]]

    def pressure_mpa(self, hydrant: int, at_s: float) -> float:
        """Return the pressure at hydrant `hydrant` (from 0), between two steps a straight line."""
        course = self.pressures[hydrant]
        return _between(course, (at_s - MONDAY_S) / self.step_s) * self.unit_mpa

    def loss_mpa(self, event: str, hydrant: int, at_s: float) -> float:
        """Return what the event takes from a hydrant's pressure at this time of the day."""
        parts = self.effects[event][hydrant]
        part_s = DAY_S / len(parts)
        return _between(parts, (at_s - MONDAY_S) / part_s - 0.5) * self.unit_mpa


def _between(values: Sequence[int], place: float) -> float:
    whole = int(place // 1)
    part = place - whole
    first, second = values[whole % len(values)], values[(whole + 1) % len(values)]
    return first + part * (second - first)


@cache
def ledger() -> Mapping[str, Any]:
    """Return what the file says of itself."""
    read: Mapping[str, Any] = json.loads(LEDGER.read_text(encoding="utf-8"))
    return read


def hydrants() -> int:
    """Return how many hydrants stand on these mains: numbers 1 to this."""
    return int(ledger()["hydrants"])


@cache
def mains() -> Mains:
    """Return the mains.

    Raises:
        ValueError: the two files do not belong together.
    """
    said = ledger()
    packed = PRESSURES.read_bytes()
    if hashlib.sha256(packed).hexdigest() != said["sha256"]:
        raise ValueError(f"{PRESSURES.name} is not the file that {LEDGER.name} describes: make both again")
    steps = array("h", zlib.decompress(packed))
    if sys.byteorder == "big":
        steps.byteswap()
    length = len(steps) // said["hydrants"]
    courses = [
        array("h", accumulate(steps[start : start + length])) for start in range(0, length * said["hydrants"], length)
    ]
    return Mains(said["step_s"], said["unit_mpa"], courses, said["effects"])
