"""Whether a sensor can be trusted: one-sample spikes are removed, a stuck or spiking sensor is flagged.

Source: design study. Cost: vectors of n a slot. Cold start: own steps are known after a day; until then
nothing is held back. A jump beyond `spike_sigmas` of its own steps waits one slot; if the next value agrees, it was
real. Where a slot is the median of three readings or more it does not wait: one wrong reading was outvoted. How long a
value stands is counted in time, how often it was repeated in readings: it takes both to be stuck.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array
from services.alerts.detectors.finding import Told
from services.core.words import Reason, county_time

_SPREAD_SHARE = 1 / 288
_LEAST_MPA = 0.001  # the resolution
_SAME_MPA = 5e-4
_STILL_SLOTS = 6  # a sensor that repeats values this often has no noise: nothing is concluded from it
_DAY_S = 86_400
_SILENT_S = 3 * 3600  # what a silence counts at most of the time that a value stands: nobody knows what was in between


class Instruments:
    """The pressure sensors of a group."""

    MEMORY: Final = ("_last", "_held", "_step", "_same", "_spikes", "_seen_s", "_since_s", "_stood_s")

    def __init__(self, devices: int, slots_a_day: int, numbers: Mapping[str, float]) -> None:
        self._sigmas = numbers["spike_sigmas"]
        self._most_spikes = numbers["spikes"]
        self._stuck_s = numbers["stuck_h"] * 3600
        self._slot_s = _DAY_S / slots_a_day
        self._fade = 0.5 ** (1 / slots_a_day)
        self._last = np.full(devices, np.nan)
        self._held = np.full(devices, np.nan)
        self._step = np.full(devices, 0.02)
        self._same = np.zeros(devices)  # how often the value was repeated
        self._spikes = np.zeros(devices)
        self._seen_s = np.zeros(devices)  # the end of the slot of each one's last value
        self._since_s = np.zeros(devices)  # since when it stands
        self._stood_s = np.zeros(devices)  # and for how long, silences bounded

    @property
    def still(self) -> np.ndarray:
        """Sensors that have sent the same value several times and may be stuck."""
        return self._same >= _STILL_SLOTS

    def take(
        self, ended_s: int, pressures: Array, outvoted: np.ndarray | None = None, passed: int = 1
    ) -> tuple[Array, np.ndarray, np.ndarray]:
        """Return (pressures without spikes, stuck sensors, spiking sensors) of the slot that ended.

        `outvoted`: sensors whose value a single reading could not have made; None: no sensor. `passed`: slots since the
        one before.
        """
        there = ~np.isnan(pressures)
        moved = np.abs(pressures - self._last)
        compared = ~np.isnan(moved)
        step = np.where(compared, moved, 0.0)
        limit = self._sigmas * np.maximum(self._step, _LEAST_MPA)
        far, waiting = step > limit, ~np.isnan(self._held)
        self._spikes = self._spikes * self._fade**passed
        good, teaches = there, compared
        if np.count_nonzero(far | waiting):
            agrees = waiting & there & (np.abs(pressures - self._held) <= limit)
            jumps = far & ~agrees if outvoted is None else far & ~agrees & ~outvoted
            self._spikes += waiting & there & ~jumps & ~agrees  # it came back
            self._held = np.where(jumps, pressures, np.where(there, np.nan, self._held))
            good = there & ~jumps
            teaches = good & compared & ~agrees & ~far
        self._step += _SPREAD_SHARE * np.where(teaches, np.minimum(step, 3 * self._step) * 1.2533 - self._step, 0)
        repeats = compared & (step < _SAME_MPA)
        another = there & ~repeats
        self._same = np.where(another, 0, self._same + repeats)
        stood_s = self._stood_s + repeats * np.minimum(ended_s - self._seen_s, max(_SILENT_S, self._slot_s))
        self._stood_s = np.where(another, 0.0, stood_s)
        self._since_s = np.where(another, ended_s - self._slot_s, self._since_s)
        self._seen_s = np.where(there, ended_s, self._seen_s)
        self._last = np.where(good, pressures, self._last)
        clean = pressures if good is there else np.where(good, pressures, np.nan)
        stuck = (self._same >= _STILL_SLOTS) & (self._stood_s >= self._stuck_s)
        return clean, stuck, self._spikes >= self._most_spikes

    def told(self, number: int, ended_s: int, *, stuck: bool) -> Told:
        """Return what is to be said of a sensor that is stuck, or else has spikes."""
        if stuck:
            seen, since = float(self._last[number]), datetime.fromtimestamp(self._since_s[number], UTC)
            body = Reason(
                f"预期读数有波动，实测一直为 {seen:.3f} MPa", f"values that vary expected, always {seen:.3f} MPa seen"
            )
            return Told(body=body, seen=seen, since=since)
        spikes, most = int(np.ceil(self._spikes[number])), int(self._most_spikes) - 1
        until = county_time(datetime.fromtimestamp(ended_s, UTC))
        body = Reason(
            f"{until.zh} 前一天内出现 {spikes} 次单个读数突跳，预期不多于 {most} 次",
            f"no more than {most} one-sample spikes a day expected, {spikes} seen in the day before {until.en}",
        )
        return Told(body=body)
