"""Late, repeated and shuffled readings: they feed the rules and never raise by themselves (contract 8)."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.rules.drop import PressureWindow
from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import FIELDS, LOW, START, Walk, device, say

LATE_S = 601.0


@pytest.mark.parametrize(
    ("about", "delay_s", "late"),
    [
        ({}, 600, False),
        ({}, 601, True),
        ({"expected_interval_s": 600}, 1200, False),
        ({"expected_interval_s": 600}, 1201, True),
        ({"sleepy": True}, 25 * 3600, False),
        ({"sleepy": True}, 25 * 3600 + 1, True),
    ],
)
def test_lateness_is_age_at_receipt(about: dict[str, Any], delay_s: float, late: bool) -> None:
    walk = Walk(device(**about))
    walk.feed(pressure_mpa=0.1, delay_s=delay_s)
    assert bool(walk.feed(pressure_mpa=0.1, delay_s=delay_s)) is not late


def test_late_readings_count_but_only_a_live_one_raises() -> None:
    walk = Walk(device())
    assert walk.say(pressure_mpa=0.1, delay_s=LATE_S) == []
    assert walk.say(pressure_mpa=0.1, delay_s=LATE_S) == []
    assert walk.say(pressure_mpa=0.1) == LOW


def test_a_live_reading_without_the_field_does_not_raise_for_late_ones() -> None:
    walk = Walk(device())
    walk.say(pressure_mpa=0.1, delay_s=LATE_S)
    walk.say(pressure_mpa=0.1, delay_s=LATE_S)
    assert walk.say(battery_pct=80) == []


def test_late_readings_do_not_clear_either() -> None:
    walk = Walk(device())
    walk.say(pressure_mpa=0.1)
    assert walk.say(pressure_mpa=0.1) == LOW
    assert walk.say(pressure_mpa=0.3, delay_s=LATE_S) == []
    assert walk.say(pressure_mpa=0.3, delay_s=LATE_S) == []
    assert walk.say(pressure_mpa=0.3) == ["-hydrant_pressure_low"]


def test_a_back_fill_of_a_day_raises_nothing() -> None:
    walk = Walk(device(), step_s=60)
    walk.say(at_s=86400 + 60, pressure_mpa=0.3)
    now = START + timedelta(seconds=86400 + 120)
    stored = [
        {**walk.reading(at_s=60.0 * n, pressure_mpa=0.02, tilt_deg=40.0, water_temp_c=0.0, battery_pct=3.0)}
        for n in range(1440)
    ]
    for n, reading in enumerate(stored):
        reading["received_at"] = now + timedelta(seconds=n // 600)
    found = [finding for start in range(0, 1440, 600) for finding in walk.rules.walk(stored[start : start + 600])]
    assert found == []
    assert walk.say(at_s=86400 + 180, pressure_mpa=0.3) == []


def test_an_older_reading_between_two_makes_them_three_in_a_row() -> None:
    walk = Walk(device("electrical"))
    readings = [walk.reading(at_s=at, voltage_a_v=260.0) for at in (0, 60, 120)]
    assert walk.rules.walk([readings[0]]) == []
    assert walk.rules.walk([readings[2]]) == []
    assert [say(f) for f in walk.rules.walk([readings[1]])] == ["+overvoltage minor"]


def test_an_older_reading_between_two_breaks_the_row() -> None:
    walk = Walk(device())
    first, between, last = (walk.reading(at_s=at, pressure_mpa=mpa) for at, mpa in ((0, 0.13), (60, 0.2), (120, 0.13)))
    assert walk.rules.walk([first]) == []
    assert walk.rules.walk([between, last]) == []
    assert [say(f) for f in walk.rules.walk([walk.reading(at_s=180, pressure_mpa=0.13)])] == LOW


def one_message(walk: Walk, *readings: dict[str, Any]) -> list[str]:
    """Walk readings that came together, a second after the newest; say what they turned."""
    received_at = max(reading["ts"] for reading in readings) + timedelta(seconds=1)
    return [say(finding) for finding in walk.rules.walk([{**each, "received_at": received_at} for each in readings])]


def test_a_dip_within_one_message_whose_newest_reading_is_fine_raises_nothing() -> None:
    walk = Walk(device(sleepy=True, expected_interval_s=86400))
    day = [walk.reading(at_s=3600.0 * n, pressure_mpa=0.02 if n in (3, 4, 5) else 0.3) for n in range(24)]
    assert one_message(walk, *day) == []


def test_a_message_whose_newest_reading_is_low_raises_with_what_it_says_before() -> None:
    walk = Walk(device())
    assert one_message(walk, *(walk.reading(pressure_mpa=mpa) for mpa in (0.2, 0.13, 0.13))) == LOW


def test_a_message_that_ends_low_does_not_clear_in_passing() -> None:
    walk = Walk(device())
    walk.say(pressure_mpa=0.02)
    assert one_message(walk, *(walk.reading(pressure_mpa=mpa) for mpa in (0.2, 0.2, 0.2, 0.13))) == []
    assert one_message(walk, *(walk.reading(pressure_mpa=0.2) for _ in range(2))) == ["-hydrant_pressure_low"]


def test_an_older_reading_in_a_message_turns_nothing_before_its_newest_is_heard() -> None:
    walk = Walk(device("electrical"))
    first, older, last, newest = (
        walk.reading(at_s=at, voltage_a_v=volt) for at, volt in ((0, 260.0), (60, 260.0), (120, 260.0), (180, 230.0))
    )
    assert one_message(walk, first) == one_message(walk, last) == []
    assert one_message(walk, older, newest) == []


def test_arcs_anywhere_in_a_message_raise() -> None:
    walk = Walk(device("electrical"))
    assert one_message(walk, *(walk.reading(arc_count=arcs) for arcs in (0, 20, 0))) == ["+arc_fault major"]
    walk.feed(at_s=600, arc_count=0)
    assert one_message(walk, walk.reading(at_s=570, arc_count=15)) == ["+arc_fault major"]
    assert one_message(walk, walk.reading(at_s=1000, arc_count=15), walk.reading(at_s=2000, arc_count=0)) == []


def test_a_repeated_reading_changes_nothing() -> None:
    walk = Walk(device())
    reading = walk.reading(pressure_mpa=0.13)
    assert [walk.rules.walk([reading]) for _ in range(5)] == [[]] * 5


def test_an_old_pressure_still_counts_for_the_fall() -> None:
    walk = Walk(device())
    for n in range(6):
        walk.say(at_s=300 + n * 10, pressure_mpa=0.2)
    walk.say(at_s=10, pressure_mpa=0.35, delay_s=400)
    assert walk.say(at_s=400, pressure_mpa=0.2) == ["+hydrant_pressure_drop minor"]


def test_an_old_pressure_while_flowing_does_not() -> None:
    walk = Walk(device())
    for n in range(6):
        walk.say(at_s=300 + n * 10, pressure_mpa=0.2)
    walk.say(at_s=10, pressure_mpa=0.35, flow_lps=3.0, delay_s=400)
    assert walk.say(at_s=400, pressure_mpa=0.2) == []


def test_a_clock_ahead_counts_as_the_receive_time() -> None:
    walk = Walk(device())
    assert walk.say(at_s=240, pressure_mpa=0.13, delay_s=-240) == []
    assert walk.say(at_s=60, pressure_mpa=0.13) == LOW


@settings(deadline=None, max_examples=60)
@given(readings=st.lists(FIELDS, max_size=30), cut=st.integers(0, 30), data=st.data())
def test_a_restart_changes_nothing(readings: list[dict[str, Any]], cut: int, data: st.DataObject) -> None:
    """State written as JSON and read back goes on exactly as the state that stayed in memory."""
    straight, restarted = Walk(device()), Walk(device())
    delays = [data.draw(st.sampled_from([1.0, 700.0, 4000.0])) for _ in readings]
    said = []
    for number, (fields, delay_s) in enumerate(zip(readings, delays, strict=True)):
        if number == cut:
            saved = json.loads(json.dumps(restarted.rules.to_json()))
            restarted.rules = DeviceRules.from_json(restarted.rules.device, DEFAULTS, saved)
        said.append((straight.say(delay_s=delay_s, **fields), restarted.say(delay_s=delay_s, **fields)))
    assert all(one == other for one, other in said)


@settings(deadline=None, max_examples=60)
@given(
    readings=st.lists(st.sampled_from([0.04, 0.09, 0.13, 0.145, 0.16, 0.35]), min_size=1, max_size=12),
    at_last=st.sampled_from([0.04, 0.13, 0.35]),
    seed=st.integers(0, 1000),
)
def test_the_last_word_does_not_depend_on_small_disorder(readings: list[float], at_last: float, seed: int) -> None:
    """Neighbours that swap places on the way leave the same condition standing once the pressure is clear."""
    ordered, shuffled = Walk(device()), Walk(device())
    rows = [ordered.reading(at_s=30.0 * n, pressure_mpa=mpa) for n, mpa in enumerate(readings)]
    rows += [ordered.reading(at_s=30.0 * (len(rows) + n), pressure_mpa=at_last) for n in range(4)]
    mixed = list(rows)
    start = random.Random(seed).randrange(len(rows) - 1)
    mixed[start], mixed[start + 1] = mixed[start + 1], mixed[start]
    for row in rows:
        ordered.rules.walk([row])
    for row in mixed:
        shuffled.rules.walk([row])
    standing = [
        {code for code, state in walk.rules.to_json()["rules"].items() if code.endswith("low") and state[0]}
        for walk in (ordered, shuffled)
    ]
    assert standing[0] == standing[1]


@pytest.mark.parametrize("kind", ["hydrant", "electrical", "water", "panel"])
def test_a_state_of_another_form_or_kind_starts_fresh(kind: str) -> None:
    saved = DeviceRules(device(kind)).to_json()
    assert DeviceRules.from_json(device(kind), DEFAULTS, saved).to_json() == saved
    fresh = DeviceRules(device("panel")).to_json()
    for broken in ({}, {**saved, "form": 0}, {**saved, "kind": "other"}):
        assert DeviceRules.from_json(device("panel"), DEFAULTS, broken).to_json() == fresh


def test_after_a_persons_clear_a_standing_condition_is_raised_anew() -> None:
    walk = Walk(device())
    walk.say(pressure_mpa=0.13)
    assert walk.say(pressure_mpa=0.13) == LOW
    assert walk.say(pressure_mpa=0.13) == []
    walk.rules.forget("hydrant_pressure_low")
    walk.rules.forget("unknown")
    assert [walk.say(pressure_mpa=0.13) for _ in range(2)] == [[], LOW]


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("hydrant", {"tilt_deg": 30.0}, "+hydrant_tilt major"),
        ("electrical", {"temp_a_c": 80.0}, "+cable_temperature_high major"),
        ("panel", {"mains_ok": False}, "+power_fault major"),
    ],
)
def test_after_a_reset_a_standing_condition_is_raised_anew(kind: str, fields: dict[str, Any], said: str) -> None:
    walk = Walk(device(kind))
    assert [walk.say(**fields) for _ in range(3)] == [[], [said], []]
    walk.rules.forget_all()
    assert [walk.say(**fields) for _ in range(3)] == [[], [said], []]


def test_a_reset_compares_pressure_with_nothing_older() -> None:
    walk = Walk(device())
    walk.say(pressure_mpa=0.4)
    assert walk.say(pressure_mpa=0.2) == ["+hydrant_pressure_drop minor"]
    walk.rules.forget_all()
    assert walk.say(pressure_mpa=0.2) == []
    assert walk.say(pressure_mpa=0.2) == []


def test_a_tick_stops_following_an_old_fall() -> None:
    walk = Walk(device())
    walk.say(at_s=0, pressure_mpa=0.4)
    walk.say(at_s=60, pressure_mpa=0.2)
    assert walk.rules.tick(START + timedelta(seconds=60, hours=23)) == []
    assert [say(f) for f in walk.rules.tick(START + timedelta(seconds=60, hours=24))] == ["-hydrant_pressure_drop"]
    assert walk.rules.tick(START + timedelta(days=3)) == []


def test_an_older_word_about_flow_does_not_replace_a_newer_one() -> None:
    walk = Walk(device())
    walk.say(at_s=0, flow_lps=3.0, pressure_mpa=0.3)
    walk.say(at_s=120, flow_lps=0.0, pressure_mpa=0.12)
    walk.say(at_s=60, flow_lps=3.0, pressure_mpa=0.12)
    assert walk.say(at_s=180, pressure_mpa=0.12) == LOW


def test_a_rule_that_an_older_release_did_not_have_starts_fresh() -> None:
    saved = DeviceRules(device()).to_json()
    del saved["rules"]["hydrant_tilt"]
    walk = Walk(device())
    walk.rules = DeviceRules.from_json(device(), DEFAULTS, saved)
    assert [walk.say(tilt_deg=20.0) for _ in range(2)] == [[], ["+hydrant_tilt major"]]


def test_a_long_row_counts_no_further_than_a_rule_can_ask() -> None:
    walk = Walk(device("electrical"))
    for _ in range(15):
        walk.say(voltage_a_v=260.0)
    assert walk.rules.to_json()["rules"]["overvoltage"] == [1, 0, 10, 0]
    for _ in range(15):
        walk.say(voltage_a_v=230.0)
    assert walk.rules.to_json()["rules"]["overvoltage"] == [0, 0, 0, 10]


def test_a_steady_slow_fall_keeps_a_bounded_window() -> None:
    window = PressureWindow()
    for second in range(1000):
        window.add(START + timedelta(seconds=second), 0.3 - second * 1e-6)
    assert len(window.to_json()) == 256
    assert window.highest(START) == 0.3
