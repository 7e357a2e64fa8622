"""A clock that is behind by a constant is no lateness; a back-fill is, however it comes (contract 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from services.ingest.behind import RIGHT, from_json, to_json
from tests.unit.alerts.road import Fields, Road

MIN = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
WRONG = "+clock_wrong minor"
LOW = "+hydrant_pressure_low major"
DROP = "+hydrant_pressure_drop minor"


def behind(lag_s: float, pressures: list[float], *, step_s: float = 60, road: Road | None = None) -> list[list[str]]:
    road = road or Road()
    return [road.send(n * step_s, n * step_s - lag_s, pressure_mpa=mpa) for n, mpa in enumerate(pressures)]


@pytest.mark.parametrize("lag_s", [12 * MIN, 20 * MIN, 55 * MIN, 2 * HOUR, 9 * DAY])
def test_a_dead_hydrant_is_heard_however_far_its_clock_is_behind(lag_s: float) -> None:
    assert behind(lag_s, [0.3, 0.3, 0.3, 0.3, 0.02]) == [[], [], [WRONG], [], [LOW, DROP]]


@pytest.mark.parametrize("step_s", [0.02, 1, 10, 300])
def test_it_counts_messages_and_not_time(step_s: float) -> None:
    assert behind(20 * MIN, [0.3, 0.3, 0.02], step_s=step_s)[2][:2] == [WRONG, LOW]


def test_its_readings_are_marked_and_not_late() -> None:
    road = Road()
    behind(20 * MIN, [0.3] * 4, road=road)
    assert [(row["late"], row["clock_behind"]) for row in road.rows] == [(True, False)] * 2 + [(False, True)] * 2


def test_delays_on_the_way_do_not_hide_it() -> None:
    road = Road()
    delays = [0, 9, 2, 14, 0, 45, 3, 0]
    said = [road.send(n * 60 + delay, n * 60 - 720, pressure_mpa=0.3) for n, delay in enumerate(delays)]
    assert said == [[], [], [WRONG], [], [], [], [], []]
    assert [row["clock_behind"] for row in road.rows] == [False] * 2 + [True] * 6


def test_a_clock_of_whole_seconds_is_recognised() -> None:
    road = Road()
    for n in range(8):
        road.send(n * 0.7, float(int(n * 0.7)) - 720, pressure_mpa=0.3)
    assert road.said == [WRONG]


def test_a_clock_that_stands_still_is_recognised() -> None:
    road = Road()
    said = [road.send(n * 60, 0, pressure_mpa=0.3 if n < 14 else 0.02) for n in range(16)]
    assert said[:13] == [[]] * 13
    assert said[13:15] == [[WRONG], [LOW, DROP]]


def test_one_measurement_in_several_messages_is_one_witness() -> None:
    road = Road()
    for n in range(4):
        for part, fields in enumerate([{"pressure_mpa": 0.02}, {"battery_pct": 3.0}, {"tilt_deg": 40.0}]):
            road.send(n * 0.1 + part * 0.01, n * 60 - HOUR, **fields)
    assert road.said == []


def test_three_readings_of_one_millisecond_are_three() -> None:
    road = Road()
    assert [road.send(0.001, -1200, pressure_mpa=0.02) for _ in range(3)] == [[], [], [WRONG, LOW]]


def test_a_clock_that_went_back_is_heard_by_its_numbers() -> None:
    road = Road()
    road.send(0, 0, pressure_mpa=0.3)
    said = [road.send(60 + n * 60, 60 + n * 60 - 1200, pressure_mpa=mpa) for n, mpa in enumerate([0.3, 0.3, 0.3, 0.02])]
    assert said == [[], [], [WRONG], [LOW, DROP]]


def test_the_right_time_ends_it_at_once() -> None:
    road = Road()
    behind(20 * MIN, [0.3] * 4, road=road)
    assert road.send(300, 299, pressure_mpa=0.3) == ["-clock_wrong"]
    assert [road.send(300 + n * 60, 299 + n * 60, pressure_mpa=0.13) for n in (1, 2)] == [[DROP], [LOW]]


def test_a_clock_at_the_edge_does_not_flap() -> None:
    road = Road()
    for n in range(40):
        road.send(n * 60, n * 60 - 600 - (5 if n % 2 else -5) - (10 if n < 6 else 0), pressure_mpa=0.3)
    assert road.said == [WRONG]


def test_a_clock_that_jumps_further_back_is_heard_after_three_more() -> None:
    road = Road()
    behind(12 * MIN, [0.3] * 4, road=road)
    said = [road.send(240 + n * 60, 240 + n * 60 - HOUR, pressure_mpa=0.02) for n in range(3)]
    assert said == [[], [], [LOW, DROP]]


def test_a_clock_that_is_less_behind_than_before_is_judged_anew() -> None:
    road = Road()
    behind(HOUR, [0.3] * 4, road=road)
    said = [road.send(240 + n * 60, 240 + n * 60 - 15 * MIN, pressure_mpa=0.02) for n in range(3)]
    assert said == [[], [], [LOW, DROP]]


def test_a_back_fill_of_a_device_whose_clock_is_behind_raises_nothing() -> None:
    road = Road()
    behind(20 * MIN, [0.3] * 4, road=road)
    road.said.clear()
    missed = [(240 + n * 60 - 1200, road.number(), {"pressure_mpa": 0.02}) for n in range(60)]
    for n, reading in enumerate(missed[:30]):  # it was cut off for an hour: one at a time first, then the rest at once
        road.send_many(3900 + n * 0.1, [reading])
    road.send_many(3904, missed[30:])
    assert road.said == []
    assert road.send(3960, 3960 - 1200, pressure_mpa=0.3) == []
    assert road.send(4020, 4020 - 1200, pressure_mpa=0.02) == [LOW, DROP]


def test_messages_that_waited_with_us_prove_nothing_against_a_clock() -> None:
    road = Road()
    for n in range(6):
        road.send_many(n * 60, [(n * 60 - 900, road.number(), {"pressure_mpa": 0.02})], prompt=False)
    assert road.said == []


def test_what_is_known_of_a_clock_survives_a_restart_of_both_programs() -> None:
    road = Road()
    behind(20 * MIN, [0.3] * 3, road=road)
    road.device.clock = from_json(json.loads(json.dumps(to_json(road.device.clock))))
    saved = json.loads(json.dumps(road.rules.to_json()))
    road.rules = DeviceRules.from_json(road.rules.device, DEFAULTS, saved)
    assert road.send(180, 180 - 1200, pressure_mpa=0.02) == [LOW, DROP]
    assert road.send(240, 240, pressure_mpa=0.02) == ["-clock_wrong"]


@pytest.mark.parametrize(
    "saved",
    [None, 7, "text", [], {}, {"behind_us": "a", "late": [[1, 2, 3]]}, {"behind_us": 1, "late": []},
     {"behind_us": 1, "late": [[1, 2]]}, {"behind_us": 1, "late": [[1, 2, "x"]]}, {"behind_us": 1, "late": "abc"}],
)  # fmt: skip
def test_a_spoilt_row_counts_as_a_right_clock(saved: Any) -> None:
    assert from_json(saved) == RIGHT


def test_a_state_of_an_older_release_knows_no_clock_that_is_behind() -> None:
    rules = Road().rules
    saved = rules.to_json()
    del saved["clock"]["behind_at"]
    assert DeviceRules.from_json(rules.device, DEFAULTS, saved).to_json() == rules.to_json()


def test_a_day_without_such_a_message_ends_it() -> None:
    road = Road()
    behind(20 * MIN, [0.3] * 3, road=road)
    last = road.rows[-1]["received_at"]
    assert road.rules.tick(last.replace(hour=9)) == []
    assert [finding.code for finding in road.rules.tick(last.replace(day=last.day + 1))] == ["clock_wrong"]


def test_with_the_rule_off_it_is_heard_all_the_same() -> None:
    road = Road()
    off = {**DEFAULTS, "clock_wrong": {**DEFAULTS["clock_wrong"], "enabled": 0}}
    road.rules = DeviceRules(road.rules.device, off)
    assert behind(20 * MIN, [0.3, 0.3, 0.02], road=road) == [[], [], [LOW]]


def test_a_sleepy_device_a_day_and_more_behind_is_heard() -> None:
    road = Road(sleepy=True, interval_s=86_400)
    said = behind(30 * HOUR, [0.3, 0.3, 0.3, 0.02], step_s=DAY, road=road)
    assert said == [[], [], [WRONG], [LOW]]


FIELDS: st.SearchStrategy[Fields] = st.fixed_dictionaries(
    {"pressure_mpa": st.sampled_from([0.02, 0.09, 0.13, 0.145, 0.2, 0.35, 1.1])},
    optional={
        "flow_lps": st.sampled_from([0.0, 3.0]),
        "cap_open": st.booleans(),
        "tilt_deg": st.sampled_from([1.0, 20.0]),
        "water_temp_c": st.sampled_from([1.0, 9.0]),
        "battery_pct": st.sampled_from([10.0, 60.0]),
    },
)
QUIET: Fields = {
    "pressure_mpa": 0.3, "flow_lps": 0.0, "cap_open": False, "tilt_deg": 1.0, "water_temp_c": 9.0, "battery_pct": 60.0,
}  # fmt: skip


@settings(deadline=None, max_examples=100)
@given(
    readings=st.lists(FIELDS, max_size=25),
    lag_s=st.floats(10.2 * MIN, 29 * DAY),
    step_s=st.sampled_from([30, 60, 300]),
)
def test_a_clock_that_is_behind_raises_what_a_right_one_does(readings: list[Fields], lag_s: float, step_s: int) -> None:
    """Once it is known, after three messages, everything is said that the same device with a right clock says."""
    right, wrong = Road(interval_s=step_s), Road(interval_s=step_s)
    pairs: list[tuple[Any, Any]] = []
    for n, fields in enumerate([QUIET] * 3 + readings):
        at = n * step_s
        pairs.append((right.send(at, at, **fields), wrong.send(at, at - lag_s, **fields)))
    assert pairs[:3] == [([], []), ([], []), ([], [WRONG])]
    assert all(said == by_wrong for said, by_wrong in pairs[3:])


@settings(deadline=None, max_examples=100)
@given(
    count=st.integers(1, 60),
    spacing_s=st.sampled_from([1, 5, 60, 300, 900]),
    quicker=st.floats(3, 10_000) | st.floats(1.5, 3),
    per_message=st.sampled_from([1, 1, 1, 2, 7, 60]),
    age_s=st.floats(11 * MIN, 20 * DAY),
    fields=FIELDS,
    before=st.booleans(),
)
def test_no_back_fill_ever_raises(
    *, count: int, spacing_s: int, quicker: float, per_message: int, age_s: float, fields: Fields, before: bool
) -> None:
    """Old readings that come quicker than they were measured, or several a message."""
    if spacing_s == 1:  # whole seconds leave a doubt of one: readings so close show it at three times the pace
        quicker = max(quicker, 3)
    road = Road()
    first_s = -age_s - count * spacing_s
    if before:
        road.send(first_s - 60, first_s - 60, **QUIET)
    stored = [(first_s + n * spacing_s, road.number(), fields) for n in range(count)]
    for n in range(0, count - count % per_message, per_message):
        at = n * spacing_s / quicker
        if at - stored[n][0] <= 11 * MIN:
            break  # it has caught up: what comes now is no back-fill
        road.send_many(at, stored[n : n + per_message])
    assert road.said == []


@pytest.mark.parametrize("ahead_s", [120.0, 3600.0, 86_400.0 * 1200])
def test_our_own_clock_that_was_ahead_and_is_right_again_hides_nothing(ahead_s: float) -> None:
    road = Road()
    for minute in range(12):
        road.send(60.0 * minute + ahead_s, 60.0 * minute, pressure_mpa=0.3)
    said = [what for minute in range(12, 16) for what in road.send(60.0 * minute, 60.0 * minute, pressure_mpa=0.02)]
    assert [what for what in said if what.startswith("+hydrant_pressure")]
