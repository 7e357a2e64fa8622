"""The small machines under the detectors."""

import tracemalloc
from math import sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.detectors import memory
from services.alerts.detectors.cooling import CoolingDetector
from services.alerts.detectors.instrument import Instruments
from services.alerts.detectors.regression import Regression
from services.alerts.detectors.slots import Slots
from services.alerts.detectors.watchfulness import Watchfulness
from services.alerts.detectors.wiring import WiringDetector
from services.core.rules.catalog_early import EARLY, NUMBERS
from services.core.words import Severity

STEP_S = 900


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_regression_finds_what_explains(constant, slope):
    model = Regression(2, 0.999, 12)
    for step in range(60):
        causes = [1.0, (step * 7 % 11) / 5]
        model.learn(causes, constant + slope * causes[1])
    assert abs(sum(model.weights) - constant - slope) < 0.05


def test_lessons_and_courses_take_no_more_memory_as_they_fill():
    models = [Regression(6, 0.999, 36) for _ in range(100)]
    waters = [CoolingDetector(f"H{number}", "140931100", None) for number in range(100)]

    def fill(first, last):
        for step in range(first, last):
            for model, water in zip(models, waters, strict=True):
                model.learn([0.1 * step, 0.2, 0.3, 0.4, 0.5, 0.6 * step], 1.0 + step)
                water.take(600.0 * step, {"water_temp_c": 20.0 + step})

    fill(0, 2)
    tracemalloc.start()
    fill(2, 18)
    grown_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown_bytes < 100 * 500  # a pair of objects a step and device would be 100 * 16 * 350


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_a_limit_stays_between_its_bounds(highest):
    watchful = Watchfulness(4, 9, 0.2)
    for day, value in enumerate(highest):
        watchful.note(value, day)
        assert 4 <= watchful.limit <= 9


@given(st.lists(st.floats(0, 299), min_size=1, max_size=9))
def test_a_slot_is_the_median_of_what_came_within_it(seconds):
    slots = Slots(2, 300)
    for number, second in enumerate(seconds):
        slots.add(0, second, float(number))
    assert slots.ends_with(300)
    ended, values = slots.close(601)
    assert ended == 300
    assert values[0] == len(seconds) // 2
    assert values[1] != values[1]
    slots.add(1, 599, 7.0)  # one slot late: counts where nothing newer came
    assert slots.close(900)[1][1] == 7.0


def test_an_open_slot_goes_on_from_its_memory():
    slots, again = Slots(3, 300), Slots(3, 300)
    slots.add(1, 10, 0.4)
    for second, value in enumerate((0.9, 0.5, 0.7)):
        slots.add(2, 20 + second, value)
    memory.load(again, memory.dump(slots))
    for one in (slots, again):
        one.add(1, 30, 0.2)
        assert one.ends_with(300)
        ended, values = one.close(300)
        assert (ended, values[1:].tolist()) == (300, [0.4, 0.7])
        assert np.isnan(values[0])
        assert one.outvoted.tolist() == [False, False, True]


def test_a_jump_waits_a_slot_unless_three_readings_or_more_say_so():
    instruments = Instruments(2, 288, NUMBERS["sensor_fault"])
    for _ in range(3):
        instruments.take(300, np.array([0.6, 0.6]))
    fallen = np.array([0.2, 0.2])
    clean, *_ = instruments.take(600, fallen, np.array([False, True]))
    assert np.isnan(clean[0])
    assert clean[1] == 0.2
    clean, *_ = instruments.take(600, fallen, np.array([False, False]))
    assert clean.tolist() == [0.2, 0.2]


@pytest.mark.parametrize(("readings", "outvoted"), [(1, False), (2, False), (3, True), (20, True)])
def test_a_slot_of_three_readings_outvotes_a_single_one(readings, outvoted):
    slots = Slots(1, 300)
    for number in range(readings):
        slots.add(0, number, 0.05 if number == 0 else 0.4)
    _, values = slots.close(300)
    assert slots.outvoted.tolist() == [outvoted]
    assert values[0] == 0.4 or not outvoted


