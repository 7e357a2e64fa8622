"""A network of hydrants watched as one: burst, draw, decoupled, sensor, told apart by which others moved.

Source: design study. Fed by `fleet`, one slot at a time. Promises that an event is not learned
as the new expectation while it stands. Cost: about 5 us a reading at 100 hydrants. Cold start: silent for `learn_days`,
of a hydrant that starts later for as long after its first reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.alerts.detectors.burst import BurstWatch
from services.alerts.detectors.course import COURSE_S, Expected
from services.alerts.detectors.departure import Departure
from services.alerts.detectors.expectation import Array, Expectation, zeroed
from services.alerts.detectors.finding import EarlyWarning, Told
from services.alerts.detectors.following import Following
from services.alerts.detectors.group import Group, Scores
from services.alerts.detectors.hours import Hours
from services.alerts.detectors.instrument import Instruments
from services.alerts.detectors.night import Nights
from services.alerts.detectors.onset import Onset
from services.alerts.detectors.reach import Reach
from services.alerts.detectors.singles import Hydrant, Pressures, Singles
from services.alerts.detectors.whitening import Whitening
from services.core.rules.catalog_early import NUMBERS, Numbers
from services.core.words import Reason

_DAY_S: Final = 86_400
_ALONE_SHARE: Final = 0.5  # of its deviation must be its own, independent of all others'
_UPSET_SHARE: Final = 0.125  # when this share of the hydrants deviates, no single hydrant gets a verdict
_UPSET_SIGMAS: Final = 3.0
_SINGLES: Final = ("water_draw", "hydrant_decoupled")
_LEAK_NEIGHBOURS: Final = 5  # a slow leak reaches fewer hydrants than a burst does, itself included
_MOST_PASSED_S: Final = 4 * 3600  # that a silence of the whole network counts: who heard nothing has not learned
_FROZEN_C: Final = 1.0  # of its water: below it a hydrant that does not follow its mains is most likely frozen
_LEAST_MEASURED: Final = 3  # hydrants of a slot: fewer have no neighbours to be compared with


class MainsDetector:
    """All water detectors of one group of hydrants."""

    MEMORY: Final = (
        "_instruments",
        "_expected",
        "_hours",
        "_group",
        "_onset",
        "_burst",
        "_following",
        "_nights",
        "_singles",
        "_slots",
        "_first",
        "_departure",
        "_reach",
        "_low",
        "_away",
        "_ended_s",
    )

    def __init__(self, hydrants: Sequence[Hydrant], slot_s: int, all_numbers: Numbers = NUMBERS) -> None:
        numbers = all_numbers["water_burst"]
        day, devices = _DAY_S // slot_s, len(hydrants)
        self._draw, self._decoupled = all_numbers["water_draw"], all_numbers["hydrant_decoupled"]
        self._learn_slots = numbers["learn_days"] * day
        self._instruments = Instruments(devices, day, all_numbers["sensor_fault"])
        self._expected = Expectation(devices, int(numbers["factors"]), day, numbers["memory_days"])
        self._hours = Hours(devices)
        places = [item.place for item in hydrants]
        self._group = Group(places, int(numbers["neighbours"]), numbers["ewma"], day)
        self._onset = Onset(places, int(numbers["onset_neighbours"]), slot_s, numbers["memory_days"])
        self._burst = BurstWatch(hydrants, self._group.near, self._onset.near, slot_s, numbers)
        self._following = Following(devices, slot_s, all_numbers["hydrant_decoupled"])
        self._nights = Nights(devices, all_numbers["water_leak"])
        self._singles = Singles(hydrants, max(1, round(numbers["calm_min"] * 60 / slot_s)))
        self._whitening: Whitening | None = None  # of the day
        self._slots = 0  # of time since the first
        self._slot_s = slot_s
        self._ended_s = 0  # of the last slot
        self._nothing = np.full(devices, np.nan)  # what is expected before anything was learned
        self._first = np.full(devices, np.inf)  # slot of each one's first reading
        self._first_day = day
        self._all_heard = False
        self._grown = np.inf  # slot from which none is young
        self._departure = Departure(devices, slot_s)
        self._reach = Reach(devices)
        self._low = np.zeros(devices, dtype=np.intp)  # slots in a row far below
        self._away = np.zeros(devices, dtype=np.intp)  # slots of time far away, slowly
        self._away_slots = self._decoupled["away_h"] * 3600 / slot_s
        self._course: deque[tuple[int, NDArray[np.float32], NDArray[np.float32]]] = deque(maxlen=COURSE_S // slot_s)

    def take(
        self,
        ended_s: int,
        pressures: Array,
        used: frozenset[int],
        outvoted: NDArray[np.bool_] | None = None,
        water_c: Callable[[int, int], float | None] | None = None,
    ) -> list[EarlyWarning]:
        """Take the slot that ended; `used` are the devices whose own flow or cap says that water is drawn.

        `outvoted` are those whose value no single reading could have made; None: nobody's. `water_c` returns the last
        temperature of a hydrant's water (°C) at a time, None where it is not known.
        """
        passed = self._passed(ended_s)
        clean, stuck, spiking = self._instruments.take(ended_s, pressures, outvoted, passed)
        still = self._instruments.still
        if np.count_nonzero(still):
            clean = np.where(still, np.nan, clean)
        if not self._all_heard:
            self._first = np.where(np.isnan(clean), self._first, np.minimum(self._first, self._slots))
            newest = float(self._first.max())
            self._all_heard, self._grown = newest < np.inf, newest + self._learn_slots
        slot = Pressures(datetime.fromtimestamp(ended_s, UTC), clean, self._nothing)
        faulty = stuck | spiking
        found = self._singles.weigh(
            "sensor_fault",
            faulty,
            faulty,
            slot,
            passed,
            lambda number: self._instruments.told(number, ended_s, stuck=bool(stuck[number])),
        )
        if self._expected.ready and np.count_nonzero(~np.isnan(clean)) >= _LEAST_MEASURED:
            found += self._compare(
                ended_s, slot, used, passed, lambda number: self._cause(number, water_c and water_c(number, ended_s))
            )
        if self._expected.learn(clean, frozen=self._burst.frozen):
            self._whitening = None
        self._slots += passed
        return found

    def _passed(self, ended_s: int) -> int:
        """Return how many slots of time a slot counts: those without any reading before it too, within bounds."""
        before, self._ended_s = self._ended_s, ended_s
        slots = (min(ended_s - before, _MOST_PASSED_S) if before else 0) // self._slot_s
        return max(1, slots)

    def _cause(self, number: int, water_c: float | None) -> Told:
        """Return what keeps a hydrant from following its mains, most likely."""
        if water_c is not None and water_c <= _FROZEN_C:
            return Told(
                cause=Reason(f"可能已冻结（水温 {water_c:.1f} °C）", f"probably frozen: water at {water_c:.1f} °C")
            )
        if number in self._singles.standing("sensor_fault"):
            return Told(cause=Reason("可能是传感器故障", "probably its sensor, which is flagged"))
        if water_c is None:
            cause = Reason(
                "可能是阀门关闭、堵塞或冻结（无水温）", "valve closed, blocked or frozen: no water temperature"
            )
            return Told(cause=cause)
        return Told(cause=Reason("可能是阀门关闭或堵塞", "probably its valve is closed, or it is blocked"))

    def _compare(
        self, ended_s: int, slot: Pressures, used: frozenset[int], passed: int, cause: Callable[[int], Told]
    ) -> list[EarlyWarning]:
        """Compare the measured values with what all others explain."""
        residual, explained = self._expected.residuals(slot.seen)
        against = self._expected.of_others(residual)
        if against is not residual:
            explained = np.where(np.isnan(residual), explained, slot.seen - against)
            residual = against
        slot = Pressures(slot.at, slot.seen, explained)
        frozen = self._burst.frozen
        left = self._hours.remove(residual, ended_s, frozen=frozen)
        learning = self._slots < self._learn_slots
        young = None if learning else self._young
        usual = explained + zeroed(residual - left) + self._group.usual[0]
        if self._whitening is None:
            self._whitening = Whitening(self._expected.eigen, self._expected.uncertain)
        mean, uncertain = self._expected.mean, self._expected.uncertain
        held = self._whitening.held(slot.seen - mean)
        shares = self._whitening.rotated(held)
        missing = np.isnan(slot.seen)
        if np.count_nonzero(missing):
            shares = np.where(missing, np.nan, shares)
        scores = self._group.score(left, shares, frozen=frozen, young=young)
        sudden = self._onset.take(ended_s, held + mean, mean, uncertain, frozen=frozen, young=young)
        self._course.append((ended_s, usual.astype(np.float32), self._group.usual[1].astype(np.float32)))
        apart = self._following.take(slot.seen, explained)
        told = shares if young is None else np.where(young, 0.0, shares)
        leaks = self._nights.take(told, ended_s, self._group.near[:, :_LEAK_NEIGHBOURS])
        steep = self._departure.take(slot.seen, residual, scores.own)
        deviating = np.count_nonzero(np.abs(scores.own) > _UPSET_SIGMAS)
        upset = bool(deviating > max(_LEAST_MEASURED, len(apart) * _UPSET_SHARE))
        strayed = self._reach.take(scores.size, ended_s)
        if not (upset or self._burst.stands):
            standing = [number for code in _SINGLES for number in self._singles.standing(code)]
            self._reach.learn(strayed, learning or (young is not None and young), standing)
        if learning:
            self._burst.learn(scores, sudden, ended_s)
            return []
        found = self._burst.weigh(scores, sudden, slot, ended_s, used, passed=passed)
        if found and self._burst.became_normal:
            self._group.accept()
        far = strayed >= self._decoupled["beyond_quiet"] * self._reach.farthest
        begins, holds = self._cut_off(scores, apart, steep, far, passed, upset=upset)
        found += self._singles.weigh("hydrant_decoupled", begins & ~missing, holds, slot, passed, cause)
        far = strayed >= self._draw["beyond_quiet"] * self._reach.farthest
        drawn, holds = self._drawn(scores, used, apart, steep & far & ~missing, upset=upset)
        found += self._singles.weigh("water_draw", drawn, holds, slot, passed)
        self._reach.tell(strayed, [number for code in _SINGLES for number in self._singles.standing(code)], used)
        return found + [self._singles.say("water_leak", number, slot, active=active) for number, active in leaks]

    def course(self, number: int) -> list[Expected]:
        """Return what was expected of late of a hydrant's pressure, MPa."""
        return [Expected(at_s, float(usual[number]), float(spread[number])) for at_s, usual, spread in self._course]

    @property
    def _young(self) -> NDArray[np.bool_] | None:
        """Hydrants that started later than the network and have learned for less time; None: there are none."""
        if self._slots >= self._grown:
            return None
        late = self._first > self._first_day / 4
        young: NDArray[np.bool_] = late & (self._slots - self._first < self._learn_slots)
        return young

    def _cut_off(
        self, scores: Scores, apart: np.ndarray, steep: np.ndarray, far: np.ndarray, passed: int, *, upset: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (hydrants that are cut off from their mains, hydrants that still look so).

        `far` are those that have strayed farther than on their own quiet days.
        """
        least, most = self._decoupled["sigmas"], self._decoupled["away_sigmas"]
        size, alone = np.abs(scores.own), np.abs(scores.alone)
        away = (size > most) & (alone > _ALONE_SHARE * most) & ~steep & far
        self._away = np.where(away, self._away + np.where(self._away, passed, 1), 0)
        begins = (apart & (size > least) & (alone > _ALONE_SHARE * least) & far) | (self._away >= self._away_slots)
        if upset:  # caused by the mains themselves
            begins[:] = False
        begins[list(self._burst.members)] = False  # the event that lowered them speaks for them
        return begins, begins | apart | (size > most / 2)

    def _drawn(
        self, scores: Scores, used: frozenset[int], apart: np.ndarray, steep: np.ndarray, *, upset: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (hydrants in draw, hydrants that still look so): alone below, or in use by their own flow."""
        sigmas = self._draw["sigmas"]
        # below by its own doing, not by the effect of tanks and pumps, which others share; and at one blow
        low = (scores.own < -sigmas) & (scores.alone < -_ALONE_SHARE * sigmas) & steep
        self._low = np.where(low, self._low + 1, 0)
        drawn: np.ndarray = self._low >= self._draw["slots"]
        if upset or np.count_nonzero(drawn) > 1:  # caused by the mains themselves
            drawn[:] = False
        if used:
            drawn[list(used)] = True
        drawn &= ~apart
        if self._burst.stands:  # the event speaks for all
            drawn[:] = False
        return drawn, drawn | (scores.own < -sigmas / 2)
