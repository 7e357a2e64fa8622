"""What was received before a test window was opened is none of the test, however late it is judged."""

from dataclasses import replace
from datetime import datetime

from services.core.alarms.life.happenings import Evidence, EvidenceKind
from services.core.words import Confidence, Part
from tests.unit.core.alarms.fires.scene import WHY, Scene, fire, seconds


def window_opened_after_a_minute() -> tuple[Scene, datetime]:
    """A site in a test window, and a time before that."""
    scene = Scene()
    before = scene.now
    scene.wait(60)
    scene.site = replace(scene.site, test_since=scene.now)
    scene.window(10)
    return scene, before


def test_a_fire_of_before_the_window_gets_its_clock_and_one_of_the_test_does_not() -> None:
    scene, before = window_opened_after_a_minute()
    scene.happen(replace(fire("d1"), received_at=before))
    scene.happen(replace(fire("d2"), received_at=scene.now))
    assert (scene.alarm("d1").marked_test, scene.alarm("d1").escalates_at) == (False, scene.now + seconds(180))
    assert (scene.alarm("d2").marked_test, scene.alarm("d2").escalates_at) == (True, None)
    scene.wait(180)
    assert scene.types() == ["alarm.escalated"]


def test_what_speaks_for_a_fire_of_before_the_window_counts_if_it_was_received_before_it_as_well() -> None:
    scene, before = window_opened_after_a_minute()
    scene.happen(replace(fire("d1"), received_at=before))
    scene.happen(Evidence(scene.now, EvidenceKind.SUPPORT, "p1", "pump", Part.WATER_FLOW, WHY))
    assert scene.alarm("d1").confidence is Confidence.SUSPECTED
    scene.happen(Evidence(before, EvidenceKind.SUPPORT, "p1", "pump", Part.WATER_FLOW, WHY))
    assert scene.alarm("d1").confidence is not Confidence.SUSPECTED