def live_wiring(
    residual, temperature=lambda _step, load: 20 + 15 * load**2, days=12, field="current_a_a", every_s=STEP_S
):
    detector = WiringDetector("E1", "140931100", None, every_s)
    said = []
    for step in range(days * 86_400 // STEP_S):
        load = 1.2 + 0.8 * (step % 96 in range(30, 70)) + 0.1 * ((step * 37) % 10) / 10
        noise = ((step * 7919) % 13 - 6) * 0.8
        reading = {
            "residual_current_ma": residual(step, load) + noise,
            "temp_a_c": temperature(step, load) + noise / 10,
            field: 30 * load,
        }
        said += detector.take(1_780_243_200 + step * STEP_S, reading)
    return said


def test_ageing_insulation_is_told_long_before_the_legal_limit():
    said = live_wiring(lambda step, load: 60 + 30 * load + max(0, step - 850) * 0.2)
    begun = [one for one in said if one.active]
    assert begun[0].code == "insulation_ageing"
    assert begun[0].severity is Severity.MINOR
    raised_at_step = (begun[0].at.timestamp() - 1_780_243_200) / STEP_S
    assert 60 + 30 * 2.1 + (raised_at_step - 850) * 0.2 < 250


def test_load_and_start_up_spikes_are_no_ageing():
    said = live_wiring(lambda step, load: 60 + 30 * load + (300 if step % 290 == 5 else 0))
    assert not said


def heat(temperature, **how):
    return {one.code for one in live_wiring(lambda _step, load: 60 + 30 * load, temperature, **how) if one.active}


def test_a_hot_joint_is_told():
    assert heat(lambda step, load: 20 + 15 * load**2 * (1 if step < 900 else 1.8)) == {"joint_heating"}


@pytest.mark.parametrize("every_s", [60, 300])
def test_a_circuit_that_reports_on_the_quarter_hour_is_judged_whatever_its_interval_says(every_s):
    def loose(step, load):
        return 20 + 15 * load**2 * (1 if step < 900 else 1.8)

    assert heat(loose, every_s=every_s) == {"joint_heating"}


def test_days_are_learned_by_the_calendar_not_by_slots():
    """Every third slot has a reading: a jump on the eighth day is told on it, where seven days have to be learned."""
    said = live_wiring(lambda step, load: 60 + 30 * load + 200 * (step >= 7 * 96 + 10), every_s=300)
    assert [one.code for one in said if one.active] == ["insulation_ageing"]
    assert said[0].at.timestamp() - 1_780_243_200 < 8 * 86_400


def test_the_weather_in_a_switch_room_is_no_hot_joint():
    assert heat(lambda step, load: 20 + 9 * (step >= 780) + 6 * sin(step / 130) + 15 * load**2) == set()
    assert heat(lambda step, load: 20 + 0.02 * step + 15 * load**2) == set()


def test_a_load_that_grows_is_no_hot_joint():
    detector = WiringDetector("E1", "140931100", None, STEP_S)
    said, warm = [], 0.0
    for step in range(20 * 96):
        load = 0.3 + 0.5 * (step % 96 in range(30, 70)) + 0.02 * (step * 37 % 10) + 0.2 * (step >= 1200)
        warm += 0.4 * (25 * load**2 - warm)
        said += detector.take(step * STEP_S, {"temp_a_c": 20 + warm, "current_a_a": 80 * load})
    assert said == []


def test_without_currents_nothing_is_said_of_joints():
    assert heat(lambda step, load: 20 + 15 * load**2 * (1 if step < 900 else 1.8), field="voltage_a_v") == set()


def cool(air_c, slope_k_per_h, from_c=5.0, every_s=600):
    detector = CoolingDetector("H1", "140931100", None)
    said = []
    for step in range(5 * 3600 // every_s):
        reading = {"water_temp_c": from_c + slope_k_per_h * step * every_s / 3600}
        if air_c is not None:
            reading["air_temp_c"] = air_c
        said += detector.take(float(step * every_s), reading)
    return [one.code for one in said if one.active]


def test_water_that_cools_towards_frost_is_told_within_twelve_hours():
    assert cool(None, -0.5) == ["freeze_forecast"]
    assert cool(-15.0, -0.5) == ["freeze_forecast"]


def test_the_last_three_hours_say_how_fast_it_cools_whatever_the_interval():
    for every_s in (300, 1800, 3600):
        detector = CoolingDetector("H1", "140931100", None)
        said = []
        for at_s in range(0, 30 * 3600, every_s):  # warm and steady for a day, then falling by 1 K/h
            said += detector.take(float(at_s), {"water_temp_c": 7.0 - max(0, at_s - 24 * 3600) / 3600})
        begun = [one.at.timestamp() / 3600 for one in said if one.active]
        assert len(begun) == 1, every_s
        assert begun[0] < 24 + 4.1, every_s


def test_a_forecast_ends_when_no_temperature_comes_for_a_day():
    detector = CoolingDetector("H1", "140931100", None)
    said = []
    for at_s in range(0, 5 * 3600, 600):
        said += detector.take(float(at_s), {"water_temp_c": 4.0 - 0.5 * at_s / 3600})
    assert [one.active for one in said] == [True]
    last_s = 5 * 3600 - 600.0
    for hours in (1, 25, 25.5, 26):
        said += detector.take(last_s + hours * 3600, {"pressure_mpa": 0.3, "water_temp_c": None})
    assert [(one.code, one.active) for one in said] == [("freeze_forecast", True), ("freeze_forecast", False)]
    assert said[1].at.timestamp() == last_s + 25.5 * 3600


def test_air_above_freezing_and_slow_cooling_freeze_nothing():
    assert cool(2.0, -0.5) == []
    assert cool(None, -0.05) == []
    assert cool(None, 0.3, from_c=1.0) == []


def test_every_code_of_the_contract_has_its_numbers():
    wanted = "water_burst water_draw water_leak hydrant_decoupled freeze_forecast insulation_ageing joint_heating"
    assert set(EARLY) == {*wanted.split(), "sensor_fault"}
    for code, rule in EARLY.items():
        for name, parameter in rule.parameters.items():
            assert parameter.bounds.fault(NUMBERS[code][name]) is None, f"{code}.{name}"
            assert parameter.source
