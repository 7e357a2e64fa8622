"""Instruments of basins and circuits: a flag for what no thing can do, none for what is legitimately constant."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import sin

import numpy as np
import pytest

from services.alerts.detectors import memory
from services.alerts.detectors.finding import EarlyWarning
from services.alerts.detectors.gauge import Gauges
from services.core.rules.catalog_early import NUMBERS
from services.core.words import county_time
from tests.unit.alerts.detectors.town import BEGIN_S

STEP_S = 300
DAY = 86_400 // STEP_S
LEARNED = 16 * DAY
Course = Callable[[int, float], float | None]
NAMES = {"level_pct": "water", "level_m": "water", "residual_current_ma": "electrical", "temp_a_c": "electrical"}


def live(name: str, course: Course, days: int = 24, step_s: int = STEP_S, seed: int = 1) -> list[EarlyWarning]:
    gauges = Gauges(NAMES[name], "X1", "140931100", None)
    noise = np.random.default_rng(seed).normal(0, 1, days * 86_400 // step_s).tolist()
    said = []
    for step, dice in enumerate(noise):
        said += gauges.take(float(BEGIN_S + step * step_s), {name: course(step, dice)})
    return said


def noisy(name: str) -> Course:
    """A course of two tides a day whose noise is well above its resolution."""
    usual, swing, noise, digits = {
        "level_pct": (80, 3, 0.4, 1), "level_m": (2.4, 0.1, 0.012, 3), "residual_current_ma": (80, 20, 4, 1),
        "temp_a_c": (35, 6, 0.4, 1),
    }[name]  # fmt: skip
    return lambda step, dice: round(usual + swing * sin(step / 23) + noise * dice, digits)


@pytest.mark.parametrize("name", NAMES)
def test_a_noisy_instrument_that_stands_still_is_flagged_with_its_value_until_it_moves(name: str) -> None:
    usual = noisy(name)
    begun, over = live(
        name, lambda step, dice: usual(LEARNED, 0.0) if LEARNED <= step < LEARNED + 4 * DAY else usual(step, dice)
    )
    assert (begun.code, begun.active, begun.severity, begun.device) == ("sensor_fault", True, "info", "X1")
    assert begun.seen == usual(LEARNED, 0.0)
    stood_h = (begun.at.timestamp() - BEGIN_S - LEARNED * STEP_S) / 3600
    assert 6 <= stood_h <= 48
    assert "values of" in begun.reason.en
    assert "always" in begun.reason.en
    assert "一直为" in begun.reason.zh
    since = datetime.fromtimestamp(BEGIN_S + LEARNED * STEP_S, UTC)  # since when it stands, not when it was told
    assert county_time(since).en in begun.reason.en
    assert not over.active
    assert over.at.timestamp() - BEGIN_S >= (LEARNED + 4 * DAY) * STEP_S


def changes_rest(name: str, value: float) -> Course:
    usual = noisy(name)
    return lambda step, dice: value if step >= LEARNED else usual(step, dice)


QUIET: dict[str, tuple[str, Course]] = {
    "a basin that is full": ("level_pct", changes_rest("level_pct", 100.0)),
    "a basin that is empty": ("level_m", changes_rest("level_m", 0.0)),
    "a circuit that is switched off": ("residual_current_ma", changes_rest("residual_current_ma", 0.0)),
    "a circuit of which a little is left": ("residual_current_ma", changes_rest("residual_current_ma", 12.5)),
    "a quiet circuit at night": (
        "residual_current_ma", lambda step, dice: 40.0 if step % DAY < 144 else round(80 + 4 * dice, 1)),
    "a circuit that rests at weekends": (
        "residual_current_ma", lambda step, dice: 75.0 if step // DAY % 7 > 4 else round(80 + 4 * dice, 1)),
    "a basin that nobody uses, in whole per cent": (
        "level_pct", lambda step, dice: round(88.4 - step / 4000 + 0.3 * dice)),
    "a level between two figures, then on one": (
        "level_pct", lambda step, dice: round((85.0 if 0 <= step - LEARNED <= DAY else 84.5) + 0.15 * dice)),
    "a tank that a pump fills and empties, then rests half full": (
        "level_m", lambda step, _dice: 1.3 if step >= LEARNED else round(1 + 0.06 * abs(step % 20 - 10), 2)),
    "a temperature in whole degrees": ("temp_a_c", lambda step, dice: round(22 + 4 * sin(step / 46) + 0.3 * dice)),
    "an instrument that tells its value only when it has changed much": (
        "temp_a_c", lambda step, dice: round(22 + 4 * sin(step // 40 / 1.2), 1)),
    "a break tank that jumps to and fro with its pump": (
        "level_pct", lambda step, dice: round(20 + 65 * (step % 2) + dice, 1)),
    "starts of motors": ("residual_current_ma", lambda step, dice: round(80 + 4 * dice + 400 * (step % 70 == 9), 1)),
}  # fmt: skip


@pytest.mark.parametrize("what", QUIET)
def test_what_is_legitimately_constant_or_jumps_by_habit_is_no_fault(what: str) -> None:
    assert live(*QUIET[what]) == []


@pytest.mark.parametrize("step_s", [900, 3600, 6 * 3600, 86_400])
def test_whoever_reports_rarely_is_not_flagged_for_a_few_equal_values(step_s: int) -> None:
    usual = noisy("level_pct")
    assert live("level_pct", lambda step, dice: 80.0 if step % 40 > 36 else usual(step, dice), 120, step_s) == []


def test_a_silence_is_no_time_that_a_value_stands() -> None:
    usual = noisy("temp_a_c")
    away = range(LEARNED, LEARNED + 5 * DAY)
    near = range(LEARNED - 2, LEARNED + 5 * DAY + 3)
    assert (
        live("temp_a_c", lambda step, dice: None if step in away else 35.0 if step in near else usual(step, dice)) == []
    )


@pytest.mark.parametrize(("name", "jump"), [("level_m", 2.0), ("level_pct", 70.0), ("temp_a_c", 60.0)])
def test_the_third_jump_to_and_fro_within_a_day_that_no_thing_makes_is_flagged(name: str, jump: float) -> None:
    usual = noisy(name)
    at = {LEARNED, LEARNED + 50, LEARNED + 100}
    begun, over = live(name, lambda step, dice: usual(step, dice) + jump * (step in at))
    assert begun.active
    assert begun.at.timestamp() - BEGIN_S == (LEARNED + 101) * STEP_S
    assert "no more than 2 one-sample spikes" in begun.reason.en
    assert "3 seen" in begun.reason.en
    assert "3 次" in begun.reason.zh
    assert not over.active
    assert live(name, lambda step, dice: usual(step, dice) + jump * (step in {LEARNED, LEARNED + 50})) == []
    assert live(name, lambda step, dice: usual(step, dice) + jump * (step // 90 % 2 and step > LEARNED)) == []


def test_however_often_a_gauge_jumps_what_is_remembered_of_it_stays_small_and_what_is_said_true() -> None:
    many = {**NUMBERS, "sensor_fault": {**NUMBERS["sensor_fault"], "spikes": 50.0}}
    before, usual = Gauges("water", "X1", "140931100", None, many), noisy("level_m")
    dice = np.random.default_rng(1).normal(0, 1, LEARNED).tolist()
    for step in range(LEARNED):
        assert before.take(float(BEGIN_S + step * STEP_S), {"level_m": usual(step, dice[step])}) == []
    learned = memory.dump(before)

    def jump(gauges: Gauges, begin: int, every: int) -> list[EarlyWarning]:
        said = []
        for step in range(begin, begin + DAY):
            said += gauges.take(float(BEGIN_S + step * STEP_S), {"level_m": 2.4 + 2 * (step % every == 0)})
        return said

    assert jump(before, LEARNED, 8) == []
    after = Gauges("water", "X1", "140931100", None)  # flags from fewer on
    memory.load(after, memory.dump(before))
    (told,) = jump(after, LEARNED + DAY, 4)
    assert "at least 36 seen" in told.reason.en
    assert "出现不少于 36 次" in told.reason.zh
    assert len(memory.dump(after)) < len(learned) + 200
