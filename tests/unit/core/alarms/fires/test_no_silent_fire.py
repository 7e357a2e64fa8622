"""No path, however odd, on which a fire that nobody judged ends without a notice.

A machine does anything to a site in any order: reports, repeats, late reports, resets, people's acts, test windows,
maintenance, restarts, time. Beside it a bookkeeper, who knows nothing of how the life cycle works, writes down what
each report is owed and by when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.core.alarms.fires.site import FireKey
from services.core.alarms.life.happenings import ActKind, Grouped, OutOfService, SiteWindow, Tick
from services.core.alarms.life.lifecycle import step
from services.core.alarms.life.model import Alarm, OutcomeKind, Policy
from services.core.words import Confidence, NoticeType, Part, State, Verification
from tests.unit.core.alarms.fires.scene import Scene, fire, seconds

PLACES = st.sampled_from([("d1", "p1"), ("d2", "p1"), ("", "p1"), ("", "utd"), ("d3", "p2"), ("wf", "p1")])
LIMIT_S = 180.0
URGENT = {NoticeType.FIRE_CONFIRMED, NoticeType.ESCALATED}


@dataclass(frozen=True)
class Owed:
    """A report that nobody has judged: the desk must hear of its place by `by`."""

    key: FireKey
    since: datetime
    by: datetime
    anew: bool = False  # what the desk heard before does not count: it was of a fire that was dismissed


class SiteUnderStress(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(Policy())
        self.owed: list[Owed] = []
        self.tested: set[FireKey] = set()
        self.excused: set[FireKey] = set()  # tested and over before their window ended
        self.meant: set[FireKey] = set()  # reported outside a test, and not judged since
        self.waiting: dict[FireKey, Owed] = {}  # meant, and its spokesman was dismissed in a test: due after that
        self.window_until: datetime | None = None
        self.heard: list[tuple[datetime, FireKey, str, str]] = []
        self.before: dict[FireKey, Alarm] = {}

    @initialize(suspected_s=st.sampled_from([180.0, 90.0]), probable_s=st.sampled_from([60.0, 20.0]))
    def choose_policy(self, suspected_s: float, probable_s: float) -> None:
        self.scene.policy = Policy(suspected_clock_s=suspected_s, probable_clock_s=probable_s)

    # what the site reports

    @rule(place=PLACES, manual=st.booleans(), late_min=st.sampled_from([0, 0, 45]))
    def report_fire(self, place: tuple[str, str], manual: bool, late_min: int) -> None:
        component, device = place
        key = FireKey(device, component)
        part = Part.WATER_FLOW if component == "wf" else None
        finding = fire(component, device, part, manual=manual, late_min=late_min)
        before = self.scene.site.alarms.get(key)
        self.do(lambda: self.scene.happen(finding))
        now = self.scene.now
        self.excused.discard(key)
        if not manual and self.window_until is not None and now < self.window_until:
            self.tested.add(key)
            if before is None or before.incident_id != self.scene.site.alarms[key].incident_id:
                self.meant.discard(key)  # another fire, of the test alone; the desk has heard of the one before
        else:
            self.meant.add(key)
            self.owed.append(Owed(key, now, now if manual else now + seconds(LIMIT_S)))

    @rule(place=PLACES)
    def report_over(self, place: tuple[str, str]) -> None:
        self.do(lambda: self.scene.over(*place))

    @rule(device=st.sampled_from(["p1", "p2", "utd"]), component=st.sampled_from(["", "", "d1"]))
    def reset(self, device: str, component: str) -> None:
        self.do(lambda: self.scene.reset(component, device))

    @rule(part=st.sampled_from([Part.OTHER, Part.WATER_FLOW]))
    def support(self, part: Part) -> None:
        self.do(lambda: self.scene.support(part=part))

    # what people do

    @rule(place=PLACES, kind=st.sampled_from([kind for kind in ActKind if kind is not ActKind.VERIFY]))
    def act(self, place: tuple[str, str], kind: ActKind) -> None:
        key = FireKey(place[1], place[0])
        was = self.scene.site.alarms.get(key)
        if was is None:
            return
        self.do(lambda: self.scene.act(kind, key.component, key.device))
        if kind in (ActKind.SHELVE, ActKind.UNSHELVE) or (
            kind is ActKind.CLEAR and was.verification is Verification.PENDING
        ):
            assert self.scene.site.alarms[key] == was, "shelving, and clearing an unjudged fire, change nothing"

    @rule(place=PLACES, verdict=st.sampled_from(["real", "false", "test"]))
    def verify(self, place: tuple[str, str], verdict: str) -> None:
        key = FireKey(place[1], place[0])
        if key not in self.scene.site.alarms:
            return
        relying = self.relying_on(key, self.scene.site.alarms[key])
        self.do(lambda: self.scene.verify(verdict, key.component, key.device))
        if verdict == "real":
            assert self.scene.site.alarms[key].memory.sent, "a fire judged real is told at once"
            return
        self.owed = [owed for owed in self.owed if owed.key != key]
        self.tested.discard(key)
        self.meant.discard(key)
        self.waiting.pop(key, None)
        self.owe_who_relied(relying)

    @rule(place=PLACES, verdict=st.sampled_from(["real", "false", "test"]))
    def correct(self, place: tuple[str, str], verdict: str) -> None:
        key = FireKey(place[1], place[0])
        if key in self.scene.site.alarms:
            return
        closed = [one for one in self.scene.closed if (one.device, one.component) == key]
        relying = self.relying_on(key, closed[-1]) if closed and verdict != "real" else set()
        dismissed = bool(closed) and closed[-1].verification is Verification.REAL
        self.do(lambda: self.scene.correct(verdict, *place))
        self.owe_who_relied(relying if dismissed else set())

    def relying_on(self, spokesman: FireKey, was: Alarm) -> set[FireKey]:
        """The fires which the desk has as those of an incident that this one told it of, and not by themselves."""
        told = {(key, kind) for _, key, kind, incident in self.heard if incident == was.incident_id}
        if (spokesman, NoticeType.FIRE_CONFIRMED) not in told:
            return set()
        members = {key for key, one in self.scene.site.alarms.items() if one.incident_id == was.incident_id}
        by_themselves = {key for key, kind in told if kind in URGENT}
        return {key for key, _ in told if key in members} - by_themselves - {spokesman}

    def owe_who_relied(self, relying: set[FireKey]) -> None:
        """Whoever relied on the dismissed one's notice is owed his own from now on."""
        now = self.scene.now
        for other, alarm in self.scene.site.alarms.items():
            owed = Owed(other, now, now + seconds(LIMIT_S), anew=other in relying)
            only_tested = other in (self.tested | self.excused) - (self.meant & relying)
            if only_tested or alarm.verification is not Verification.PENDING or self.paid(owed):
                continue
            if other in self.tested:
                self.waiting[other] = owed
            else:
                self.owed.append(owed)

    @rule(minutes=st.sampled_from([1, 4, 30]))
    def open_window(self, minutes: int) -> None:
        self.window_until = self.scene.now + seconds(60 * minutes)
        self.do(lambda: self.scene.happen(SiteWindow(self.window_until)))

    @rule()
    def end_window(self) -> None:
        self.do(lambda: self.scene.happen(SiteWindow(None)))
        self.window_over(self.scene.now)

    @rule(hours=st.sampled_from([-1, 1, 1000]))
    def maintain_and_group(self, hours: int) -> None:
        for alarm in self.scene.site.alarms.values():
            for happening in (OutOfService(self.scene.now + timedelta(hours=hours)), Grouped("other")):
                done = step(alarm, happening, self.scene.now, self.scene.policy)
                assert (done.alarm, done.notices, done.outcome.kind) == (alarm, (), OutcomeKind.IGNORED)

    # what happens to us

    @rule()
    def restart(self) -> None:
        self.scene.restart()

    @rule()
    def tick_for_nothing(self) -> None:
        self.do(lambda: self.scene.happen(Tick()))

    @rule(duration_s=st.sampled_from([0.5, 19.0, 61.0, 170.0, 290.0, 1000.0, 1900.0]))
    def wait(self, duration_s: float) -> None:
        end = self.scene.now + seconds(duration_s)
        if self.window_until is not None and self.window_until <= end:
            until = self.window_until
            self.do(lambda: self.scene.wait((until - self.scene.now).total_seconds()))
            self.window_over(until)
        self.do(lambda: self.scene.wait((end - self.scene.now).total_seconds()))

    # the bookkeeper

    def do(self, deed: object) -> None:
        told = len(self.scene.told)
        assert callable(deed)
        deed()
        start = self.scene.now - seconds((self.scene.now - _START).total_seconds())
        for (second, kind, place), (incident, _, _) in zip(
            self.scene.told[told:], self.scene.notices[told:], strict=True
        ):
            device, component = place.split("/")
            self.heard.append((start + seconds(second), FireKey(device, component), kind, incident))

    def window_over(self, at: datetime) -> None:
        for key in self.tested:
            alarm = self.scene.site.alarms.get(key)
            by = at + seconds(LIMIT_S)
            if alarm is None or alarm.verification is not Verification.PENDING:
                self.excused.add(key)
            elif key in self.waiting:
                self.owed.append(replace(self.waiting[key], by=by))
            elif alarm.active:
                self.meant.add(key)
                self.owed.append(Owed(key, at, by))
            else:
                self.excused.add(key)
        self.tested.clear()
        self.waiting.clear()
        self.window_until = None

    def paid(self, owed: Owed) -> bool:
        """The desk heard of the place since, or before within the same incident (a fire is not told twice)."""
        alarm = self.scene.site.alarms.get(owed.key)
        return any(
            key == owed.key
            and (at >= owed.since or (not owed.anew and alarm is not None and incident == alarm.incident_id))
            for at, key, _, incident in self.heard
        )

    @invariant()
    def every_unjudged_fire_is_told_in_time(self) -> None:
        self.owed = [owed for owed in self.owed if not self.paid(owed)]  # a later report may begin another incident
        for owed in self.owed:
            assert owed.by > self.scene.now, f"{owed} never reached the desk: {self.heard}"

    @invariant()
    def no_unjudged_fire_is_closed(self) -> None:
        assert all(alarm.verification is not Verification.PENDING for alarm in self.scene.closed)

    @invariant()
    def an_incident_has_one_confirmed(self) -> None:
        confirmed = [incident for _, _, kind, incident in self.heard if kind == NoticeType.FIRE_CONFIRMED]
        assert len(confirmed) == len(set(confirmed))

    @invariant()
    def fields_agree_and_the_version_counts_their_changes(self) -> None:
        for key, alarm in self.scene.site.alarms.items():
            assert (alarm.cleared_at is None) == (alarm.state is State.UNACKNOWLEDGED) or (
                alarm.state in (State.RETURNED, State.ACKNOWLEDGED)
            )
            assert alarm.state is not State.RETURNED or alarm.cleared_at is not None
            assert alarm.escalates_at is None or alarm.escalates_at > self.scene.now
            assert alarm.verification is not Verification.REAL or alarm.confidence is Confidence.CONFIRMED
            before = self.before.get(key)
            if before is not None and before.opened_at == alarm.opened_at:
                assert alarm.version >= before.version
                assert (alarm.version > before.version) or _shown(before) == _shown(alarm)
        self.before = dict(self.scene.site.alarms)

    @invariant()
    def the_clocks_are_wound(self) -> None:
        due = self.scene.due()
        assert due is None or due > self.scene.now - seconds(1) or self.scene.now == _START

    def teardown(self) -> None:
        self.wait(4000.0)
        self.every_unjudged_fire_is_told_in_time()


def _shown(alarm: Alarm) -> tuple[object, ...]:
    return (alarm.state, alarm.severity, alarm.confidence, alarm.verification)


_START = Scene().now
TestSiteUnderStress = SiteUnderStress.TestCase
TestSiteUnderStress.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_the_bookkeeper_notices_a_silenced_fire() -> None:
    """The machine can fail: a clock stopped behind the life cycle's back is found."""
    machine = SiteUnderStress()
    machine.report_fire(("d1", "p1"), manual=False, late_min=0)
    key = FireKey("p1", "d1")
    stopped = replace(machine.scene.site.alarms[key], escalates_at=None)
    machine.scene.site = replace(machine.scene.site, alarms={key: stopped})
    machine.wait(200)
    try:
        machine.every_unjudged_fire_is_told_in_time()
    except AssertionError:
        return
    raise AssertionError("a silenced fire went unnoticed")
