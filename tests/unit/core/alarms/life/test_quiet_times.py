"""When an alarm keeps quiet and when it speaks: maintenance, grouping, flapping, drills, thresholds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from services.core.alarms.ledger.record import memory_from_json
from services.core.alarms.life.happenings import Grouped, OutOfService, SiteWindow, Situation
from services.core.alarms.life.lifecycle import due_at
from services.core.alarms.life.model import Policy
from services.core.words import Severity, State, Verification
from tests.unit.core.alarms.fires.scene import START, seconds
from tests.unit.core.alarms.life.one_alarm import CLEARED, OVER, RAISED, UPDATED, Life, condition, raised


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
    assert memory_from_json({"of_tomorrow": 1, "repeats": 3})[0].repeats == 3


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


def test_a_test_marks_a_condition_and_keeps_it_from_nobody() -> None:
    life = Life(situation=Situation(test_until=START + seconds(600)))
    life.happen(condition())
    assert life.types() == [RAISED]
    assert life.alarm is not None
    assert life.alarm.marked_test
    assert due_at(life.alarm) is None, "nothing waits for the end of the test"
    life.happen(SiteWindow(START + seconds(900)))
    assert life.alarm.marked_test
    life.happen(SiteWindow(None))
    assert not life.alarm.marked_test
    assert life.outcomes == ["opened", "ignored", "test_ended"]
    assert life.types() == [RAISED]


def test_a_condition_that_comes_back_is_of_the_test_in_which_it_comes_back() -> None:
    life = raised()
    assert life.alarm is not None
    for test_until, is_test in ((START + seconds(600), True), (None, False)):
        life.happen(condition(active=False))
        life.situation = Situation(test_until=test_until)
        life.happen(condition())
        assert life.alarm.marked_test is is_test


def test_what_a_person_judges_real_in_a_test_is_no_test() -> None:
    life = Life(situation=Situation(test_until=START + seconds(600)))
    life.happen(condition())
    life.act("verify", verdict=Verification.REAL)
    assert life.alarm is not None
    assert not life.alarm.marked_test
