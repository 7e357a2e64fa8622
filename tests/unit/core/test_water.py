"""Whether a water source is usable: yes, no, or not known; never yes for want of a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.rules.parameters import Override, ParameterBook
from services.core.water import age_s, judge, shown_level_pct, what_is_missing

NOW = datetime(2026, 1, 1, 8, tzinfo=UTC)
PLAIN = ParameterBook()


def source(kind: str = "hydrant", **about: Any) -> dict[str, Any]:
    return {
        "code": "x", "kind": kind, "area": "140931100", "status": "online", "sleepy": False, "expected_interval_s": 300,
        "rated_current_a": None, "limits": {}, "unreadable_since": None, "clock_behind_s": None, "state_at": {},
        "state_ts": NOW, "state_received_at": NOW, **about,
    }  # fmt: skip


def say(
    about: dict[str, Any], *alarms: str, book: ParameterBook = PLAIN, **values: Any
) -> tuple[bool | None, list[str]]:
    verdict = judge(about, values, NOW, alarms, book)
    assert all(reason.text and reason.text_en for reason in verdict.reasons)
    return verdict.usable, [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize(
    ("about", "values", "expected"),
    [
        (source(), {"pressure_mpa": 0.3}, (True, [])),
        (source(), {}, (None, ["no_reading"])),
        (source(), {"tilt_deg": 2.0, "battery_pct": 80}, (None, ["no_pressure"])),
        (source(), {"pressure_mpa": "n/a"}, (None, ["no_reading"])),
        (source(), {"tilt_deg": 40.0}, (False, ["tilt", "no_pressure"])),
        (source(), {"pressure_mpa": 0.13}, (False, ["low_pressure"])),
        (source(), {"pressure_mpa": 0.12, "flow_lps": 9.0}, (False, ["in_use"])),
        (source(), {"pressure_mpa": 0.12, "cap_open": True}, (False, ["cap_open"])),
        (source(), {"pressure_mpa": 0.3, "water_temp_c": 1.0}, (False, ["frozen"])),
        (source(status="offline"), {"pressure_mpa": 0.3}, (False, ["offline"])),
        (source(status="out_of_service"), {}, (False, ["out_of_service", "no_reading"])),
        (source(status="offline", unreadable_since=NOW), {"pressure_mpa": 0.3}, (False, ["unreadable"])),
        (source("water"), {"level_pct": 80.0}, (True, [])),
        (source("water"), {"level_pct": 29.0}, (False, ["low_level"])),
        (source("water"), {"battery_pct": 80.0}, (None, ["no_level"])),
        (source("water"), {"level_m": 3.2}, (None, ["no_limits"])),
        (source("water"), {"level_m": 0.0}, (False, ["low_level"])),
        (source("water", limits={"level_pct_low": 0}), {"level_pct": 0.0}, (False, ["low_level"])),
        (source("water", limits={"level_m_low": 2}), {"level_m": 3.2}, (True, [])),
        (source("water", limits={"level_m_low": 2}), {"level_m": 1.9}, (False, ["low_level"])),
        (source("water", limits={"level_m_low": 0}), {"level_m": 0.0}, (False, ["low_level"])),
        (source("water", limits={"level_m_low": -3}), {"level_m": -1.0}, (True, [])),
        (source("water", limits={"level_m_full": 4}), {"level_m": 3.2}, (True, [])),
        (source("water", limits={"level_m_full": 4}), {"level_m": 1.0}, (False, ["low_level"])),
        (source("water", limits={"level_m_full": "tall"}), {"level_m": 3.2}, (None, ["no_limits"])),
        (source("water", limits={"level_m_full": 0}), {"level_m": 3.2}, (None, ["no_limits"])),
        (source("water", limits={"height_m": 400}), {"level_m": 3.2}, (None, ["no_limits"])),
        (source("water", limits={"level_m": {"full": 4}}), {"level_m": 3.2}, (True, [])),
        (source("water", limits="none"), {"level_m": 3.2}, (None, ["no_limits"])),
        (source("water"), {"level_pct": 60.0, "level_m": 0.0}, (True, [])),
    ],
)
def test_what_is_said_of_a_source(
    about: dict[str, Any], values: dict[str, Any], expected: tuple[bool | None, list[str]]
) -> None:
    assert say(about, **values) == expected


@pytest.mark.parametrize(
    ("kind", "alarm", "code"),
    [
        ("hydrant", "device_offline", "offline"),
        ("hydrant", "device_unreadable", "unreadable"),
        ("hydrant", "hydrant_pressure_low", "low_pressure"),
        ("hydrant", "hydrant_freezing", "frozen"),
        ("hydrant", "hydrant_tilt", "tilt"),
        ("water", "water_level_low", "low_level"),
    ],
)
def test_an_alarm_that_stands_speaks_against_it(kind: str, alarm: str, code: str) -> None:
    assert say(source(kind), alarm, pressure_mpa=0.3, level_pct=90.0) == (False, [code])


def test_a_value_is_stale_by_the_rule_of_lateness() -> None:
    for about, minutes in ((source(), 10), (source(expected_interval_s=900), 30), (source(sleepy=True), 25 * 60)):
        old = {**about, "state_ts": NOW - timedelta(minutes=minutes)}
        assert say(old, pressure_mpa=0.3) == (True, [])
        older = {**about, "state_ts": NOW - timedelta(minutes=minutes, seconds=1)}
        assert say(older, pressure_mpa=0.3) == (False, ["stale"])


def test_a_pressure_that_newer_readings_lack_is_as_old_as_it_is() -> None:
    hour_ago = int((NOW - timedelta(hours=1)).timestamp() * 1e6)
    about = source(state_at={"pressure_mpa": [hour_ago, hour_ago, 7]})
    assert say(about, pressure_mpa=0.3, battery_pct=80) == (False, ["stale"])


@pytest.mark.parametrize(
    "spoilt", [None, "text", {"pressure_mpa": "x"}, {"pressure_mpa": [10**30]}, {"pressure_mpa": []}]
)
def test_a_spoilt_time_is_that_of_the_newest_reading(spoilt: Any) -> None:
    assert say(source(state_at=spoilt), pressure_mpa=0.3) == (True, [])
    assert say(source(state_at=spoilt, state_ts=None), pressure_mpa=0.3) == (None, ["no_time"])


def test_of_a_clock_that_is_behind_the_receive_time_counts() -> None:
    about = source(clock_behind_s=3300.0, state_ts=NOW - timedelta(minutes=55))
    assert say(about, pressure_mpa=0.3) == (True, [])
    assert say({**about, "state_received_at": NOW - timedelta(minutes=11)}, pressure_mpa=0.3) == (False, ["stale"])


def test_the_limits_are_those_of_the_rules_in_force() -> None:
    changed = {
        "hydrant_pressure_low": {"static_mpa": 0.4, "flowing_mpa": 0.35}, "hydrant_freezing": {"cold_c": 10},
        "hydrant_in_use": {"flow_lps": 5}, "hydrant_tilt": {"tilt_deg": 40}, "water_level_low": {"low_pct": 60},
    }  # fmt: skip
    book = ParameterBook(Override(code, "area", "140931", numbers, NOW) for code, numbers in changed.items())
    seen = {"pressure_mpa": 0.3, "flow_lps": 3.0, "water_temp_c": 8.0, "tilt_deg": 30.0}
    assert say(source(), **seen, book=book) == (False, ["low_pressure", "frozen"])
    assert say(source(), **seen) == (False, ["tilt", "in_use"])
    assert say(source("water"), level_pct=50.0, book=book) == (False, ["low_level"])
    assert say(source("water"), level_pct=50.0) == (True, [])
    assert say(source(area="150000"), pressure_mpa=0.3, book=book) == (True, [])
    later = ParameterBook([Override("hydrant_pressure_low", "all", "", {"static_mpa": 0.4}, NOW + timedelta(hours=1))])
    assert say(source(), pressure_mpa=0.3, book=later) == (True, [])


def test_metres_are_shown_in_per_cent_where_the_height_is_known() -> None:
    tall = source("water", limits={"level_m_full": 4})
    assert shown_level_pct(tall, {"level_m": 3.0}, NOW) == 75.0
    assert shown_level_pct(tall, {"level_m": 3.0, "level_pct": 70.0}, NOW) == 70.0
    assert shown_level_pct(source("water"), {"level_m": 3.0}, NOW) is None


ANYTHING = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.just({}) | st.integers()


@given(
    kind=st.sampled_from(["hydrant", "water"]),
    values=st.dictionaries(st.sampled_from(["pressure_mpa", "flow_lps", "cap_open", "level_m", "level_pct"]), ANYTHING),
    limits=st.dictionaries(st.sampled_from(["level_m_low", "level_m_full", "level_pct_low", "level_m"]), ANYTHING)
    | ANYTHING,
)
def test_what_cannot_be_judged_is_never_usable(kind: str, values: dict[str, Any], limits: Any) -> None:
    """Whatever stands in the registry or in the newest state: there is an answer, and yes only by a number."""
    verdict = judge(source(kind, limits=limits), values, NOW, (), PLAIN)
    assert (verdict.usable is True) == (not verdict.reasons)
    if verdict.usable:
        numbers = {
            name for name, value in values.items() if isinstance(value, int | float) and not isinstance(value, bool)
        }
        assert what_is_missing(kind, limits, numbers) is None


def micros(hours: float) -> list[int]:
    """A time so many hours ago, as `state_at` has it of a field."""
    at = int((NOW - timedelta(hours=hours)).timestamp() * 1e6)
    return [at, at, 1]


@pytest.mark.parametrize(
    ("name", "value", "lasts_h", "code"),
    [
        ("flow_lps", 9.0, 0.1, "in_use"),
        ("cap_open", True, 0.1, "cap_open"),
        ("water_temp_c", 1.0, 24, "frozen"),
        ("tilt_deg", 40.0, 24, "tilt"),
    ],
)
def test_what_a_hydrant_says_no_more_counts_no_more(name: str, value: float, lasts_h: float, code: str) -> None:
    values = {"pressure_mpa": 0.3, name: value}
    assert say(source(state_at={name: micros(lasts_h)}), **values) == (False, [code])
    assert say(source(state_at={name: micros(lasts_h + 2)}), **values) == (True, [])
    assert say(source(state_at={name: micros(lasts_h + 2)}), **values | {"pressure_mpa": 0.12}) == (
        False,
        ["low_pressure"],
    )


def test_a_level_that_is_said_no_more_gives_way_to_the_other() -> None:
    """A gauge that was changed sends metres alone from then on, or per cent alone."""
    weeks = micros(24 * 21)
    tall = source("water", limits={"level_m_full": 4}, state_at={"level_pct": weeks})
    for pct in (20.0, 0.5):
        assert say(tall, level_pct=pct, level_m=3.9) == (True, [])
        assert shown_level_pct(tall, {"level_pct": pct, "level_m": 3.9}, NOW) == 97.5
    assert say(tall, level_pct=80.0, level_m=0.02) == (False, ["low_level"])
    assert shown_level_pct(tall, {"level_pct": 80.0, "level_m": 0.02}, NOW) == 0.5
    low = source("water", limits={"level_m_low": 1}, state_at={"level_m": weeks})
    assert say(low, level_pct=80.0, level_m=0.5) == (True, [])
    assert say({**low, "state_at": {"level_m": micros(0.1)}}, level_pct=80.0, level_m=0.5) == (False, ["low_level"])


def test_metres_that_cannot_be_judged_make_no_old_level_fresh() -> None:
    about = source("water", state_at={"level_pct": micros(24 * 21)})
    assert say(about, level_pct=80.0, level_m=3.9) == (False, ["stale"])
    assert shown_level_pct(about, {"level_pct": 80.0, "level_m": 3.9}, NOW) == 80.0


def test_a_level_is_as_old_as_the_field_that_gave_it() -> None:
    for hours, sleepy in ((19 / 60, False), (49, True)):
        at = {"level_pct": micros(hours)}
        about = source("water", sleepy=sleepy, state_at=at, state_ts=NOW - timedelta(hours=hours / 2))
        assert say(about, level_pct=80.0, level_m=3.2) == (False, ["stale"])
        assert age_s(about, {"level_pct": 80.0, "level_m": 3.2}, NOW) == hours * 3600
        assert say(about, level_pct="n/a", level_m=3.2) == (None, ["no_limits"])


def test_where_metres_tell_they_take_the_place_of_a_stale_level_in_per_cent() -> None:
    values = {"level_pct": 80.0, "level_m": 0.4}
    about = source("water", limits={"level_m_full": 4}, state_ts=NOW - timedelta(minutes=9))
    stale, good = ({**about, "state_at": {"level_pct": micros(minutes / 60)}} for minutes in (10.5, 9.5))
    assert (say(good, **values), age_s(good, values, NOW)) == ((True, []), 570)
    assert (say(stale, **values), age_s(stale, values, NOW)) == ((False, ["low_level"]), 540)
    assert shown_level_pct(stale, values, NOW) == 10.0
    silent = {**good, "state_ts": NOW - timedelta(hours=1, minutes=-1), "state_at": {"level_pct": micros(1)}}
    assert shown_level_pct(silent, values, NOW) == 80.0
