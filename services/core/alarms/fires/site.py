"""The fires of one site, judged together: confidence, incident, and which of them carries `fire.confirmed`.

Called by the ledger under the site's lock with the site's open fires and its recent evidence.
Pure; promises that every fire that nobody judged has a running clock or a notice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from services.core.alarms.fires.judging import Scales
from services.core.alarms.life.components import normal_component
from services.core.alarms.life.happenings import (
    Act,
    Dismissed,
    Evidence,
    EvidenceKind,
    Finding,
    Happening,
    Parted,
    Reset,
    SiteWindow,
    Situation,
    Tick,
    Uncovered,
)
from services.core.alarms.life.lifecycle import step
from services.core.alarms.life.model import Alarm, Policy, Step
from services.core.words import Confidence, NoticeType, Part, Verification

_MOST_SUPPORT = 50
"""Supporting reports of one part that are kept: one is enough, and thousands would cost every fire of the site."""


class FireKey(NamedTuple):
    """The place of a fire alarm; one open fire for each. `component` is in its normal form."""

    device: str
    component: str


class FireAct(NamedTuple):
    """A person's act on one fire of the site."""

    key: FireKey
    act: Act


FireHappening = Finding | Evidence | Reset | Tick | SiteWindow | Parted | Dismissed | FireAct


@dataclass(frozen=True, slots=True)
class SiteFires:
    """The fires of one scope and their evidence: a site, or a single device without a site.

    `alarms` are the open fires, `evidence` the reports of the last `Policy.evidence_window_s`, `test_until` the end of
    the site's test window, `test_since` its begin if it is known: what was received earlier is none of the test.
    Store `evidence` as JSON in the row that is the site's lock; the rest is elsewhere.
    """

    scope: str
    alarms: Mapping[FireKey, Alarm] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    test_until: datetime | None = None
    test_since: datetime | None = None


class FireSteps(NamedTuple):
    """The result for the site: its new value, and the steps in order (one alarm may appear twice).

    A step whose alarm has `id` None belongs to an alarm opened in this call: the first such step inserts it. Steps
    that changed nothing and made no notice are left out, except the one that answers the happening itself.
    """

    site: SiteFires
    steps: tuple[Step, ...]


def apply(
    site: SiteFires,
    happening: FireHappening,
    now: datetime,
    policy: Policy,
    new_incident_id: Callable[[], str],
) -> FireSteps:
    """Take the site's fires one step on: a fire report, evidence, a reset, time, a window, or a person's act.

    `new_incident_id` names an incident that does not exist yet; an `incident_id` not seen before is a new one.
    """
    scene = _Scene(site, now, policy, new_incident_id)
    scene.happen(happening)
    return FireSteps(scene.site(), _say_once(scene.steps))


def dismissed(fire: Alarm) -> Dismissed | None:
    """Return what follows for the other fires when this closed one is judged false or a test; None: it is not."""
    if fire.closed_at is None or fire.verification not in (Verification.FALSE, Verification.TEST):
        return None
    return Dismissed(fire.incident_id, fire.device or "", fire.component, fire.closed_at, _carries(fire))


