"""A circuit that sends what has changed, or a message for each phase, is judged as one that sends everything."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.alerts.detectors.finding import EarlyWarning
from services.alerts.detectors.wiring import WiringDetector

STEP_S, DAYS, BEGIN_S = 300, 12, 1_780_243_200
LOOSE = 9 * 86_400 // STEP_S  # since when the joint of one phase is loose
Reading = dict[str, float]


def course(hot: str = "temp_c_c") -> Iterator[Reading]:
    """A load on three phases of which the third is the largest; then its joint, or another, warms more."""
    for step in range(DAYS * 86_400 // STEP_S):
        load = 1.2 + 0.8 * (step % 288 in range(90, 210)) + 0.1 * (step // 3 * 37 % 10) / 10
        noise = ((step * 7919) % 13 - 6) * 0.08
        warm = 15 * load**2
        reading = {"residual_current_ma": 60 + 30 * load + 10 * noise}
        for phase, part in (("a", 0.5), ("b", 0.7), ("c", 1.0), ("n", 0.3)):
            name = f"temp_{phase}_c"
            reading[name] = round(20 + part * warm * (1.8 if name == hot and step >= LOOSE else 1) + noise, 1)
        reading |= {"current_a_a": 15 * load + noise / 10, "current_b_a": 21 * load, "current_c_a": 30 * load}
        yield reading


def whole(reading: Reading, _kept: dict[str, tuple[int, float]], _step: int) -> list[Reading]:
    return [reading]


def by_phase(reading: Reading, _kept: dict[str, tuple[int, float]], _step: int) -> list[Reading]:
    parts = (("residual_current_ma", "temp_a_c", "current_a_a"), ("temp_b_c", "current_b_a"))
    messages = [*parts, ("temp_c_c", "current_c_a"), ("temp_n_c",)]
    return [{name: reading[name] for name in names} for names in messages]


def changes(reading: Reading, kept: dict[str, tuple[int, float]], step: int) -> list[Reading]:
    """What is not as it was said last; everything is said again before it is too old."""
    said: Reading = {}
    for name, value in reading.items():
        at, before = kept.get(name, (-9, 0.0))
        if value != before or (step - at) * STEP_S >= 600:
            said[name], kept[name] = value, (step, value)
    return [said]


def told(sent: Callable[..., list[Reading]], **how: Any) -> list[EarlyWarning]:
    detector, said, kept = WiringDetector("E1", "140931100", None, STEP_S), [], {}
    for step, reading in enumerate(course(**how)):
        for number, message in enumerate(sent(reading, kept, step)):
            said += detector.take(BEGIN_S + step * STEP_S + number, message)
    return said


@pytest.mark.parametrize("sent", [by_phase, changes])
def test_a_circuit_that_does_not_name_every_phase_each_time_is_judged_alike(sent: Callable[..., list[Reading]]) -> None:
    expected, said = told(whole), told(sent)
    assert [one.code for one in expected if one.active] == ["joint_heating"]
    assert [(one.code, one.active, one.at) for one in said] == [(one.code, one.active, one.at) for one in expected]


def test_a_hot_joint_of_the_neutral_is_told() -> None:
    assert [one.code for one in told(whole, hot="temp_n_c") if one.active] == []
    hotter = [reading | {"temp_n_c": reading["temp_n_c"] * 4} for reading in course(hot="temp_n_c")]
    detector, said = WiringDetector("E1", "140931100", None, STEP_S), []
    for step, reading in enumerate(course(hot="none")):
        said += detector.take(BEGIN_S + step * STEP_S, hotter[step] if step >= LOOSE else reading)
    assert [one.code for one in said if one.active] == ["joint_heating"]


def test_what_a_phase_said_long_ago_is_not_added() -> None:
    detector = WiringDetector("E1", "140931100", None, STEP_S)
    detector.take(BEGIN_S, {"current_a_a": 10.0, "current_b_a": 20.0, "temp_a_c": 30.0})
    detector.take(BEGIN_S + 1, {"current_a_a": 11.0})
    assert held(detector, "_amperes") == [30.0, 31.0]
    detector.take(BEGIN_S + 1000, {"current_a_a": 12.0})
    assert held(detector, "_amperes") == [12.0]


def held(detector: WiringDetector, name: str) -> Any:
    return getattr(detector, name)
