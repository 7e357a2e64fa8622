"""Fires of one site: confidence, incidents, and what the screen shows of them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from services.core.alarms.life.happenings import Act, ActKind, Evidence, EvidenceKind, Tick
from services.core.alarms.life.lifecycle import step
from services.core.alarms.life.model import Policy
from services.core.words import Confidence, NoticeType, Part, State, Verification
from tests.unit.core.alarms.fires.scene import WHY, Scene, fire, seconds

D, CP, FLOW, PANEL, OTHER = Part.DETECTOR, Part.CALL_POINT, Part.WATER_FLOW, Part.PANEL, Part.OTHER


@pytest.mark.parametrize(
    ("first", "second", "confidence"),
    [
        (("a", "p1", D), ("b", "p1", D), "confirmed"),
        (("a", "p1", D), ("b", "p2", D), "confirmed"),
        (("a", "p1", D), ("a", "utd", D), "suspected"),  # one component, told of by two devices
        (("a", "p1", D), ("b", "p1", CP), "confirmed"),
        (("a", "p1", D), ("w", "p1", FLOW), "confirmed"),
        (("w", "p1", FLOW), ("a", "p1", D), "confirmed"),
        (("w", "p1", FLOW), ("v", "p1", FLOW), "suspected"),
        (("a", "p1", D), ("a", "p1", D), "suspected"),
        (("a", "p1", D), ("m", "p1", OTHER), "suspected"),
        (("a", "p1", D), ("", "p1", PANEL), "suspected"),
        (("a", "p1", D), ("panel", "p1", PANEL), "suspected"),
        (("a", "p1", D), ("", "p2", PANEL), "probable"),
        (("", "p1", PANEL), ("a", "p2", D), "probable"),
        (("", "p1", PANEL), ("", "p2", PANEL), "suspected"),
        (("m", "p1", OTHER), ("n", "p2", OTHER), "suspected"),
    ],
)
def test_what_two_reports_make_of_the_first(first: tuple, second: tuple, confidence: str) -> None:
    scene = Scene()
    scene.fire(*first)
    scene.fire(*second)
    assert scene.alarm(first[0], first[1]).confidence == confidence


def test_the_wire_fields_of_a_new_fire() -> None:
    alarm = Scene().fire()
    assert (alarm.state, alarm.confidence, alarm.verification) == ("unacknowledged", "suspected", "pending")
    assert alarm.escalates_at == alarm.opened_at + seconds(180)
    assert (alarm.version, alarm.incident_id) == (1, "i1")


def test_a_fire_that_joins_a_confirmed_one_is_one_update_and_not_two() -> None:
    scene = Scene()
    for component in ("d1", "d2", "d3"):
        scene.fire(component)
    assert scene.types() == [NoticeType.FIRE_CONFIRMED, NoticeType.UPDATED, NoticeType.UPDATED]
    assert scene.alarm("d3").confidence is Confidence.CONFIRMED


def test_a_thousand_supporting_reports_push_out_no_fire_and_no_water_flow() -> None:
    scene = Scene()
    scene.support("flow", part=FLOW)
    scene.fire("m", part=OTHER)
    for n in range(1000):
        scene.support(f"door {n}")
    assert len(scene.site.evidence) < 100
    assert scene.fire("d1").confidence is Confidence.CONFIRMED


def calls_made(work: Callable[[], object]) -> int:
    """How many functions of Python `work` called: the same on every machine."""
    made = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


@pytest.mark.parametrize("window_s", [0, 600])
def test_a_panel_whose_detectors_all_fire_costs_no_more_than_their_square(window_s: int) -> None:
    def burn(detectors: int) -> int:
        scene = Scene()
        scene.window(window_s)  # within a test nothing is sure, and each is weighed again
        return calls_made(lambda: [scene.fire(f"d{n}") for n in range(detectors)])

    assert burn(160) < 5 * burn(80)


def test_a_late_fire_is_marked_and_runs_its_clock() -> None:
    scene = Scene()
    scene.happen(fire(late_min=95))
    assert scene.alarm().reason == ("测试（迟报 95 分钟，reported 95 min late）", "test (reported 95 min late)")
    scene.wait(180)
    assert scene.types() == [NoticeType.ESCALATED]


def test_a_note_is_no_evidence() -> None:
    scene = Scene()
    scene.fire()
    scene.happen(Evidence(scene.now, EvidenceKind.NOTE, "p1", "x", OTHER, WHY))
    assert scene.alarm().confidence is Confidence.SUSPECTED
    assert len(scene.site.evidence) == 1


def test_a_chattering_panel_does_not_fill_the_evidence() -> None:
    scene = Scene()
    for _ in range(500):
        scene.support()
        scene.fire()
    assert len(scene.site.evidence) == 2


def test_a_fire_judged_real_closes_with_its_reset_or_a_persons_clear() -> None:
    by_reset, by_person = Scene(), Scene()
    for scene in (by_reset, by_person):
        scene.fire()
        scene.act(ActKind.CLEAR)
        assert scene.alarm().state is State.UNACKNOWLEDGED
        scene.verify("real")
        assert scene.alarm().state is State.ACKNOWLEDGED
    by_reset.reset()
    by_person.act(ActKind.CLEAR)
    for scene in (by_reset, by_person):
        assert not scene.site.alarms
        assert scene.types() == [NoticeType.FIRE_CONFIRMED, NoticeType.CLEARED]


def test_a_fire_judged_real_after_its_reset_stays_until_a_person_clears_it() -> None:
    scene = Scene()
    scene.fire()
    scene.reset()
    assert scene.alarm().state is State.RETURNED
    scene.verify("real")
    assert scene.alarm().state is State.ACKNOWLEDGED
    scene.act(ActKind.CLEAR)
    assert scene.types() == [NoticeType.FIRE_CONFIRMED, NoticeType.CLEARED]


def test_an_acknowledged_fire_that_grows_surer_asks_to_be_seen_again() -> None:
    scene = Scene()
    scene.fire()
    scene.act(ActKind.ACKNOWLEDGE)
    scene.support()
    assert (scene.alarm().state, scene.alarm().confidence) == ("unacknowledged", "probable")
    scene.act(ActKind.ACKNOWLEDGE)
    scene.reset()
    assert scene.alarm().state is State.ACKNOWLEDGED
    scene.fire("d2")
    assert (scene.alarm().state, scene.alarm().confidence) == ("returned", "confirmed")


def test_a_fire_in_a_test_window_is_shown_and_marked() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire()
    scene.fire("d2")
    alarm = scene.alarm()
    assert alarm.memory.tested
    assert (alarm.confidence, alarm.escalates_at, alarm.state) == ("probable", None, "unacknowledged")


def test_a_fire_that_outlasts_its_test_window_or_is_judged_real_in_it_is_no_test_any_more() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire("d1")
    scene.fire("d2")
    scene.fire("d3")
    scene.verify("real", "d2")
    assert [scene.alarm(name).marked_test for name in ("d1", "d2", "d3")] == [True, False, True]
    scene.reset("d3")
    scene.wait(600)
    assert [scene.alarm(name).marked_test for name in ("d1", "d2", "d3")] == [False, False, True]
    scene.restart()
    assert not scene.alarm("d1").marked_test


def test_a_fire_of_a_test_that_is_corrected_to_real_is_no_test_any_more() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire()
    scene.verify("test")
    (judged,) = scene.closed
    assert judged.marked_test
    act = Act(ActKind.CORRECT, "duty", Verification.REAL, note="n")
    corrected = step(judged, act, scene.now, scene.policy).alarm
    assert corrected is not None
    assert not corrected.marked_test


def test_a_moved_test_window_moves_the_end_of_the_test() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire()
    scene.window(20)
    scene.wait(20 * 60)
    assert scene.alarm().escalates_at == scene.now + seconds(180)


def test_a_tested_fire_reset_in_its_window_waits_for_a_verdict_only() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire()
    scene.reset()
    scene.wait(3600)
    assert scene.told == []
    assert scene.alarm().verification is Verification.PENDING


def test_a_detector_again_in_the_window_is_still_a_test() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire()
    scene.reset()
    scene.fire()
    assert scene.alarm().memory.tested
    scene.reset()
    scene.wait(700)
    scene.window(5)
    scene.fire()
    assert scene.alarm().memory.test_until == scene.now + seconds(300)
    assert scene.told == []


def test_fires_of_the_same_site_are_one_incident_until_it_has_been_silent() -> None:
    scene = Scene()
    scene.fire("", "p1")
    scene.wait(1800)
    assert scene.fire("d1").incident_id == "i1"
    scene.wait(1800.5)
    assert scene.fire("d2").incident_id == "i2"


def test_a_dismissed_spokesman_leaves_the_judged_real_one_confirmed() -> None:
    scene = Scene()
    scene.fire("m1", manual=True)
    scene.fire("d1")
    scene.verify("real", "d1")
    scene.told.clear()
    scene.verify("false", "m1")
    assert [(kind, place) for _, kind, place in scene.told] == [
        (NoticeType.UPDATED, "p1/m1"),
        (NoticeType.CLEARED, "p1/m1"),
        (NoticeType.FIRE_CONFIRMED, "p1/d1"),
    ]
    assert scene.alarm().verification is Verification.REAL


def test_a_fire_judged_real_does_not_call_anew_when_its_spokesman_is_dismissed() -> None:
    scene = Scene()
    scene.fire("m1", manual=True)
    for component in ("d1", "d2"):
        scene.fire(component)
        scene.act(ActKind.ACKNOWLEDGE, component)
    scene.verify("real", "d1")
    scene.verify("false", "m1")
    assert (scene.alarm("d1").state, scene.alarm("d2").state) == (State.ACKNOWLEDGED, State.UNACKNOWLEDGED)


def test_a_dismissed_bystander_changes_nothing_for_the_others() -> None:
    scene = Scene()
    scene.fire("m1", manual=True)
    scene.fire("d1")
    scene.verify("false", "d1")
    assert scene.alarm("m1").incident_id == "i1"
    assert scene.alarm("m1").confidence is Confidence.CONFIRMED


def test_an_act_on_a_place_without_a_fire_is_ignored() -> None:
    scene = Scene()
    assert scene.act(ActKind.ACKNOWLEDGE).outcome.kind == "ignored"
    assert scene.happen(Tick()) == ()


def test_a_drill_marks_a_fires_notices() -> None:
    scene = Scene()
    scene.policy = Policy(drill_until=scene.now + seconds(60))
    scene.fire("m1", manual=True)
    assert [drill for _, _, drill in scene.notices] == [True]


def test_a_confirmed_notice_goes_ahead_of_an_escalation_still_waiting() -> None:
    scene = Scene()
    scene.fire()
    scene.wait(200)
    (notice,) = scene.verify("real").notices
    assert (notice.type, notice.fire) == (NoticeType.FIRE_CONFIRMED, True)
    assert notice.overtakes == {NoticeType.ESCALATED}


def test_several_call_points_whose_spokesman_is_dismissed_have_one_new_spokesman() -> None:
    scene = Scene()
    for component in ("m1", "m2", "m3"):
        scene.fire(component, manual=True)
    scene.verify("false", "m1")
    confirmed = [incident for incident, kind, _ in scene.notices if kind == NoticeType.FIRE_CONFIRMED]
    assert confirmed == ["i1", "i2"]
    assert scene.alarm("m2").incident_id == scene.alarm("m3").incident_id == "i2"


def test_a_fire_of_a_test_window_is_its_own_incident_once_the_confirmed_one_is_over() -> None:
    scene = Scene()
    scene.window(60)
    scene.fire("d1")
    scene.verify("real", "d1")
    scene.fire("d2")
    assert scene.alarm("d2").incident_id == scene.alarm("d1").incident_id == "i1"
    scene.over("d1")
    scene.verify("real", "d2")
    told = [(incident, kind) for incident, kind, _ in scene.notices if kind == NoticeType.FIRE_CONFIRMED]
    assert told == [("i1", NoticeType.FIRE_CONFIRMED), ("i2", NoticeType.FIRE_CONFIRMED)]
    assert scene.alarm("d2").incident_id == "i2"
