"""A fire spoke for others, was judged real, is over, and turns out to have been none: the others are judged afresh."""

from __future__ import annotations

import pytest

from services.core.alarms.life.calling import steps_begin
from services.core.alarms.life.happenings import ActKind
from services.core.words import Confidence
from tests.unit.core.alarms.fires.scene import Scene, seconds


def two_of_which_the_first_spoke(*, end: str) -> Scene:
    """Two detectors confirm each other; the first is judged real and is over."""
    scene = Scene()
    scene.fire("d1")
    scene.fire("d3", "p2")
    scene.verify("real")
    if end == "reset":
        scene.reset()
    else:
        scene.act(ActKind.CLEAR)
    assert scene.alarm("d3", "p2").memory.covered
    scene.wait(60)
    scene.told.clear()
    return scene


@pytest.mark.parametrize("end", ["reset", "cleared"])
@pytest.mark.parametrize("verdict", ["false", "test"])
def test_the_others_are_uncovered_with_a_clock_and_calls_of_their_own(end: str, verdict: str) -> None:
    scene = two_of_which_the_first_spoke(end=end)
    before = scene.alarm("d3", "p2")
    assert scene.correct(verdict)
    after = scene.alarm("d3", "p2")
    assert (after.memory.covered, after.escalates_at) == (False, scene.now + seconds(180))
    assert after.confidence is Confidence.SUSPECTED, "what the dismissed one reported does not count"
    assert after.incident_id != before.incident_id
    assert steps_begin(before, after)
    scene.wait(180)
    assert scene.told == [(60.0, "alarm.updated", "p1/d1"), (240.0, "alarm.escalated", "p2/d3")]


def test_a_correction_that_dismisses_nothing_moves_no_clock() -> None:
    scene = Scene()
    scene.fire("d1")
    scene.fire("d3", "p2")
    scene.verify("false")
    ends = scene.alarm("d3", "p2").escalates_at
    scene.wait(60)
    for verdict in ("test", "real", "false"):
        assert scene.correct(verdict)
        assert scene.alarm("d3", "p2").escalates_at == ends


def test_one_that_a_person_judged_real_is_told_as_its_own_fire() -> None:
    scene = two_of_which_the_first_spoke(end="reset")
    scene.verify("real", "d3", "p2")
    scene.correct("false")
    assert scene.types()[-1] == "fire.confirmed"
    assert scene.alarm("d3", "p2").acknowledged_at is not None


def test_what_the_component_reported_since_it_was_over_counts() -> None:
    scene = two_of_which_the_first_spoke(end="reset")
    scene.fire("d1")
    scene.correct("false")
    assert scene.alarm("d3", "p2").confidence is Confidence.CONFIRMED


def test_one_that_has_returned_unjudged_calls_people_when_the_one_that_spoke_for_it_is_dismissed() -> None:
    for returned in (False, True):
        scene = Scene()
        scene.fire("m1", manual=True)
        scene.fire("d1", "p2")
        scene.wait(130)
        if returned:
            scene.reset(device="p2")
        before = scene.alarm("d1", "p2")
        scene.verify("false", "m1")
        assert steps_begin(before, scene.alarm("d1", "p2"))
