"""Escalation as a table of times: what happens at which second, and what the desk hears at which second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from services.core.alarms.life.model import Policy
from services.core.words import Part
from tests.unit.core.alarms.fires.scene import Scene

Deed = Callable[[Scene], object]

FIRE: Deed = partial(Scene.fire, component="d1")
SECOND: Deed = partial(Scene.fire, component="d2")
PANEL: Deed = partial(Scene.fire, component="")
OTHER_PANEL: Deed = partial(Scene.fire, component="", device="p2")
CALL_POINT: Deed = partial(Scene.fire, component="m1", manual=True)
KEY: Deed = partial(Scene.fire, component="", device="utd", manual=True)
SUPPORT: Deed = Scene.support
FLOW: Deed = partial(Scene.support, component="wf", part=Part.WATER_FLOW)
RESET: Deed = Scene.reset
OVER: Deed = Scene.over
WINDOW: Deed = partial(Scene.window, minutes=10)
WINDOW_ENDS: Deed = partial(Scene.window, minutes=0)
RESTART: Deed = Scene.restart


def acknowledge(s: Scene) -> None:
    s.act("acknowledge")


def verdict(outcome: str, component: str = "d1") -> Deed:
    return lambda s: s.verify(outcome, component)


CONFIRMED, ESCALATED, UPDATED, CLEARED = "fire.confirmed", "alarm.escalated", "alarm.updated", "alarm.cleared"

#     what happens at which second                              what the desk hears at which second
TABLE = {
    "suspected": ([(0, FIRE)], [(180, ESCALATED, "p1/d1")]),
    "suspected, panel level": ([(0, PANEL)], [(180, ESCALATED, "p1/")]),
    "call point": ([(0, CALL_POINT)], [(0, CONFIRMED, "p1/m1")]),
    "manual key of a transmitter": ([(0, KEY)], [(0, CONFIRMED, "utd/")]),
    "probable by support": ([(0, FIRE), (100, SUPPORT)], [(160, ESCALATED, "p1/d1")]),
    "probable late in the clock": ([(0, FIRE), (150, SUPPORT)], [(180, ESCALATED, "p1/d1")]),
    "support before the fire": ([(0, SUPPORT), (300, FIRE)], [(360, ESCALATED, "p1/d1")]),
    "support too long before": ([(0, SUPPORT), (300.5, FIRE)], [(480.5, ESCALATED, "p1/d1")]),
    "probable by a second firing": ([(0, FIRE), (10, RESET), (20, FIRE)], [(80, ESCALATED, "p1/d1")]),
    "judged real, reset, and fired again": (
        [(0, FIRE), (30, verdict("real")), (60, RESET), (100, FIRE)],
        [(30, CONFIRMED, "p1/d1"), (60, CLEARED, "p1/d1"), (160, ESCALATED, "p1/d1")],
    ),
    "judged real, reset, and fired again much later": (
        [(0, FIRE), (30, verdict("real")), (60, RESET), (1000, FIRE)],
        [(30, CONFIRMED, "p1/d1"), (60, CLEARED, "p1/d1"), (1180, ESCALATED, "p1/d1")],
    ),
    "panel and another device's component": (
        [(0, FIRE), (10, OTHER_PANEL)],
        [(70, ESCALATED, "p1/d1"), (70, ESCALATED, "p2/")],
    ),
    "panel and its own component": (
        [(0, FIRE), (10, PANEL)],
        [(180, ESCALATED, "p1/d1"), (190, ESCALATED, "p1/")],
    ),
    "two independent": ([(0, FIRE), (100, SECOND)], [(100, CONFIRMED, "p1/d1"), (100, UPDATED, "p1/d2")]),
    "two at five minutes": (
        [(0, FIRE), (300, SECOND)],
        [(180, ESCALATED, "p1/d1"), (300, CONFIRMED, "p1/d1"), (300, UPDATED, "p1/d2")],
    ),
    "two over five minutes apart": (
        [(0, FIRE), (300.5, SECOND)],
        [(180, ESCALATED, "p1/d1"), (480.5, ESCALATED, "p1/d2")],
    ),
    "detector and water flow": ([(0, FIRE), (50, FLOW)], [(50, CONFIRMED, "p1/d1")]),
    "a person says real": ([(0, FIRE), (30, verdict("real"))], [(30, CONFIRMED, "p1/d1")]),
    "confirmed after the escalation": (
        [(0, FIRE), (200, verdict("real"))],
        [(180, ESCALATED, "p1/d1"), (200, CONFIRMED, "p1/d1")],
    ),
    "called false in time": ([(0, FIRE), (179.9, verdict("false"))], []),
    "called a test in time": ([(0, FIRE), (100, verdict("test"))], []),
    "called false too late": (
        [(0, FIRE), (200, verdict("false"))],
        [(180, ESCALATED, "p1/d1"), (200, UPDATED, "p1/d1"), (200, CLEARED, "p1/d1")],
    ),
    "acknowledged": ([(0, FIRE), (10, acknowledge)], [(180, ESCALATED, "p1/d1")]),
    "reset": ([(0, FIRE), (10, RESET)], [(180, ESCALATED, "p1/d1")]),
    "active: false": ([(0, FIRE), (10, OVER)], [(180, ESCALATED, "p1/d1")]),
    "all of them and a restart": (
        [(0, FIRE), (10, acknowledge), (20, OVER), (30, RESET), (40, RESTART)],
        [(180, ESCALATED, "p1/d1")],
    ),
    "escalated, then reset": (
        [(0, FIRE), (200, RESET)],
        [(180, ESCALATED, "p1/d1"), (200, CLEARED, "p1/d1")],
    ),
    "escalated, reset, and back": (
        [(0, FIRE), (200, RESET), (300, FIRE)],
        [
            (180, ESCALATED, "p1/d1"),
            (200, CLEARED, "p1/d1"),
            (300, UPDATED, "p1/d1"),
            (360, ESCALATED, "p1/d1"),
        ],
    ),
    "reset, then escalated, then false": (
        [(0, FIRE), (10, RESET), (200, verdict("false"))],
        [(180, ESCALATED, "p1/d1"), (200, UPDATED, "p1/d1"), (200, CLEARED, "p1/d1")],
    ),
    "reset, then judged real": ([(0, FIRE), (10, RESET), (20, verdict("real"))], [(20, CONFIRMED, "p1/d1")]),
    "again after false": (
        [(0, FIRE), (100, verdict("false")), (110, FIRE)],
        [(290, ESCALATED, "p1/d1")],
    ),
    "another component after false": (
        [(0, FIRE), (100, verdict("false")), (110, SECOND)],
        [(290, ESCALATED, "p1/d2")],
    ),
    "kitchen: two heads, call point, panel and transmitter": (
        [(0, PANEL), (1, FIRE), (2, OTHER_PANEL), (5, SECOND), (9, CALL_POINT)],
        [
            (5, CONFIRMED, "p1/d1"),
            (5, UPDATED, "p2/"),
            (5, UPDATED, "p1/d2"),
            (5, UPDATED, "p1/"),
            (9, UPDATED, "p1/m1"),
        ],
    ),
    "call point judged false, the head is judged afresh": (
        [(0, FIRE), (5, CALL_POINT), (20, verdict("false", "m1"))],
        [
            (5, CONFIRMED, "p1/m1"),
            (5, UPDATED, "p1/d1"),
            (20, UPDATED, "p1/m1"),
            (20, CLEARED, "p1/m1"),
            (200, ESCALATED, "p1/d1"),
        ],
    ),
    "call point judged false": (
        [(0, CALL_POINT), (20, verdict("false", "m1"))],
        [(0, CONFIRMED, "p1/m1"), (20, UPDATED, "p1/m1"), (20, CLEARED, "p1/m1")],
    ),
    "in a test window": ([(0, WINDOW), (10, FIRE), (20, SECOND), (30, RESET)], []),
    "in a test window, still there when it ends": (
        [(0, WINDOW), (10, FIRE)],
        [(600 + 180, ESCALATED, "p1/d1")],
    ),
    "in a test window, two still there": (
        [(0, WINDOW), (10, FIRE), (20, SECOND)],
        [(660, ESCALATED, "p1/d1"), (660, ESCALATED, "p1/d2")],
    ),
    "in a test window that is ended early": ([(0, WINDOW), (10, FIRE), (60, WINDOW_ENDS)], [(240, ESCALATED, "p1/d1")]),
    "in a test window, a call point": ([(0, WINDOW), (10, CALL_POINT)], [(10, CONFIRMED, "p1/m1")]),
    "in a test window, a person": ([(0, WINDOW), (10, FIRE), (50, verdict("real"))], [(50, CONFIRMED, "p1/d1")]),
    "before a test window": ([(0, FIRE), (10, WINDOW)], [(180, ESCALATED, "p1/d1")]),
    "tested, reset, and back after the window": (
        [(0, WINDOW), (10, FIRE), (20, RESET), (700, FIRE)],
        [(760, ESCALATED, "p1/d1")],
    ),
}


def run(policy: Policy, deeds: list[tuple[float, Deed]], until_s: float) -> Scene:
    scene = Scene(policy)
    at = 0.0
    for when, deed in deeds:
        scene.wait(when - at)
        at = when
        deed(scene)
    scene.wait(until_s - at)
    return scene


@pytest.mark.parametrize("name", TABLE)
def test_the_desk_hears_exactly_this_at_exactly_that_second(name: str) -> None:
    deeds, expected = TABLE[name]
    assert run(Policy(), deeds, 1500).told == expected


@pytest.mark.parametrize(("suspected_s", "probable_s"), [(30, 10), (600, 120)])
def test_another_policy_moves_the_clocks(suspected_s: float, probable_s: float) -> None:
    policy = Policy(suspected_clock_s=suspected_s, probable_clock_s=probable_s)
    assert run(policy, [(0, FIRE)], 1500).told == [(suspected_s, ESCALATED, "p1/d1")]
    assert run(policy, [(0, FIRE), (5, SUPPORT)], 1500).told == [(5 + probable_s, ESCALATED, "p1/d1")]
    assert run(policy, [(0, CALL_POINT)], 1500).told == [(0, CONFIRMED, "p1/m1")]


def test_a_later_fire_of_an_unjudged_call_point_is_told_anew() -> None:
    scene = run(Policy(), [(0, CALL_POINT), (1801, CALL_POINT)], 2000)
    assert scene.told == [(0, CONFIRMED, "p1/m1"), (1801, CONFIRMED, "p1/m1")]
    assert {incident for incident, _, _ in scene.notices} == {"i1", "i2"}


def test_a_fire_after_the_confirmed_one_was_cleared_is_an_incident_of_its_own() -> None:
    def clear(scene: Scene) -> None:
        scene.verify("real", "m1")
        scene.act("clear", "m1")

    scene = run(Policy(), [(0, CALL_POINT), (5, FIRE), (60, clear), (90, CALL_POINT)], 400)
    confirmed = [incident for incident, kind, _ in scene.notices if kind == CONFIRMED]
    assert confirmed == ["i1", "i2"]
