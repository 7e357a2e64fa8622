"""One alarm that is no fire, and its clock. Used by the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

from services.core.alarms.ledger.record import memory_from_json, memory_to_json
from services.core.alarms.life.happenings import Act, ActKind, Finding, Happening, Situation, Tick
from services.core.alarms.life.lifecycle import due_at, step
from services.core.alarms.life.model import Alarm, Policy, Step
from services.core.words import Category, Severity
from tests.unit.core.alarms.fires.scene import START, WHY, seconds

RAISED, UPDATED, CLEARED = "alarm.raised", "alarm.updated", "alarm.cleared"


def condition(severity: str = "major", *, active: bool = True, cause: str = "c", **about: object) -> Finding:
    base = Finding(
        code="hydrant_pressure_low",
        category=Category.WATER,
        severity=Severity(severity),
        reason=WHY,
        active=active,
        device="h1",
        cause=cause,
    )
    return replace(base, **about)


class Life:
    """One alarm and its clock; `told` collects (seconds since start, type)."""

    def __init__(self, policy: Policy | None = None, situation: Situation | None = None) -> None:
        self.policy = policy or Policy()
        self.situation = situation or Situation()
        self.alarm: Alarm | None = None
        self.now = START
        self.told: list[tuple[float, str]] = []
        self.outcomes: list[str] = []

    def happen(self, happening: Happening) -> Step:
        done = step(self.alarm, happening, self.now, self.policy, self.situation)
        if done.alarm is not None:
            memory, _ = memory_from_json(memory_to_json(done.alarm.memory))
            assert memory == done.alarm.memory
            self.alarm = replace(done.alarm, memory=memory)
        self.told += [((self.now - START).total_seconds(), notice.type.value) for notice in done.notices]
        self.outcomes.append(done.outcome.kind.value)
        assert done.outcome.reason.zh
        assert done.outcome.reason.en
        return done

    def act(self, kind: str, **about: object) -> Step:
        return self.happen(Act(ActKind(kind), "duty", **about))

    def wait(self, duration_s: float) -> Life:
        end = self.now + seconds(duration_s)
        while self.alarm is not None and (due := due_at(self.alarm)) is not None and due <= end:
            self.now = max(self.now, due)
            self.happen(Tick())
        self.now = end
        return self

    @property
    def state(self) -> str:
        assert self.alarm is not None
        return self.alarm.state.value

    @property
    def version(self) -> int:
        assert self.alarm is not None
        return self.alarm.version

    def types(self) -> list[str]:
        return [kind for _, kind in self.told]


def raised(severity: str = "major", **about: object) -> Life:
    life = Life()
    life.happen(condition(severity, **about))
    return life


OVER = condition(active=False)
