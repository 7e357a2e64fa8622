"""All detectors of a county's devices, fed reading by reading in order of time.

Used by `evaluate` and `early`. Promises the same warnings for the same readings, byte for byte. Hydrants of a county
are watched as one network, because peers are learned; above `_AT_ONCE`, those of each township, or village.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from services.alerts.detectors.cooling import CoolingDetector
from services.alerts.detectors.course import Expected
from services.alerts.detectors.finding import EarlyWarning, Place, Reading
from services.alerts.detectors.gauge import Gauges
from services.alerts.detectors.mains import MainsDetector
from services.alerts.detectors.singles import Hydrant
from services.alerts.detectors.slots import Slots
from services.alerts.detectors.wiring import WiringDetector
from services.core.rules.catalog_early import NUMBERS, Numbers
from services.core.rules.profile import DeviceProfile

_AT_ONCE: Final = 250  # hydrants: covariances grow with the square
_DIGITS: Final = (6, 9, 12)  # of an area code that name county, township and village (GB/T 2260, GB/T 10114)
_LEAST_SLOT_S: Final = 300
_MOST_SLOT_S: Final = 3600
_NOT_OF_PRESSURE: Final = frozenset({"freeze_forecast"})
_FLOWS_LPS: Final = 0.5  # contract 8, hydrant_in_use


class Device(NamedTuple):
    """Who sends the readings."""

    profile: DeviceProfile
    place: Place | None


class HasProfile(Protocol):
    """A description of a device."""

    @property
    def profile(self) -> DeviceProfile:
        """The registry's fields of it."""
        ...


Watched = TypeVar("Watched", bound=HasProfile)


