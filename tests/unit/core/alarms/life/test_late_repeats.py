"""What a device sends late, of a time before what is known, sets nothing back: neither what stands nor what is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core.alarms.ledger.record import memory_from_json
from services.core.alarms.life.happenings import Finding, Reset
from tests.unit.core.alarms.fires.scene import START, WHY, Scene, fire
from tests.unit.core.alarms.life.one_alarm import Life, condition

NINE = START + timedelta(hours=1)
TEN = START + timedelta(hours=2)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def power(cause: str, at: timedelta = timedelta(0), *, late: bool = False, active: bool = True) -> Finding:
    """A panel's power fault of 10:00, or reported late of 9:00."""
    ts = (NINE if late else TEN) + at
    return condition(code="power_fault", cause=cause, ts=ts, late_min=60 if late else 0, active=active)


def test_a_late_repeat_and_its_end_leave_what_stands_now() -> None:
    life = Life()
    life.happen(power("mains_fault"))
    life.happen(power("mains_fault", late=True))
    life.happen(power("mains_fault", minutes(10), late=True, active=False))
    life.happen(Reset("h1", "", WHY, NINE + minutes(11), 49))
    assert life.state == "unacknowledged"
    assert life.outcomes[1:] == ["stale"] * 3


def test_a_late_end_and_a_late_repeat_leave_what_is_over() -> None:
    life = Life()
    life.happen(power("mains_fault", -minutes(50)))
    life.happen(power("mains_fault", active=False))
    life.happen(power("mains_fault", minutes(10), late=True, active=False))
    life.happen(power("mains_fault", minutes(20), late=True))
    assert life.state == "returned"


def test_a_late_end_ends_its_own_cause_and_no_newer_one() -> None:
    for order in ("live first", "late first"):
        life = Life()
        reports = [power("battery_fault"), power("mains_fault", late=True)]
        for report in reports if order == "live first" else reversed(reports):
            life.happen(report)
        life.happen(power("mains_fault", minutes(10), late=True, active=False))
        assert life.alarm is not None
        assert life.alarm.memory.causes == {"battery_fault"}, order
        life.happen(power("battery_fault", minutes(1), active=False))
        assert life.state == "returned"


def test_a_late_repeat_of_a_cause_that_is_over_waits_for_no_end_beside_one_that_stands() -> None:
    life = Life()
    for report in (power("mains_fault"), power("battery_fault"), power("mains_fault", minutes(5), active=False)):
        life.happen(report)
    life.happen(power("mains_fault", late=True))
    life.happen(power("battery_fault", minutes(6), active=False))
    assert life.state == "returned"


@pytest.mark.parametrize(("first", "late"), [("mains_ok", "mains_fault"), ("mains_fault", "mains_ok")])
def test_a_late_event_of_what_readings_have_said_to_be_over_since_raises_nothing_again(first: str, late: str) -> None:
    life = Life()
    life.happen(power(first, -minutes(60)))
    life.happen(power(first, -minutes(55), active=False))
    life.happen(power(late, late=True))
    assert (life.state, life.outcomes[-1]) == ("returned", "stale")
    life.happen(power(late, minutes(10), late=True))
    assert (life.state, life.outcomes[-1]) == ("unacknowledged", "reopened"), "the mains have failed again since"


def test_a_late_reset_ends_only_what_began_before_it() -> None:
    life = Life()
    life.happen(power("battery_fault"))
    life.happen(power("mains_fault", late=True))
    life.happen(Reset("h1", "", WHY, NINE + minutes(10), 50))
    assert life.alarm is not None
    assert life.alarm.memory.causes == {"battery_fault"}
    life.happen(Reset("h1", "", WHY, TEN + minutes(1)))
    life.happen(power("mains_fault", minutes(20), late=True))
    assert life.state == "returned", "all was over since"


def test_a_row_of_an_earlier_release_knows_its_newest_begin() -> None:
    life = Life()
    life.happen(power("mains_fault"))
    assert life.alarm is not None
    saved = {"causes": ["mains_fault"], "raised_ts": TEN.isoformat(), "last_at": START.isoformat()}
    memory, broken = memory_from_json(saved)
    assert broken == []
    life.alarm = replace(life.alarm, memory=memory)
    life.happen(power("mains_fault", minutes(10), late=True, active=False))
    assert life.state == "unacknowledged"


def test_of_very_many_causes_the_newest_times_are_kept() -> None:
    life = Life()
    for number in range(60):
        life.happen(power(f"fault {number}", minutes(number)))
    assert life.alarm is not None
    assert len(life.alarm.memory.known) == 50
    assert "fault 59" in life.alarm.memory.known


@pytest.mark.parametrize("how", ["judged real", "in a test"])
def test_a_fire_of_now_burns_on_when_one_of_before_and_its_end_come_late(how: str) -> None:
    scene = Scene()
    scene.now = TEN
    if how == "in a test":
        scene.window(10)
    scene.happen(fire(ts=TEN))
    if how == "judged real":
        scene.verify("real")
    scene.happen(fire(ts=NINE, late_min=60))
    scene.happen(fire(ts=NINE + minutes(10), late_min=50, active=False))
    scene.happen(Reset("p1", "", WHY, NINE + minutes(11), 49))
    scene.restart()
    assert scene.alarm().active
    scene.wait(3600)
    assert scene.types()[-1] == ("fire.confirmed" if how == "judged real" else "alarm.escalated")


def test_a_late_fire_after_the_end_of_one_ends_with_its_own_late_end() -> None:
    scene = Scene()
    scene.now = TEN
    scene.happen(fire(ts=TEN))
    scene.happen(fire(ts=TEN + minutes(1), active=False))
    scene.happen(fire(ts=NINE, late_min=60))
    assert scene.alarm().active, "a fire is always a fire"
    scene.happen(fire(ts=NINE + minutes(10), late_min=50, active=False))
    assert not scene.alarm().active


def test_a_late_fire_of_a_new_incident_leaves_what_burns_now() -> None:
    scene = Scene()
    scene.now = TEN
    scene.happen(fire(ts=TEN))
    scene.wait(7200)
    scene.happen(fire(ts=NINE, late_min=180))
    scene.happen(fire(ts=NINE + minutes(10), late_min=170, active=False))
    assert scene.alarm().active