def _say_once(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Keep only the last of several updates about one alarm at one moment: it includes the others."""
    kept: list[Step] = []
    updated: set[tuple[str | None, str]] = set()
    for done in reversed(steps):
        place = ("", "") if done.alarm is None else (done.alarm.device, done.alarm.component)
        others = tuple(notice for notice in done.notices if notice.type is not NoticeType.UPDATED)
        kept.append(done._replace(notices=others) if place in updated else done)
        if len(others) < len(done.notices):
            updated.add(place)
    return tuple(reversed(kept))


class _Scene:
    """The working copy of a site within one `apply`."""

    def __init__(self, site: SiteFires, now: datetime, policy: Policy, new_incident_id: Callable[[], str]) -> None:
        self.alarms = dict(site.alarms)
        since = now - timedelta(seconds=policy.evidence_window_s)
        self.evidence = [item for item in site.evidence if item.at >= since]
        self.steps: list[Step] = []
        self._carriers = Counter(alarm.incident_id for alarm in self.alarms.values() if _carries(alarm))
        self._before = site
        self._test_until = site.test_until
        self._now = now
        self._policy = policy
        self._new_incident_id = new_incident_id
        self._refired = False

    def site(self) -> SiteFires:
        return replace(self._before, alarms=self.alarms, evidence=tuple(self.evidence), test_until=self._test_until)

    def happen(self, happening: FireHappening) -> None:
        match happening:
            case Finding():
                self._find(happening)
            case Evidence():
                self._keep(replace(happening, tested=self._is_tested(happening.at)))
            case SiteWindow():
                self._test_until = happening.until
                self._all(happening)
            case FireAct():
                self._act(happening)
            case Parted():
                self._leave(happening)
            case Dismissed():
                self._dismiss(happening)
            case _:
                self._all(happening)
        self._part()
        self._weigh()

    def _keep(self, item: Evidence) -> None:
        """Keep one report of each sort and place, the newest: a chattering panel does not fill the memory."""
        if item.kind is EvidenceKind.NOTE:
            return
        sort = _sort(item)
        self.evidence = [old for old in self.evidence if _sort(old) != sort]
        alike = [old for old in self.evidence if (old.kind, old.part) == (EvidenceKind.SUPPORT, item.part)]
        if item.kind is EvidenceKind.SUPPORT and len(alike) >= _MOST_SUPPORT:
            self.evidence.remove(alike[0])
        self.evidence.append(item)

    def _find(self, finding: Finding) -> None:
        key = FireKey(finding.device or "", normal_component(finding.component))
        if finding.active:
            self._refired = key not in self.alarms and any(_is_fire_of(item, key) for item in self.evidence)
            self._keep(
                Evidence(
                    at=self._now, kind=EvidenceKind.FIRE, device=key.device, component=finding.component,
                    part=finding.part or Part.OTHER, text=finding.reason,
                    tested=self._is_tested(finding.received_at) and not finding.manual,
                )
            )  # fmt: skip
        self._step(key, finding, always=True)

    def _act(self, wanted: FireAct) -> None:
        before = self.alarms.get(wanted.key)
        self._step(wanted.key, wanted.act, always=True)
        after = self.steps[-1].alarm
        if before is None or after is None or after.open:
            return
        if (gone := dismissed(after)) is not None:
            self._dismiss(gone)

    def _dismiss(self, gone: Dismissed) -> None:
        """Judge again, as an incident of their own, the fires for which the dismissed one had spoken."""
        place = FireKey(gone.device, normal_component(gone.component))
        self.evidence = [item for item in self.evidence if not _is_fire_of(item, place) or item.at > gone.closed_at]
        if gone.spoke and not self._carriers[gone.incident]:
            members = ((key, alarm) for key, alarm in self.alarms.items() if alarm.incident_id == gone.incident)
            self._judge_afresh([key for key, alarm in members if alarm.memory.covered or not alarm.only_tested])

    def _leave(self, parted: Parted) -> None:
        """Judge again, as an incident of their own, the fires for which one spoke that stands at another site now."""
        self.evidence = [item for item in self.evidence if item.device not in parted.gone]
        for incident in parted.incidents - {alarm.incident_id for alarm in self.alarms.values() if _carries(alarm)}:
            left = [key for key, alarm in self.alarms.items() if alarm.incident_id == incident and alarm.memory.covered]
            self._judge_afresh(left, moved=True)

    def _judge_afresh(self, left: Sequence[FireKey], *, moved: bool = False) -> None:
        if left:
            fresh = Uncovered(self._new_incident_id(), afresh=True, moved=moved)
            for key in left:
                self._step(key, fresh)

    def _part(self) -> None:
        """Separate fires that the desk has not heard of from an incident whose `fire.confirmed` is over.

        Only a test window leaves such fires behind; a later notice about them is a fire of its own.
        """
        spoken = {alarm.incident_id for alarm in self._before.alarms.values() if _carries(alarm)}
        for incident in spoken - {alarm.incident_id for alarm in self.alarms.values() if _carries(alarm)}:
            left = [key for key, alarm in self.alarms.items() if alarm.incident_id == incident]
            untold = [key for key in left if not self.alarms[key].memory.covered]
            if untold:
                fresh = Uncovered(self._new_incident_id(), afresh=False)
                for key in untold:
                    self._step(key, fresh)

    def _all(self, happening: Reset | Tick | SiteWindow) -> None:
        for key in list(self.alarms):
            if not isinstance(happening, Reset) or key.device == happening.device:
                self._step(key, happening)

    def _weigh(self) -> None:
        """Weigh the evidence for every fire it can still change, and tell each whether another now speaks for it."""
        moving = [key for key, alarm in self.alarms.items() if not _settled(alarm)]
        if not moving:
            return
        scales = Scales(self.evidence)
        for key in moving:
            self._step(key, scales.judge(self.alarms[key], self._now))
        for key in moving:
            alarm = self.alarms[key]
            if not alarm.memory.covered and self._carried_by_another(alarm.incident_id, key):
                self._step(key, scales.judge(alarm, self._now))

    def _step(self, key: FireKey, happening: Happening, *, always: bool = False) -> None:
        before = self.alarms.get(key)
        done = step(before, happening, self._now, self._policy, self._situation(key, happening))
        if done.alarm is not None and done.alarm.open:
            self.alarms[key] = done.alarm
        elif done.alarm is not None:
            self.alarms.pop(key, None)
        for alarm, change in ((before, -1), (self.alarms.get(key), 1)):
            if alarm is not None and _carries(alarm):
                self._carriers[alarm.incident_id] += change
        if always or done.notices or done.alarm != before:
            self.steps.append(done)

    def _situation(self, key: FireKey, happening: Happening) -> Situation:
        alarm = self.alarms.get(key)
        incident = None if alarm is None else alarm.incident_id
        if isinstance(happening, Finding) and happening.active and not self._alive(incident):
            incident = self._youngest_incident() or self._new_incident_id()
        elif isinstance(happening, Uncovered):
            incident = happening.incident_id
        is_from_before = isinstance(happening, Finding) and not self._is_tested(happening.received_at)
        return Situation(
            incident_id=incident,
            test_until=None if is_from_before else self._test_until,
            covered=self._carried_by_another(incident, key),
            refired=self._refired,
        )

    def _alive(self, incident: str | None) -> bool:
        """Whether a fire may still join the incident.

        The incident had a report lately and, if its `fire.confirmed` went out, the fire that carried it is still open.
        A fire after that one was put out or dismissed is a new fire, and the desk gets it as such.
        """
        members = [alarm for alarm in self.alarms.values() if alarm.incident_id == incident]
        gap = timedelta(seconds=self._policy.incident_gap_s)
        heard = any(self._now - _last_at(alarm) <= gap for alarm in members)
        orphaned = any(alarm.memory.covered for alarm in members) and not any(map(_carries, members))
        return heard and not orphaned

    def _youngest_incident(self) -> str | None:
        newest = sorted(self.alarms.values(), key=_last_at, reverse=True)
        incidents = dict.fromkeys(alarm.incident_id for alarm in newest)
        return next((incident for incident in incidents if self._alive(incident)), None)

    def _carried_by_another(self, incident: str | None, key: FireKey) -> bool:
        """Whether another open fire of the incident carries its `fire.confirmed`."""
        alarm = self.alarms.get(key)
        own = alarm is not None and alarm.incident_id == incident and _carries(alarm)
        return self._carriers[incident] > own

    def _is_tested(self, received_at: datetime | None) -> bool:
        """Whether the test window that is open covers a report: not one from before it that is judged only now."""
        since = self._before.test_since
        in_window = self._test_until is not None and self._now < self._test_until
        return in_window and (since is None or received_at is None or received_at >= since)


def _last_at(alarm: Alarm) -> datetime:
    return alarm.memory.last_at or alarm.opened_at


def _sort(item: Evidence) -> tuple[EvidenceKind, str, str, Part, bool]:
    return item.kind, item.device, normal_component(item.component), item.part, item.tested


def _is_fire_of(item: Evidence, key: FireKey) -> bool:
    return item.kind is EvidenceKind.FIRE and (item.device, normal_component(item.component)) == key


def _settled(alarm: Alarm) -> bool:
    """Whether no evidence can change it: it is confirmed, and the desk knows by this fire or another."""
    return alarm.confidence is Confidence.CONFIRMED and (alarm.memory.covered or _carries(alarm))


def _carries(alarm: Alarm) -> bool:
    return NoticeType.FIRE_CONFIRMED in alarm.memory.sent
