"""Turns the steps of a scenario into cues: which device does what, when. Pure; called by the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.contracts import READING_FIELDS
from services.core.topics import Kind
from simulators.noise import Dice
from simulators.scenario import BadScenario, Scenario, Step
from simulators.twin import Effect, Twin


@dataclass(frozen=True, slots=True)
class Cue:
    """One device's part of a step; `at_s` counts simulated seconds from the start of the fleet."""

    at_s: float
    twin: Twin
    step: Step
    round_end_s: float

    def effect(self, start_s: float) -> Effect:
        """Return the change that begins now, in simulated time."""
        from_s = start_s + self.at_s
        lasts_s = self.step.for_s if self.step.for_s is not None else self.round_end_s - self.at_s
        changes, mains = tuple(self.step.change.items()), self.step.mains or ""
        return Effect(changes, from_s, self.step.ramp_s, from_s + lasts_s, mains)


class Player:
    """The cues of each round of a scenario.

    Raises:
        BadScenario: the fleet lacks devices that the scenario needs.
    """

    def __init__(self, scenario: Scenario, twins: Sequence[Twin], seed: int) -> None:
        self.repeat_s = scenario.repeat_s
        self._scenario = scenario
        self._twins = twins
        self._seed = seed
        for kind, needed in scenario.needs.items():
            have = sum(twin.kind is kind for twin in twins)
            if have < needed:
                raise BadScenario(
                    f"scenario “{scenario.title}” needs {needed} of kind {kind}, the fleet has {have}: ask for more"
                )

    def cues_of_round(self, number: int) -> list[Cue]:
        """Return the cues of round `number` (from 0) in order of time."""
        offset_s = number * (self.repeat_s or 0.0)
        end_s = offset_s + self.repeat_s if self.repeat_s is not None else float("inf")
        cues: list[Cue] = []
        for index, step in enumerate(self._scenario.step):
            for twin in self._targets(step):
                later_s = Dice(self._seed, "spread", index, twin.code).unit() * step.spread_s
                cues.append(Cue(offset_s + step.at_s + later_s, twin, step, end_s))
        return sorted(cues, key=lambda cue: cue.at_s)

    def _targets(self, step: Step) -> list[Twin]:
        on = step.on
        chosen = [
            twin
            for twin in self._twins
            if (on.kind is None or twin.kind is on.kind)
            and (not on.numbers or twin.number in on.numbers)
            and (on.area is None or twin.place.area == on.area)
            # the same devices in every round and in every step with the same share
            and Dice(self._seed, "share", twin.code).unit() < on.share
        ]
        if step.mains:
            chosen = [twin for twin in chosen if twin.kind is Kind.HYDRANT and twin.traits.stands is not None]
        if step.change and on.kind is None:
            chosen = [twin for twin in chosen if any(name in READING_FIELDS[twin.kind] for name in step.change)]
        return chosen
