"""A simulated winter week: every value possible, no healthy device near an alarm limit, the day visible."""

import statistics
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from services.core.contracts import READING_MODELS
from services.core.topics import Kind
from simulators.climate import air_temp_c, hour_of, is_weekend, water_demand
from simulators.places import place_of
from simulators.twin import Twin, make_twin

JANUARY_S = datetime(2026, 1, 12, tzinfo=UTC).timestamp()
WEEK_S = 7 * 86_400


def twin_of(kind: Kind, number: int, seed: int = 1, shift_c: float = 0.0) -> Twin:
    twin = make_twin(kind, number, place=place_of(kind, number, 4), seed=seed, at_s=JANUARY_S)
    twin.shift_c = shift_c
    return twin


def week_of(twin: Twin, step_s: int = 600) -> list[dict[str, float]]:
    return [twin.read(JANUARY_S + at_s, JANUARY_S + at_s) for at_s in range(0, WEEK_S, step_s)]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_reading_is_physically_possible(kind: Kind) -> None:
    model = READING_MODELS[kind]
    for number in range(1, 9):
        for reading in week_of(twin_of(kind, number, shift_c=-20.0), step_s=3600):
            assert not model.model_validate(reading).model_extra


@pytest.mark.parametrize("kind", list(Kind))
def test_the_same_seed_gives_the_same_bytes(kind: Kind) -> None:
    assert week_of(twin_of(kind, 3), 3600) == week_of(twin_of(kind, 3), 3600)
    if kind is not Kind.PANEL:
        assert week_of(twin_of(kind, 3), 3600) != week_of(twin_of(kind, 3, seed=2), 3600)


def test_sequence_counts_every_reading() -> None:
    assert all(later["seq"] == earlier["seq"] + 1 for earlier, later in pairwise(week_of(twin_of(Kind.WATER, 1))))


def test_healthy_hydrants_stay_above_the_legal_pressure_and_swing_with_the_day() -> None:
    swings = []
    for number in range(1, 21):
        pressures: dict[bool, list[float]] = {True: [], False: []}
        for reading in week_of(twin_of(Kind.HYDRANT, number)):
            assert 0.15 < reading["pressure_mpa"] < 0.6
            hour = hour_of(reading["ts"] / 1000)
            if 2 <= hour < 4 or 18 <= hour < 20:
                pressures[hour < 4].append(reading["pressure_mpa"])
        swings.append(statistics.mean(pressures[True]) - statistics.mean(pressures[False]))
    assert min(swings) > -0.01  # those beside a tank hardly swing
    assert statistics.mean(swings) > 0.008


def test_a_healthy_hydrant_never_falls_as_fast_as_a_burst() -> None:
    readings = week_of(twin_of(Kind.HYDRANT, 1), step_s=900)
    assert max(a["pressure_mpa"] - b["pressure_mpa"] for a, b in pairwise(readings)) < 0.06


def test_a_healthy_circuit_stays_below_its_set_points() -> None:
    for number in range(1, 21):
        readings = week_of(twin_of(Kind.ELECTRICAL, number))
        leakage = [reading["residual_current_ma"] for reading in readings]
        for trio in zip(leakage, leakage[1:], leakage[2:], strict=False):
            assert statistics.median(trio) < 250
        for reading in readings:
            assert max(reading[f"temp_{phase}_c"] for phase in "abcn") < 65
            assert all(198 < reading[f"voltage_{phase}_v"] < 253 for phase in "abc")
            assert reading["arc_count"] < 14


def test_energy_only_grows() -> None:
    readings = week_of(twin_of(Kind.ELECTRICAL, 5))
    assert all(later["energy_kwh"] >= earlier["energy_kwh"] for earlier, later in pairwise(readings))


def test_basins_are_refilled_before_they_are_low() -> None:
    for number in range(1, 13):
        assert all(40 < reading["level_pct"] < 105 for reading in week_of(twin_of(Kind.WATER, number)))


def test_a_cold_spell_falls_below_minus_twenty_and_weakens_cells() -> None:
    nights = [air_temp_c(JANUARY_S + hour * 3600) for hour in range(24 * 28)]
    assert min(nights) < -20
    warm, cold = twin_of(Kind.HYDRANT, 2), twin_of(Kind.HYDRANT, 2, shift_c=-15.0)
    assert cold.read(JANUARY_S, JANUARY_S)["battery_pct"] < warm.read(JANUARY_S, JANUARY_S)["battery_pct"]


def test_demand_peaks_in_the_evening_and_weekends_get_up_later() -> None:
    monday = datetime(2026, 1, 11, 16, tzinfo=UTC).timestamp()  # 00:00 in Baode
    saturday = monday + 5 * 86_400
    assert not is_weekend(monday)
    assert is_weekend(saturday)
    assert water_demand(monday + 19 * 3600) > 3 * water_demand(monday + 3 * 3600)
    assert water_demand(monday + 7 * 3600) > water_demand(saturday + 7 * 3600)


def test_panels_have_a_few_false_alarms_a_year_and_report_their_end() -> None:
    fires = ended = 0
    for number in range(1, 21):
        twin = twin_of(Kind.PANEL, number)
        for hour in range(24 * 365):
            for event in twin.happen(JANUARY_S + hour * 3600, JANUARY_S):
                fires += event["type"] == "fire" and event.get("active", True)
                ended += event.get("active") is False
    assert 20 <= fires <= 300  # 20 panels of 40 to 200 heads, 0.02 to 0.065 a head and year
    assert ended >= fires - 20


def test_only_panels_have_events_of_their_own() -> None:
    assert twin_of(Kind.HYDRANT, 1).happen(JANUARY_S + WEEK_S, JANUARY_S) == []
