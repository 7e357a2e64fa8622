"""The life of alarms that are not fires: ISA-18.2 states, notices, shelves, grouping, flapping."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.core.alarms.happenings import (
    Act,
    ActKind,
    Finding,
    Grouped,
    Happening,
    OutOfService,
    Reset,
    Situation,
    Tick,
)
from services.core.alarms.lifecycle import due_at, step
from services.core.alarms.model import Alarm, Policy, Step
from services.core.alarms.record import memory_from_json, memory_to_json
from services.core.alarms.words import Category, Reason, Severity, State, Verification
from tests.unit.core.alarms.scene import START, WHY, seconds

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
            memory = memory_from_json(memory_to_json(done.alarm.memory))
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


def test_raise_acknowledge_return_closes() -> None:
    life = raised()
    assert (life.state, life.version) == ("unacknowledged", 1)
    life.act("acknowledge")
    assert (life.state, life.version) == ("acknowledged", 2)
    life.happen(OVER)
    assert (life.state, life.version) == ("closed", 3)
    assert life.types() == [RAISED, CLEARED]


def test_raise_return_acknowledge_closes() -> None:
    life = raised()
    life.happen(OVER)
    assert life.state == "returned"
    life.act("acknowledge")
    assert life.state == "closed"
    assert life.types() == [RAISED, CLEARED]
    assert life.outcomes == ["opened", "returned", "closed"]


def test_a_repeat_changes_nothing_but_the_count() -> None:
    life = raised()
    life.happen(condition())
    life.act("acknowledge")
    life.act("acknowledge")
    life.happen(condition())
    assert life.version == 2
    assert life.outcomes == ["opened", "repeated", "acknowledged", "unchanged", "repeated"]
    assert life.alarm is not None
    assert life.alarm.memory.repeats == 2
    assert life.types() == [RAISED]


@pytest.mark.parametrize(
    ("severity", "told"), [("critical", [RAISED]), ("major", [RAISED]), ("minor", []), ("info", [])]
)
def test_only_major_and_above_is_told(severity: str, told: list[str]) -> None:
    life = raised(severity)
    life.happen(condition(severity, active=False))
    assert life.types() == told + ([CLEARED] if told else [])


def test_a_rise_to_major_is_raised_and_a_later_rise_updated() -> None:
    life = raised("minor")
    life.act("acknowledge")
    life.happen(condition("major", value=2.0))
    assert life.state == "unacknowledged"
    life.happen(condition("critical"))
    life.happen(condition("major"))
    assert life.types() == [RAISED, UPDATED]
    assert life.alarm is not None
    assert life.alarm.severity is Severity.CRITICAL
    assert life.outcomes == ["opened", "acknowledged", "rose", "rose", "repeated"]


def test_nothing_is_cleared_that_was_not_there() -> None:
    life = Life()
    assert [life.happen(each).outcome.kind.value for each in (OVER, Tick(), Reset("h1", "", WHY))] == ["ignored"] * 3
    assert life.alarm is None


def test_an_alarm_returns_with_its_last_cause() -> None:
    life = raised(cause="mains_fault")
    life.happen(condition(cause="battery_fault"))
    life.happen(condition(cause="mains_fault", active=False))
    assert life.state == "unacknowledged"
    life.happen(condition(cause="battery_fault", active=False))
    assert life.state == "returned"
    assert life.outcomes == ["opened", "repeated", "noted", "returned"]


def test_an_end_of_a_cause_nobody_raised_ends_it_too() -> None:
    life = raised(cause="mains_fault")
    life.happen(condition(cause="power_fault", active=False))
    assert life.state == "returned"


def test_a_second_end_changes_nothing() -> None:
    life = raised()
    life.happen(OVER)
    life.happen(OVER)
    assert life.outcomes == ["opened", "returned", "unchanged"]
    assert life.types() == [RAISED, CLEARED]


def test_a_latched_condition_waits_for_a_person_or_a_reset() -> None:
    life = raised(code="arc_fault", latched=True)
    life.happen(condition(code="arc_fault", active=False))
    assert (life.state, life.outcomes[-1]) == ("unacknowledged", "latched")
    life.act("clear")
    assert life.state == "closed"
    assert life.types() == [RAISED, CLEARED]
    again = raised(code="arc_fault", latched=True)
    again.happen(Reset("h1", "", WHY))
    assert again.state == "returned"


@pytest.mark.parametrize(
    ("about", "component", "state"),
    [
        ({}, "", "returned"),
        ({"component": "c1"}, "", "returned"),
        ({"component": "c1"}, "c1", "returned"),
        ({"component": "c1"}, "c2", "unacknowledged"),
        ({}, "c2", "unacknowledged"),
        ({"code": "device_offline"}, "", "unacknowledged"),
        ({"code": "clock_wrong"}, "", "unacknowledged"),
    ],
)
def test_a_reset_ends_what_the_device_reported(about: dict[str, object], component: str, state: str) -> None:
    life = raised(**about)
    life.happen(Reset("h1", component, WHY))
    assert life.state == state


def test_old_news_does_not_undo_newer() -> None:
    life = raised(ts=START)
    older = START - timedelta(hours=1)
    life.happen(condition(active=False, ts=older, late_min=60))
    life.happen(Reset("h1", "", WHY, older, 60))
    assert life.state == "unacknowledged"
    life.happen(condition(active=False, ts=START + seconds(5)))
    life.happen(condition(ts=older, late_min=60))
    assert life.state == "returned"
    assert life.outcomes == ["opened", "stale", "stale", "returned", "stale"]
    life.happen(condition(ts=older))
    assert life.state == "unacknowledged", "a clock set back is no back-fill"


def test_lateness_is_said_in_the_reason() -> None:
    life = raised(late_min=7)
    assert life.alarm is not None
    assert life.alarm.reason == ("测试（迟报 7 分钟）", "test (reported 7 min late)")
    assert Reason("a", "b").with_lateness(0) == ("a", "b")


def test_a_verdict_on_an_ordinary_alarm() -> None:
    real = raised()
    real.act("verify", verdict=Verification.REAL)
    real.act("verify", verdict=Verification.REAL)
    assert (real.state, real.types()) == ("acknowledged", [RAISED, UPDATED])
    real.happen(OVER)
    assert (real.state, real.types()) == ("closed", [RAISED, UPDATED, CLEARED])
    returned = raised()
    returned.happen(OVER)
    returned.act("verify", verdict=Verification.REAL)
    assert (returned.state, returned.types()) == ("closed", [RAISED, CLEARED, UPDATED])
    false = raised()
    false.act("verify", verdict=Verification.FALSE)
    assert (false.state, false.types()) == ("closed", [RAISED, UPDATED, CLEARED])
    quiet = raised("minor")
    quiet.act("verify", verdict=Verification.TEST)
    assert (quiet.state, quiet.types()) == ("closed", [])


@pytest.mark.parametrize(
    ("kind", "about", "field"),
    [
        ("verify", {}, "real, false or test"),
        ("verify", {"verdict": Verification.PENDING}, "real, false or test"),
        ("shelve", {}, "until"),
        ("shelve", {"until": START}, "until"),
        ("shelve", {"until": START + timedelta(days=7, seconds=1)}, "until"),
        ("note", {"note": "  "}, "note"),
    ],
)
def test_a_bad_act_is_refused_with_the_cure(kind: str, about: dict[str, object], field: str) -> None:
    life = raised()
    before = life.alarm
    done = life.act(kind, **about)
    assert done.outcome.kind == "refused"
    assert field in done.outcome.reason.en
    assert life.alarm == before


def test_a_closed_alarm_takes_notes_and_nothing_else() -> None:
    life = raised()
    life.act("clear")
    assert life.act("note", note="seen on site").outcome.kind == "noted"
    refused = [life.act(kind).outcome.kind for kind in ("acknowledge", "verify", "clear", "shelve", "unshelve")]
    assert refused == ["refused"] * 5
    assert life.happen(condition()).outcome.kind == "ignored"
    assert life.alarm is not None
    assert due_at(life.alarm) is None


def test_notes_change_no_version() -> None:
    life = raised()
    assert life.act("note", note="called the site").outcome == ("noted", ("called the site", "called the site"))
    assert life.version == 1


def test_a_shelf_keeps_quiet_and_tells_what_stands_when_it_ends() -> None:
    life = raised("minor")
    life.act("shelve", until=START + seconds(600), note="pump repair")
    life.wait(10).happen(condition("major"))
    assert life.types() == []
    life.wait(1000)
    assert life.told == [(600, RAISED)]
    assert life.outcomes == ["opened", "shelved", "rose", "unshelved"]
    assert life.alarm is not None
    assert life.alarm.shelved_until is None


def test_a_shelf_hides_nothing_for_good() -> None:
    life = raised()
    life.act("shelve", until=START + seconds(600), note="n")
    life.wait(10).happen(OVER)
    assert life.types() == [RAISED]
    life.act("unshelve")
    assert life.told == [(0, RAISED), (10, CLEARED)]
    assert life.act("unshelve").outcome.kind == "unchanged"


def test_closing_ends_the_shelf_and_tells() -> None:
    life = raised()
    life.act("shelve", until=START + seconds(600), note="n")
    life.act("clear")
    assert life.types() == [RAISED, CLEARED]


def test_a_device_out_of_service_is_heard_when_it_is_back() -> None:
    life = Life(situation=Situation(out_of_service_until=START + seconds(60)))
    life.happen(condition())
    assert life.types() == []
    life.wait(100)
    assert life.told == [(60, RAISED)]
    assert life.outcomes == ["opened", "told"]


def test_maintenance_can_begin_and_end_while_an_alarm_stands() -> None:
    life = raised("minor")
    life.happen(OutOfService(START + seconds(600)))
    life.happen(condition("major"))
    assert life.types() == []
    life.happen(OutOfService(None))
    assert life.types() == [RAISED]
    assert life.outcomes[-1] == "told"
    life.happen(OutOfService(START - seconds(1)))
    assert life.types() == [RAISED]


def test_a_quiet_end_of_maintenance_is_no_transition() -> None:
    life = raised("minor")
    life.happen(OutOfService(START + seconds(60)))
    life.wait(100)
    assert life.outcomes == ["opened", "unchanged", "unchanged"]
    assert life.version == 1


def test_offline_waits_for_its_group() -> None:
    alone = raised(code="device_offline")
    alone.wait(29.9)
    assert alone.types() == []
    alone.wait(10)
    assert alone.told == [(30, RAISED)]
    grouped = raised(code="device_offline")
    grouped.wait(10).happen(Grouped("7"))
    grouped.wait(100).happen(condition(code="device_offline", active=False))
    assert grouped.types() == []
    assert grouped.alarm is not None
    assert grouped.alarm.incident_id == "7"
    back = raised(code="device_offline")
    back.wait(10).happen(condition(code="device_offline", active=False))
    back.wait(100)
    assert back.types() == []


def test_offline_need_not_wait() -> None:
    life = Life(Policy(offline_hold_s=0))
    life.happen(condition(code="device_offline"))
    assert life.types() == [RAISED]


def test_a_member_of_a_group_says_nothing_unless_it_has_spoken() -> None:
    silent = Life(situation=Situation(grouped=True, incident_id="7"))
    silent.happen(condition())
    silent.happen(condition("critical"))
    silent.happen(OVER)
    assert silent.types() == []
    spoken = raised()
    spoken.happen(Grouped("7"))
    spoken.happen(OVER)
    assert spoken.types() == [RAISED, CLEARED]


def test_flapping_a_thousand_times_is_one_alarm_and_the_last_state_is_told() -> None:
    life = raised()
    for number in range(1000):
        life.wait(0.5).happen(condition(active=number % 2 == 1))
    assert life.state == "unacknowledged"
    life.wait(120)
    assert life.alarm is not None
    assert life.alarm.memory.told is not None
    assert life.alarm.memory.told.active
    counts = Counter(life.types())
    assert counts[RAISED] == counts[CLEARED] == 1
    assert counts[UPDATED] <= 500 / 60 + 2
    assert all(
        later - earlier >= 60
        for (earlier, _), (later, kind) in zip(life.told[1:], life.told[2:], strict=False)
        if kind == UPDATED
    )


def test_a_flap_that_ends_where_it_was_told_says_no_more() -> None:
    life = raised()
    life.wait(1).happen(OVER)
    life.wait(1).happen(condition())
    life.wait(1).happen(OVER)
    life.wait(300)
    assert life.types() == [RAISED, CLEARED]


def test_a_flap_closed_by_a_person_is_told_at_once() -> None:
    life = raised()
    life.wait(1).happen(OVER)
    life.wait(1).happen(condition())
    life.wait(60)
    life.wait(1).act("clear")
    assert life.types() == [RAISED, CLEARED, UPDATED, UPDATED]


def test_a_drill_marks_everything_that_leaves() -> None:
    life = Life(Policy(drill_until=START + seconds(10)))
    assert [notice.drill for notice in life.happen(condition()).notices] == [True]
    life.wait(10)
    assert [notice.drill for notice in life.happen(OVER).notices] == [False]


def test_the_threshold_of_notices_is_policy() -> None:
    life = Life(Policy(notify_from=Severity.MINOR))
    life.happen(condition("minor"))
    assert life.types() == [RAISED]


def test_memory_ignores_what_a_newer_release_wrote() -> None:
    assert memory_from_json({"of_tomorrow": 1, "repeats": 3}).repeats == 3


def test_due_at_is_the_earliest_of_all() -> None:
    life = raised()
    assert life.alarm is not None
    assert due_at(life.alarm) is None
    moments: list[datetime] = [START + seconds(n) for n in (50, 40)]
    alarm = replace(life.alarm, shelved_until=moments[0], escalates_at=moments[1])
    assert due_at(alarm) == moments[1]
    assert alarm.state is State.UNACKNOWLEDGED


def test_a_child_that_comes_back_alone_speaks_for_itself() -> None:
    child = Life(situation=Situation(grouped=True, incident_id="7"))
    child.happen(condition())
    child.wait(10).happen(condition(active=False))
    child.situation = Situation()
    child.wait(600).happen(condition())
    assert child.types() == ["alarm.raised"]
