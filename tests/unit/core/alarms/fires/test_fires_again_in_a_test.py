"""A detector that fired before its site's test window, was reset, and fires again in the window: it is being tested."""

from services.core.alarms.life.happenings import SiteWindow
from services.core.words import NoticeType
from tests.unit.core.alarms.fires.scene import Scene, seconds


def test_a_detector_that_was_escalated_and_reset_before_the_test_fires_again_in_it_and_119_hears_nothing() -> None:
    scene = Scene()
    scene.fire()
    scene.wait(200)
    scene.reset()
    told = scene.types()
    scene.wait(120)
    scene.window(20)
    scene.fire()
    alarm = scene.alarm()
    assert (alarm.marked_test, alarm.escalates_at, alarm.confidence) == (True, None, "suspected")
    scene.wait(600)
    scene.reset()
    scene.fire()
    scene.reset()
    scene.wait(1200)
    assert scene.types() == told == ["alarm.escalated", "alarm.cleared"]


def test_what_was_told_before_and_is_active_when_its_test_ends_gets_a_fresh_clock() -> None:
    scene = Scene()
    scene.fire()
    scene.wait(200)
    scene.reset()
    scene.window(10)
    scene.fire()
    ends = scene.now + seconds(600)
    scene.wait(600)
    assert (scene.alarm().marked_test, scene.alarm().escalates_at) == (False, ends + seconds(180))
    scene.told.clear()
    scene.wait(180)
    assert scene.types() == ["alarm.escalated"]


def test_the_clock_of_a_fire_before_the_test_runs_on_as_it_was() -> None:
    scene = Scene()
    scene.fire()
    scene.wait(10)
    scene.reset()
    scene.window(20)
    scene.fire()
    scene.wait(600)
    assert scene.told == [(180.0, "alarm.escalated", "p1/d1")]


def test_the_clock_of_what_outlasted_a_test_runs_on_in_the_next_one_though_its_last_report_was_long_ago() -> None:
    scene = Scene()
    scene.window(30)
    scene.fire()
    scene.wait(1900)
    scene.window(30)
    scene.fire()
    scene.wait(600)
    assert scene.told == [(1980.0, "alarm.escalated", "p1/d1")]


def test_a_fire_for_which_another_spoke_is_a_test_in_the_window_and_told_with_it_when_it_outlasts_that() -> None:
    scene = Scene()
    scene.fire("m1", manual=True)
    scene.fire("d1")
    scene.reset("d1")
    scene.wait(60)
    scene.window(10)
    scene.told.clear()
    scene.fire("d1")
    assert scene.alarm().marked_test
    assert scene.told == []
    scene.happen(SiteWindow(None))
    assert (scene.alarm().memory.covered, scene.alarm().escalates_at) == (True, None)
    assert scene.types() == ["alarm.updated"]


def test_a_fire_for_which_another_spoke_is_not_told_as_another_one_when_it_was_tested_and_is_over() -> None:
    scene = _one_that_spoke_and_one_tested()
    scene.reset("d1")
    scene.told.clear()
    scene.wait(3600)
    assert scene.told == []


def test_what_is_over_in_a_test_is_not_confirmed_by_what_was_reported_before_and_in_earnest_beside_it() -> None:
    scene = Scene()
    scene.fire("m1", "p1", manual=True)
    scene.fire("d3", "p2")
    scene.verify("real", "m1", "p1")
    scene.reset("", "p2")
    scene.window(4)
    scene.reset("", "p1")
    scene.fire("m1", "p1")
    scene.fire("d3", "p2")
    scene.reset("", "p2")
    scene.fire("m1", "p1", manual=True)
    scene.told.clear()
    scene.wait(1900)
    assert scene.told == []


def test_a_fire_from_before_the_test_is_owed_again_when_the_one_that_spoke_for_it_is_dismissed_after_the_test() -> None:
    scene = _one_that_spoke_and_one_tested()
    scene.reset("d1")
    scene.wait(3600)
    scene.told.clear()
    scene.verify("false", "m1")
    alarm = scene.alarm("d1")
    assert (alarm.escalates_at, alarm.marked_test) == (scene.now + seconds(180), False)
    scene.wait(180)
    assert [place for _, kind, place in scene.told if kind == "alarm.escalated"] == ["p1/d1"]


