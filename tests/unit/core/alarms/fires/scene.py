"""A site on a table top: fires, people and a clock that only moves when told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from services.core.alarms.fires.site import FireAct, FireHappening, FireKey, SiteFires, apply, dismissed
from services.core.alarms.ledger.record import evidence_from_json, evidence_to_json, memory_from_json, memory_to_json
from services.core.alarms.life.happenings import Act, ActKind, Evidence, EvidenceKind, Finding, Reset, SiteWindow, Tick
from services.core.alarms.life.lifecycle import due_at, step
from services.core.alarms.life.model import Alarm, OutcomeKind, Policy, Step
from services.core.words import Category, Confidence, Part, Reason, Severity, Verification

START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)
WHY = Reason("测试", "test")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def fire(
    component: str = "d1",
    device: str = "p1",
    part: Part | None = None,
    *,
    manual: bool = False,
    active: bool = True,
    late_min: int = 0,
    ts: datetime | None = None,
) -> Finding:
    default = Part.DETECTOR if component else Part.PANEL
    return Finding(
        code="fire",
        category=Category.FIRE,
        severity=Severity.CRITICAL,
        reason=WHY,
        active=active,
        device=device,
        component=component,
        cause="fire",
        ts=ts,
        late_min=late_min,
        confidence=Confidence.CONFIRMED if manual else Confidence.SUSPECTED,
        part=part or (Part.CALL_POINT if manual and component else default),
        manual=manual,
    )


class Scene:
    """One site under one policy; `told` collects (seconds since start, notice type, place)."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.site = SiteFires("site:1")
        self.now = START
        self.told: list[tuple[float, str, str]] = []
        self.notices: list[tuple[str, str, bool]] = []
        self.closed: list[Alarm] = []
        self._incidents = count(1)

    def happen(self, happening: FireHappening) -> tuple[Step, ...]:
        done = apply(self.site, happening, self.now, self.policy, lambda: f"i{next(self._incidents)}")
        self.site = done.site
        for taken in done.steps:
            assert taken.alarm is None or taken.alarm.fire
            for notice in taken.notices:
                assert taken.alarm is not None
                place = f"{taken.alarm.device}/{taken.alarm.component}"
                self.told.append(((self.now - START).total_seconds(), notice.type.value, place))
                self.notices.append((taken.alarm.incident_id or "", notice.type.value, notice.drill))
            if taken.alarm is not None and not taken.alarm.open:
                self.closed.append(taken.alarm)
        return done.steps

    def fire(self, component: str = "d1", device: str = "p1", part: Part | None = None, **how: bool) -> Alarm:
        self.happen(fire(component, device, part, **how))
        return self.alarm(component, device)

    def fire_as(self, component: str, device: str = "p1") -> None:
        """Report a fire under whatever name."""
        self.happen(fire(component, device))

    def support(self, component: str = "x", device: str = "p1", part: Part = Part.OTHER) -> None:
        self.happen(Evidence(self.now, EvidenceKind.SUPPORT, device, component, part, WHY))

    def over(self, component: str = "d1", device: str = "p1") -> None:
        self.happen(fire(component, device, active=False))

    def reset(self, component: str = "", device: str = "p1") -> None:
        self.happen(Reset(device, component, WHY))

    def window(self, minutes: float) -> None:
        self.happen(SiteWindow(self.now + seconds(60 * minutes)))

    def act(
        self, kind: ActKind, component: str = "d1", device: str = "p1", verdict: Verification | None = None
    ) -> Step:
        return self.happen(FireAct(FireKey(device, component), Act(kind, "duty", verdict, note="n")))[0]

    def verify(self, verdict: str, component: str = "d1", device: str = "p1") -> Step:
        return self.act(ActKind.VERIFY, component, device, Verification(verdict))

    def correct(self, verdict: str, component: str = "d1", device: str = "p1") -> bool:
        """Correct the verdict on the last fire of the place that is over, as the ledger does; False: there is none."""
        places = [(one.device, one.component) for one in self.closed]
        if (device, component) not in places:
            return False
        number = len(places) - 1 - places[::-1].index((device, component))
        wanted = Act(ActKind.CORRECT, "duty", Verification(verdict), note="n")
        done = step(self.closed[number], wanted, self.now, self.policy)
        if done.outcome.kind is not OutcomeKind.CORRECTED or done.alarm is None:
            return False
        self.closed[number] = done.alarm
        self.told += [
            ((self.now - START).total_seconds(), one.type.value, f"{device}/{component}") for one in done.notices
        ]
        self.notices += [(done.alarm.incident_id or "", one.type.value, one.drill) for one in done.notices]
        if (gone := dismissed(done.alarm)) is not None:
            self.happen(gone)
        return True

    def wait(self, duration_s: float) -> None:
        """Let time pass, ticking exactly when something is due."""
        end = self.now + seconds(duration_s)
        while (due := self.due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.happen(Tick())
        self.now = end

    def due(self) -> datetime | None:
        return min(filter(None, map(due_at, self.site.alarms.values())), default=None)

    def restart(self) -> None:
        """Store everything as JSON and read it back."""
        alarms = {}
        for key, alarm in self.site.alarms.items():
            again, _ = memory_from_json(memory_to_json(alarm.memory))
            assert again == alarm.memory
            alarms[key] = replace(alarm, memory=again)
        evidence, _ = evidence_from_json(evidence_to_json(self.site.evidence))
        self.site = replace(self.site, alarms=alarms, evidence=evidence)

    def alarm(self, component: str = "d1", device: str = "p1") -> Alarm:
        return self.site.alarms[FireKey(device, component)]

    def types(self) -> list[str]:
        return [kind for _, kind, _ in self.told]
