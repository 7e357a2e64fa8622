"""One event of the mains: which hydrants fall together, by how much, and where the event most likely is.

Source: design study (corroboration). Used by `mains`. What is below by now (`group`) and what fell just now (`onset`)
are judged beside each other. Promises one warning from its beginning to its end: it is over when its deepest members
are back for `calm_min`, or after `longest_h`, when it is the new normal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from services.alerts.detectors.expectation import Array, lowest
from services.alerts.detectors.finding import EarlyWarning, Place, tell_since
from services.alerts.detectors.group import Scores
from services.alerts.detectors.onset import Sudden
from services.alerts.detectors.restless import Restless
from services.alerts.detectors.singles import Hydrant, Pressures
from services.alerts.detectors.watchfulness import Watchfulness
from services.core.rules.catalog_early import EARLY
from services.core.words import Reason

_CODE: Final = "water_burst"
_MEMBERS_NAMED: Final = 50
_CORE: Final = 5  # the deepest members say whether an event is over
_RISEN_SHARE: Final = 0.8  # a burst lowers pressure; pumps and tanks lower it here and raise it as much elsewhere
_DAY_S: Final = 86_400
_LATELY_S: Final = 2 * _DAY_S  # of the share of time for which events stood
_MOST_STOOD: Final = 0.7  # of it: a network that is mostly in events has changed, and is learned again


class BurstWatch:
    """The event of a group of hydrants, if there is one."""

    MEMORY: Final = (
        "_watchful",
        "_watchful_onset",
        "_restless",
        "_restless_onset",
        "_calm",
        "_stood",
        "_lately",
        "_members",
        "_area",
        "became_normal",
    )

    def __init__(
        self,
        hydrants: Sequence[Hydrant],
        near: np.ndarray,
        onset_near: np.ndarray,
        slot_s: int,
        numbers: Mapping[str, float],
    ) -> None:
        self._hydrants, self._near, self._onset_near = hydrants, near, onset_near
        self._group = "net-" + hashlib.blake2s(hydrants[0].code.encode(), digest_size=3).hexdigest()
        self._numbers = numbers
        share = numbers["false_share"]
        self._watchful = Watchfulness(numbers["least_sigmas"], numbers["most_sigmas"], share)
        self._watchful_onset = Watchfulness(numbers["onset_least_sigmas"], numbers["onset_most_sigmas"], share)
        self._restless = Restless(slot_s, numbers["memory_days"])
        self._restless_onset = Restless(slot_s, numbers["memory_days"])
        self._calm_slots = max(1, round(numbers["calm_min"] * 60 / slot_s))
        self._longest_slots = numbers["longest_h"] * 3600 / slot_s
        self._calm = 0
        self._stood = 0
        self._lately = 0.0  # for what share of the last days events stood
        self._lately_share = slot_s / _LATELY_S
        self._members: tuple[int, ...] = ()
        self._area = ""
        self.became_normal = False  # the event that ended with this slot lasted too long, and is not over

    @property
    def stands(self) -> bool:
        """Whether an event is open."""
        return bool(self._members)

    @property
    def members(self) -> tuple[int, ...]:
        """Whom the open event lowered, the deepest first."""
        return self._members

    @property
    def frozen(self) -> bool:
        """Whether nothing is to be learned: an event is open, and it is no longer the usual state of the network."""
        return bool(self._members) and self._lately < _MOST_STOOD

    def learn(self, scores: Scores, sudden: Sudden | None, ended_s: int) -> None:
        """Take a slot from the learning time: it only shows how restless this network is."""
        scores, sudden = self._by_the_hour(scores, sudden, ended_s)
        self._watchful.note(-lowest(scores.shared), ended_s // _DAY_S)
        if sudden is not None:
            self._watchful_onset.note(-lowest(sudden.shared), ended_s // _DAY_S)

    def weigh(
        self,
        scores: Scores,
        sudden: Sudden | None,
        slot: Pressures,
        ended_s: int,
        used: frozenset[int],
        *,
        passed: int = 1,
    ) -> list[EarlyWarning]:
        """Take a slot; return events that began or are over. What falls suddenly begins one too, but ends none.

        `passed` slots after the one before.
        """
        scores, sudden = self._by_the_hour(scores, sudden, ended_s)
        self._lately += min(1.0, self._lately_share * passed) * (self.stands - self._lately)
        limit, near, least = self._watchful.limit, self._near, -self._numbers["member_sigmas"]
        deepest = self._deepest(self._watchful, scores.shared, ended_s)
        fallen = 0.0 if sudden is None else self._deepest(self._watchful_onset, sudden.shared, ended_s)
        if self.stands:
            return self._look_for_the_end(scores, slot, limit, passed)
        low, alone, shared = np.minimum(scores.own, scores.alone) < least, scores.alone, scores.shared
        if deepest <= max(limit, _RISEN_SHARE * scores.risen) or not self._corroborated(low, shared, near):
            limit, near, deepest = self._watchful_onset.limit, self._onset_near, fallen
            if sudden is None or deepest <= max(limit, _RISEN_SHARE * sudden.risen):
                return []
            low, alone, shared = sudden.alone < least, sudden.alone, sudden.shared
            if not self._corroborated(low, shared, near):
                return []
        worst = int(shared.argmin())
        numbers = np.flatnonzero(low)
        order = numbers[np.argsort(scores.own[numbers], kind="stable")]
        self._members = tuple(int(number) for number in order[:_MEMBERS_NAMED])
        self._area = self._hydrants[worst].area
        self._calm = self._stood = 0
        drop_mpa = float(np.nan_to_num(slot.expected - slot.seen)[order].max())
        sure = "high" if deepest > 1.5 * limit else "fair"
        end = tell_since(slot.at, sure)
        own, own_en = (
            ("；其中有消火栓自身在用水", "; one of them is in use itself") if used & set(self._members) else ("", "")
        )
        reason = Reason(
            f"{len(order)} 个消火栓低于全网预期，最大 {drop_mpa:.3f} MPa"
            f"（偏离 {deepest:.1f}，限 {limit:.1f}）{own}{end.zh}",
            f"{len(order)} hydrants below what the network explains, by up to {drop_mpa:.3f} MPa "
            f"(deviation {deepest:.1f}, limit {limit:.1f}){own_en}{end.en}",
        )
        said = self._say(slot, reason, self._centre(alone, near[worst]), active=True)
        fallen = int(order[np.nan_to_num(slot.expected - slot.seen)[order].argmax()])
        expected, seen = round(float(slot.expected[fallen]), 4), float(slot.seen[fallen])
        return [
            said._replace(expected=expected, seen=None if np.isnan(seen) else round(seen, 4), unit="MPa", sure=sure)
        ]

    def _by_the_hour(self, scores: Scores, sudden: Sudden | None, ended_s: int) -> tuple[Scores, Sudden | None]:
        """Return both against how restless the network usually is at this hour; an event does not teach it."""
        by = self._restless.factor(ended_s)
        if not self.frozen:
            self._restless.note(scores.shared, ended_s)
        scores = scores._replace(shared=scores.shared / by, risen=scores.risen / by)
        if sudden is not None:
            by = self._restless_onset.factor(ended_s)
            if not self.frozen:
                self._restless_onset.note(sudden.shared, ended_s)
            sudden = sudden._replace(shared=sudden.shared / by, risen=sudden.risen / by)
        return scores, sudden

    def _deepest(self, watchful: Watchfulness, shared: Array, ended_s: int) -> float:
        deepest = -lowest(shared)
        watchful.note(watchful.limit if self.stands else min(deepest, watchful.limit), ended_s // _DAY_S)
        return deepest

    def _corroborated(self, low: np.ndarray, shared: Array, near: np.ndarray) -> bool:
        """Whether enough hydrants are low, and not the worst alone among those around it."""
        around = np.count_nonzero(low[near[int(shared.argmin())]])
        return bool(np.count_nonzero(low) >= self._numbers["members"] and around >= min(2, near.shape[1]))

    def _look_for_the_end(self, scores: Scores, slot: Pressures, limit: float, passed: int) -> list[EarlyWarning]:
        self._stood += passed
        self.became_normal = False
        depth = -float(scores.shared[list(self._members[:_CORE])].mean())
        calm = self._calm + passed if self._calm else 1
        self._calm = calm if depth < limit / 3 else 0
        if self._calm < self._calm_slots and self._stood < self._longest_slots:
            return []
        if self._calm >= self._calm_slots:
            reason = Reason("水压恢复到预期范围", "pressures are back in the expected range")
        else:
            self.became_normal = True
            reason = Reason("持续过久，作为新的常态", "it has lasted too long and counts as the new normal")
        over = self._say(slot, reason, None, active=False)
        self._members = ()
        return [over]

    def _say(self, slot: Pressures, reason: Reason, place: Place | None, *, active: bool) -> EarlyWarning:
        members = tuple(self._hydrants[number].code for number in self._members)
        severity = EARLY[_CODE].severity
        return EarlyWarning(_CODE, slot.at, severity, self._area, reason, active, None, members, place, self._group)

    def _centre(self, alone: Array, near: np.ndarray) -> Place | None:
        """Return the centre of these neighbours, weighted by how far each is down by itself."""
        those = [(number, self._hydrants[number].place) for number in dict.fromkeys(near.tolist())]
        placed = [(number, place) for number, place in those if place is not None]
        if not placed:
            return None
        depths = {number: max(0.0, -float(alone[number])) for number, _ in placed}
        least = 0.6 * max(depths.values())
        weights = [max(0.0, depths[number] - least) ** 2 + 1e-9 for number, _ in placed]
        total = sum(weights)
        lon = sum(weight * place.lon for weight, (_, place) in zip(weights, placed, strict=True)) / total
        lat = sum(weight * place.lat for weight, (_, place) in zip(weights, placed, strict=True)) / total
        return Place(round(lon, 6), round(lat, 6))