def test_a_fire_from_before_the_test_gets_its_clock_at_the_end_of_it_when_the_other_is_dismissed_in_it() -> None:
    for fires_again_s in (None, 60, 2000):
        scene = _one_that_spoke_and_one_tested()
        scene.window(60)
        scene.reset("d1")
        ends = scene.alarm("d1").memory.test_until
        scene.verify("false", "m1")
        if fires_again_s is not None:
            scene.wait(fires_again_s)
            scene.fire("d1")
            scene.reset("d1")
        assert ends is not None
        scene.wait((ends - scene.now).total_seconds())
        alarm = scene.alarm("d1")
        assert (alarm.escalates_at, alarm.marked_test) == (ends + seconds(180), False)
        scene.told.clear()
        scene.wait(180)
        assert scene.types() == ["alarm.escalated"]


def test_a_fire_of_the_test_alone_is_owed_nothing_when_a_call_point_of_its_site_is_dismissed() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire("d1")
    scene.fire("m1", manual=True)
    scene.verify("false", "m1")
    scene.reset("d1")
    scene.told.clear()
    scene.wait(3600)
    assert (scene.told, scene.alarm("d1").marked_test) == ([], True)


def _one_that_spoke_and_one_tested() -> Scene:
    """A call point was pressed, and a detector for which it speaks was reset; in the window it fires again."""
    scene = Scene()
    scene.fire("m1", manual=True)
    scene.fire("d1")
    scene.reset("d1")
    scene.window(4)
    scene.fire("d1")
    return scene


def test_a_person_and_a_call_point_send_what_is_tested_again() -> None:
    for judged in (True, False):
        scene = Scene()
        scene.fire()
        scene.wait(200)
        scene.reset()
        scene.window(20)
        scene.fire()
        if judged:
            scene.verify("real")
        else:
            scene.fire("m1", manual=True)
        assert scene.types()[-1] == NoticeType.FIRE_CONFIRMED


def test_what_a_person_judged_real_or_pressed_is_no_test_when_it_comes_back_in_one() -> None:
    for manual in (True, False):
        scene = Scene()
        scene.fire(manual=manual)
        scene.reset()
        if not manual:
            scene.verify("real")
        scene.window(20)
        scene.fire()
        assert (scene.alarm().active, scene.alarm().marked_test) == (True, False)


def test_what_a_person_presses_where_it_fired_in_the_test_is_told_as_if_pressed_alone() -> None:
    for component in ("", "cp"):
        scene = Scene()
        scene.window(10)
        scene.fire(component)
        scene.wait(60)
        scene.fire(component, manual=True)
        alarm = scene.alarm(component)
        assert (alarm.marked_test, alarm.memory.test_until, alarm.escalates_at) == (False, None, None)
        scene.wait(7200)
        assert scene.types() == ["fire.confirmed"]


def test_a_fire_that_began_and_ended_in_a_test_is_not_told_with_a_later_one() -> None:
    for dismissed in (False, True):
        scene = Scene()
        scene.window(10)
        scene.fire("d1")
        scene.reset()
        scene.wait(700)
        scene.fire("m1", manual=True)
        if dismissed:
            scene.verify("false", "m1")
        scene.wait(3600)
        assert all(place == "p1/m1" for _, _, place in scene.told)
        assert scene.alarm("d1").marked_test
        scene.told.clear()
        scene.fire("d1")
        scene.wait(180)
        assert [place for _, _, place in scene.told] == ["p1/d1"], "it burns again, and in earnest"


def test_what_119_has_as_confirmed_is_not_escalated_when_it_outlasts_a_test_but_119_hears_that_it_burns() -> None:
    for closed_early in (True, False):
        scene = Scene()
        scene.fire("d1")
        scene.fire("d2")
        carrier = next(place for _, kind, place in scene.told if kind == "fire.confirmed").removeprefix("p1/")
        scene.wait(60)
        scene.reset()
        scene.wait(60)
        scene.window(10)
        scene.fire(carrier)
        assert scene.alarm(carrier).marked_test
        scene.told.clear()
        if closed_early:
            scene.wait(60)
            scene.happen(SiteWindow(None))
        else:
            scene.wait(600)
        assert [(kind, place) for _, kind, place in scene.told] == [("alarm.updated", f"p1/{carrier}")]
        alarm = scene.alarm(carrier)
        assert (alarm.marked_test, alarm.escalates_at, alarm.confidence) == (False, None, "confirmed")
        scene.wait(3600)
        assert scene.types() == ["alarm.updated"]
