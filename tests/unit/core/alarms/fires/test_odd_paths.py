"""Odd paths of one fire: whatever comes in between, the desk hears of it in time."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.life.happenings import ActKind, SiteWindow, Tick
from services.core.words import NoticeType
from tests.unit.core.alarms.fires.scene import Scene, fire, seconds

LIMIT_S = 180.0
_START = Scene().now
URGENT = {NoticeType.FIRE_CONFIRMED, NoticeType.ESCALATED}

DEEDS: dict[str, Callable[[Scene], object]] = {
    "acknowledge": lambda scene: scene.act(ActKind.ACKNOWLEDGE),
    "clear": lambda scene: scene.act(ActKind.CLEAR),
    "shelve": lambda scene: scene.act(ActKind.SHELVE),
    "over": Scene.over,
    "reset": Scene.reset,
    "again": Scene.fire,
    "late again": lambda scene: scene.happen(fire(late_min=90)),
    "support": Scene.support,
    "window": lambda scene: scene.window(10),
    "window over": lambda scene: scene.happen(SiteWindow(None)),
    "restart": Scene.restart,
    "tick": lambda scene: scene.happen(Tick()),
}


ODD_PATHS = st.lists(st.tuples(st.sampled_from([0.0, 7.0, 50.0, 110.0]), st.sampled_from(sorted(DEEDS))), max_size=12)


def walk_oddly(scene: Scene, path: list[tuple[float, str]]) -> None:
    for gap_s, deed in path:
        scene.wait(gap_s)
        DEEDS[deed](scene)
    scene.wait(LIMIT_S)


@given(ODD_PATHS)
def test_nothing_short_of_a_verdict_keeps_a_suspected_fire_from_the_desk(path: list[tuple[float, str]]) -> None:
    scene = Scene()
    scene.fire()
    walk_oddly(scene, path)
    assert any(second <= LIMIT_S for second, _, place in scene.told if place == "p1/d1")


@given(ODD_PATHS)
def test_nothing_keeps_a_fire_from_the_desk_whose_spokesman_was_dismissed(path: list[tuple[float, str]]) -> None:
    scene = Scene()
    scene.fire()
    scene.fire("m1", manual=True)
    scene.verify("false", "m1")
    scene.told.clear()
    walk_oddly(scene, path)
    assert any(second <= LIMIT_S and kind in URGENT for second, kind, place in scene.told if place == "p1/d1")


@given(ODD_PATHS)
def test_nothing_keeps_a_fire_from_the_desk_that_outlived_its_test_window(path: list[tuple[float, str]]) -> None:
    scene = Scene()
    scene.window(1)
    scene.fire()
    scene.wait(60)
    walk_oddly(scene, path)
    assert any(second <= 60 + LIMIT_S and kind in URGENT for second, kind, place in scene.told if place == "p1/d1")


@given(ODD_PATHS, st.booleans())
def test_a_call_point_is_told_at_once_whatever_came_before(path: list[tuple[float, str]], in_window: bool) -> None:
    scene = Scene()
    if in_window:
        scene.window(300)
    walk_oddly(scene, path)
    scene.fire("m1", manual=True)
    second = (scene.now - _START).total_seconds()
    assert (second, NoticeType.FIRE_CONFIRMED, "p1/m1") in scene.told


def test_a_suspected_fire_goes_up_at_once_when_the_clock_was_set_back_since() -> None:
    scene = Scene()
    scene.fire()
    scene.now -= seconds(3600)
    scene.happen(Tick())
    assert [kind for _, kind, _ in scene.told if kind in URGENT]


def test_a_fire_on_the_row_of_an_earlier_one_goes_up_at_once_when_the_clock_was_set_back_since() -> None:
    scene = Scene()
    scene.fire()
    scene.over()
    scene.wait(4 * 3600)
    scene.told.clear()
    scene.fire()
    scene.now -= seconds(3600)
    scene.happen(Tick())
    assert [kind for _, kind, _ in scene.told if kind in URGENT]


def test_a_clock_that_is_trimmed_by_seconds_leaves_a_fire_its_time() -> None:
    scene = Scene()
    scene.fire()
    scene.now -= seconds(5)
    scene.happen(Tick())
    assert not [kind for _, kind, _ in scene.told if kind in URGENT]


def test_a_fire_that_outlived_its_test_window_is_not_in_the_next_one_though_nobody_looked_between() -> None:
    scene = Scene()
    scene.window(10)
    scene.fire("d1")
    scene.now += seconds(601)  # no tick: alerts is away
    scene.window(10)
    assert scene.alarm("d1").escalates_at == scene.now + seconds(180)
    scene.reset()
    scene.wait(180)
    assert scene.types() == ["alarm.escalated"]