class _Network:
    """One group of hydrants with its open slot."""

    MEMORY: Final = ("slots", "detector", "used")

    def __init__(self, devices: Sequence[Device], cooling: Sequence[CoolingDetector], numbers: Numbers) -> None:
        intervals = sorted(device.profile.expected_interval_s for device in devices)
        usual = intervals[len(intervals) // 2]
        width = int(-(-usual // _LEAST_SLOT_S) * _LEAST_SLOT_S)
        width = min(_MOST_SLOT_S, max(_LEAST_SLOT_S, width))
        self.slots = Slots(len(devices), width)
        self.detector = MainsDetector(
            [Hydrant(item.profile.code, item.profile.area, item.place) for item in devices], width, numbers
        )
        self.used: set[int] = set()
        self._cooling = cooling

    def end_slot(self, at_s: float) -> list[EarlyWarning]:
        """Judge the open slot, which a reading at this time ends."""
        ended, pressures = self.slots.close(at_s)
        found = self.detector.take(ended, pressures, frozenset(self.used), self.slots.outvoted, self._water_c)
        self.used.clear()
        return found

    def _water_c(self, number: int, at_s: float) -> float | None:
        return self._cooling[number].water_c(at_s)


class _WayIn:
    """Where readings of one hydrant go."""

    __slots__ = ("_cooling", "_network", "_number", "_slots")

    def __init__(self, network: _Network, number: int, cooling: CoolingDetector) -> None:
        self._network, self._number, self._cooling = network, number, cooling
        self._slots = network.slots

    def take(self, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        slots, get = self._slots, reading.get
        found = self._network.end_slot(at_s) if at_s >= slots.ends_s else []
        pressure = get("pressure_mpa")
        if pressure is not None:
            number = self._number
            if slots.held[number] is None and at_s >= slots.begins_s:  # as `add` does: the first of its slot
                slots.held[number] = pressure
            else:
                slots.add(number, at_s, pressure)
        if (get("flow_lps") or 0.0) > _FLOWS_LPS or (get("cap_open") and get("water_present")):
            self._network.used.add(self._number)
        cooling = self._cooling.take(at_s, reading)  # without a temperature too: cold that is said no more ends
        return found + cooling if cooling else found


class _Beside:
    """Where readings of a basin or a circuit go: to what judges them, and to what judges its instruments."""

    __slots__ = ("_gauges", "_judge")

    def __init__(self, judge: CoolingDetector | WiringDetector, gauges: Gauges) -> None:
        self._judge, self._gauges = judge.take, gauges.take

    def take(self, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading in order of time."""
        found = self._judge(at_s, reading)
        wrong = self._gauges(at_s, reading)
        return found + wrong if wrong else found


class Fleet:
    """Detectors by device."""

    MEMORY: Final = ("_groups", "_wiring", "_cooling", "_gauges")

    def __init__(self, devices: Iterable[Device], numbers: Numbers = NUMBERS) -> None:
        self._groups: list[_Network] = []
        self._networks: dict[str, tuple[_Network, int]] = {}
        self._wiring: dict[str, WiringDetector] = {}
        self._cooling: dict[str, CoolingDetector] = {}
        self._gauges: dict[str, Gauges] = {}
        self._takers: dict[str, Callable[[float, Reading], list[EarlyWarning]]] = {}  # where readings go
        listed = list(devices)
        for profile, place in listed:
            if profile.kind in {"hydrant", "water"}:
                self._cooling[profile.code] = cooling = CoolingDetector(profile.code, profile.area, place, numbers)
                self._takers[profile.code] = cooling.take
                if profile.kind == "water":
                    self._watch_gauges(profile, place, cooling, numbers)
            elif profile.kind == "electrical":
                interval_s, keep_s = profile.expected_interval_s, profile.late_after.total_seconds()
                wiring = WiringDetector(profile.code, profile.area, place, interval_s, numbers, keep_s)
                self._wiring[profile.code] = wiring
                self._watch_gauges(profile, place, wiring, numbers)
        for group in split([device for device in listed if device.profile.kind == "hydrant"]):
            network = _Network(group, [self._cooling[device.profile.code] for device in group], numbers)
            self._groups.append(network)
            for number, device in enumerate(group):
                code = device.profile.code
                self._networks[code] = network, number
                self._takers[code] = _WayIn(network, number, self._cooling[code]).take

    def _watch_gauges(
        self, profile: DeviceProfile, place: Place | None, judge: CoolingDetector | WiringDetector, numbers: Numbers
    ) -> None:
        code = profile.code
        self._gauges[code] = gauges = Gauges(profile.kind, code, profile.area, place, numbers)
        self._takers[code] = _Beside(judge, gauges).take

    def take(self, code: str, at_s: float, reading: Reading) -> list[EarlyWarning]:
        """Take one reading of a device."""
        taker = self._takers.get(code)
        return [] if taker is None else taker(at_s, reading)

    def course(self, device: str, code: str) -> list[Expected]:
        """Return the latest expected values of the quantity that this code judges at this device; empty: not known."""
        wiring, network = self._wiring.get(device), self._networks.get(device)
        if wiring is not None:
            return wiring.course(code)
        return [] if network is None or code in _NOT_OF_PRESSURE else network[0].detector.course(network[1])


def split(devices: Sequence[Watched], level: int = 0) -> list[list[Watched]]:
    """Split devices into groups that are watched together: a county, its townships or villages, parts of a village.

    Only groups that are too large are split, so that small villages stay together; parts follow the order of codes.
    """
    found: list[list[Watched]] = []
    for part in _by_prefix(devices, _DIGITS[level]).values():
        if len(part) <= _AT_ONCE:
            found.append(part)
        elif level + 1 < len(_DIGITS):
            found += split(part, level + 1)
        else:
            parts = -(-len(part) // _AT_ONCE)
            size = -(-len(part) // parts)
            found += [part[start : start + size] for start in range(0, len(part), size)]
    return found


def _by_prefix(devices: Sequence[Watched], digits: int) -> dict[str, list[Watched]]:
    found: dict[str, list[Watched]] = {}
    for device in sorted(devices, key=lambda item: item.profile.code):
        found.setdefault(device.profile.area[:digits], []).append(device)
    return found
