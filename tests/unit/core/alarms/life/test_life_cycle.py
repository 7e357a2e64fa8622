"""The life of alarms that are not fires: ISA-18.2 states, notices, shelves, grouping, flapping."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.core.alarms.life.happenings import Reset, Tick
from services.core.words import Reason, Severity
from tests.unit.core.alarms.fires.scene import START, WHY, seconds
from tests.unit.core.alarms.life.one_alarm import CLEARED, OVER, RAISED, UPDATED, Life, condition, raised


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


def test_the_reason_of_what_is_counted_follows_the_count_without_a_step() -> None:
    life = raised()
    now_two = condition(counted=True, reason=Reason("两条", "two"), value=2.0)
    life.happen(now_two)
    assert life.alarm is not None
    assert (life.alarm.reason.en, life.alarm.value) == ("two", 2.0)
    assert (life.version, life.outcomes, life.types()) == (1, ["opened", "unchanged"], [RAISED])


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
    assert life.outcomes == ["opened", "rose", "noted", "returned"]


@pytest.mark.parametrize(
    ("first", "then", "asks"),
    [
        ("mains_fault", "battery_fault", True),  # whoever knows of the mains does not know that the battery fails too
        ("mains_fault", "battery_ok", True),
        ("mains_fault", "mains_ok", False),  # the panel says the same in its readings
        ("mains_ok", "mains_fault", False),
        ("mains_fault", "power_fault", False),
        ("power_fault", "battery_fault", False),
    ],
)
def test_what_fails_beside_something_that_was_taken_asks_again(first: str, then: str, *, asks: bool) -> None:
    life = raised(code="power_fault", cause=first)
    life.act("acknowledge")
    other = Reason("备电故障", "battery_fault")
    life.happen(condition(code="power_fault", cause=then, reason=other))
    assert life.alarm is not None
    assert (life.state == "unacknowledged", life.alarm.reason == other) == (asks, asks)
    life.act("acknowledge")
    life.happen(condition(code="power_fault", cause=then, reason=other))
    assert life.state == "acknowledged", "it is known now"
    assert life.types() == [RAISED], "119 was told of the alarm"


@pytest.mark.parametrize(("over", "state"), [("battery_fault", "unacknowledged"), ("power_fault", "returned")])
def test_the_end_of_a_cause_nobody_raised_ends_an_alarm_only_under_its_own_name(over: str, state: str) -> None:
    life = raised(code="power_fault", cause="mains_fault")
    life.happen(condition(code="power_fault", cause=over, active=False))
    assert life.state == state


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


def test_what_comes_back_on_its_row_stands_since_then_and_what_repeats_since_it_began() -> None:
    life = raised()
    life.wait(60)
    life.happen(condition())
    life.happen(condition("critical"))
    assert life.alarm is not None
    assert life.alarm.began_at == START
    life.happen(OVER)
    life.wait(60)
    life.happen(condition())
    life.wait(60)
    life.happen(condition())
    assert (life.alarm.opened_at, life.alarm.began_at) == (START, START + seconds(120))


def test_lateness_is_said_in_the_reason() -> None:
    life = raised(late_min=7)
    assert life.alarm is not None
    assert life.alarm.reason == ("测试（迟报 7 分钟，reported 7 min late）", "test (reported 7 min late)")
    assert life.alarm.late_min == 7
    assert Reason("a", "b").with_lateness(0) == ("a", "b")


def test_an_alarm_of_very_many_causes_stands_until_the_last_of_them_is_over() -> None:
    """A panel without components may name each of its faults by another type; from the fiftieth on none asks again."""
    life = Life()
    causes = [f"fault {number}" for number in range(60)]
    for cause in causes:
        life.happen(condition(cause=cause))
        life.act("acknowledge")
    for cause in causes[:-1]:
        life.happen(condition(cause=cause, active=False))
        assert life.state == "acknowledged"
    life.happen(condition(cause=causes[-1], active=False))
    assert life.state == "closed"


def test_what_comes_back_is_as_severe_as_it_is_now() -> None:
    life = raised("critical", value=600.0, limit=500.0)
    life.happen(OVER)
    life.wait(86_400)
    life.happen(condition("major", value=310.0, limit=300.0))
    assert life.alarm is not None
    assert (life.alarm.severity, life.alarm.value, life.alarm.limit) == ("major", 310.0, 300.0)
    life.happen(condition("minor"))
    assert life.alarm.severity == "major", "while it stands it only rises"
