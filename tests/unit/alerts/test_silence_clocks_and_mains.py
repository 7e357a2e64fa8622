"""Silence, wrong clocks, and an area losing its pressure."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from services.alerts.rules.clock import ClockWatch
from services.alerts.rules.mains import MainsWatch
from services.alerts.rules.offline import Watermark, find_back, find_offline, offline_due
from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import START, Walk, device, say


def at(second: float) -> Any:
    return START + timedelta(seconds=second)


def heard(since_s: float, until_s: float) -> Watermark:
    return Watermark(at(since_s), at(until_s))


@pytest.mark.parametrize(
    ("kind", "about", "silent_s", "said"),
    [
        ("hydrant", {}, 180, None),
        ("hydrant", {}, 180.1, "+device_offline minor"),
        ("panel", {"expected_interval_s": 30}, 90, None),
        ("panel", {"expected_interval_s": 30}, 90.1, "+device_offline major"),
        ("hydrant", {"sleepy": True, "expected_interval_s": 60}, 25 * 3600, None),
        ("hydrant", {"sleepy": True, "expected_interval_s": 60}, 25 * 3600 + 1, "+device_offline minor"),
    ],
)
def test_offline_after_three_intervals_or_twenty_five_hours(
    kind: str, about: dict[str, Any], silent_s: float, said: str | None
) -> None:
    finding = find_offline(device(kind, **about), at(0), heard(-1000, silent_s))
    assert (finding and say(finding)) == said


def test_only_silence_we_could_have_heard_counts() -> None:
    always_on = device()
    assert find_offline(always_on, at(0), heard(-1000, 100)) is None  # the watermark stands still: nobody's clock runs
    back = heard(-1000, 100).advance(at(1900))  # half an hour deaf
    assert back == heard(1900, 1900)
    assert find_offline(always_on, at(0), back) is None
    assert find_offline(always_on, at(0), heard(1900, 2080)) is None
    late = find_offline(always_on, at(0), heard(1900, 2080.1))
    assert late is not None
    assert late.value == pytest.approx(2080.1 / 60)
    assert late.limit == 3


@pytest.mark.parametrize(
    ("sent_s", "expected"),
    [(101, (0, 101)), (110, (0, 110)), (110.1, (110.1, 110.1)), (100, (0, 100)), (50, (0, 100))],
)
def test_a_gap_over_ten_seconds_gives_a_fresh_grace(sent_s: float, expected: tuple[float, float]) -> None:
    assert heard(0, 100).advance(at(sent_s)) == heard(*expected)


def test_two_lanes_have_heard_what_both_heard() -> None:
    assert heard(0, 100).within(heard(20, 90)) == heard(20, 90)


def test_a_watermark_survives_json() -> None:
    mark = heard(0, 100)
    assert Watermark.from_json(json.loads(json.dumps(mark.to_json()))) == mark


def test_a_device_never_seen_is_not_offline_and_the_rule_can_be_off() -> None:
    off = {**DEFAULTS, "device_offline": {**DEFAULTS["device_offline"], "enabled": 0}}
    assert find_offline(device(), None, heard(0, 10**6)) is None
    assert find_offline(device(), at(0), heard(0, 10**6), off) is None
    assert offline_due(device(), at(0), heard(-5, 1)) == at(180)


def test_any_live_message_ends_it() -> None:
    assert say(find_back(device())) == "-device_offline"


def test_three_implausible_clocks_in_a_day() -> None:
    rules = DeviceRules(device())
    said = [[say(f) for f in rules.note_bad_clock(at(hour * 3600))] for hour in (0, 5, 23.9, 24.5)]
    assert said == [[], [], ["+clock_wrong info"], []]
    assert rules.tick(at(48.4 * 3600)) == []
    assert [say(f) for f in rules.tick(at(48.5 * 3600))] == ["-clock_wrong"]
    assert [rules.note_bad_clock(at(49 * 3600 + n)) != [] for n in range(3)] == [False, False, True]


def test_three_in_more_than_a_day_are_nothing() -> None:
    rules = DeviceRules(device())
    assert [rules.note_bad_clock(at(hour * 3600)) for hour in (0, 12, 24, 36, 48)] == [[]] * 5


@pytest.mark.parametrize(("delay_s", "said"), [(3600, []), (3601, ["+clock_wrong info"])])
def test_a_clock_that_stays_an_hour_behind_is_wrong(delay_s: float, said: list[str]) -> None:
    walk = Walk(device())
    assert [walk.say(pressure_mpa=0.3, delay_s=delay_s) for _ in range(4)] == [[], [], said, []]


def test_one_right_reading_between_begins_the_comparison_anew() -> None:
    walk = Walk(device())
    for delay_s in (7200, 7200, 1, 7200, 1, 7200):
        assert walk.say(pressure_mpa=0.3, delay_s=delay_s, at_s=None) == []


def test_messages_of_many_readings_count_once_each_by_their_newest() -> None:
    walk = Walk(device(expected_interval_s=60))
    said = []
    for message in range(3):
        newest_s = message * 600
        rows = [walk.reading(at_s=newest_s - 60.0 * n, pressure_mpa=0.3) for n in range(10)]
        for row in rows:
            row["received_at"] = at(newest_s + 2 * 3600)
        said += [say(f) for f in walk.rules.walk(rows)]
    assert said == ["+clock_wrong info"]


def test_one_old_measurement_in_several_messages_is_no_wrong_clock() -> None:
    walk = Walk(device())
    parts: list[dict[str, float]] = [{"pressure_mpa": 0.3}, {"battery_pct": 80.0}, {"tilt_deg": 1.0}, {"flow_lps": 0.0}]
    said = [walk.say(at_s=0, delay_s=7200 + number * 1e-6, **part) for number, part in enumerate(parts)]
    assert said == [[]] * 4


def test_a_sleepy_devices_age_is_no_wrong_clock() -> None:
    walk = Walk(device(sleepy=True))
    assert [walk.say(pressure_mpa=0.3, delay_s=7200) for _ in range(5)] == [[]] * 5


def test_clock_wrong_survives_a_restart_and_can_be_off_or_forgotten() -> None:
    rules = DeviceRules(device())
    for n in range(3):
        rules.note_bad_clock(at(n))
    again = DeviceRules.from_json(device(), DEFAULTS, json.loads(json.dumps(rules.to_json())))
    assert again.note_bad_clock(at(4)) == []
    again.forget("clock_wrong")
    assert [again.note_bad_clock(at(5 + n)) != [] for n in range(3)] == [False, False, True]
    off = {**DEFAULTS, "clock_wrong": {**DEFAULTS["clock_wrong"], "enabled": 0}}
    silent = DeviceRules(device(), off)
    assert [silent.note_bad_clock(at(n)) for n in range(5)] == [[]] * 5
    walk = Walk(device(), off)
    assert [walk.say(pressure_mpa=0.3, delay_s=7200) for _ in range(5)] == [[]] * 5


LOW, DROP = "hydrant_pressure_low", "hydrant_pressure_drop"


def test_the_third_device_within_two_minutes_makes_a_mains_event() -> None:
    watch = MainsWatch("140931100")
    assert watch.began("h1", LOW, at(0)) == (False, None, ())
    assert watch.began("h2", DROP, at(60)) == (False, None, ())
    third = watch.began("h3", LOW, at(120))
    assert third.member
    assert third.joined == ("h1", "h2")
    assert third.finding is not None
    assert say(third.finding) == "+mains_event major"
    assert (third.finding.area, third.finding.device) == ("140931100", None)
    assert watch.active
    assert watch.began("h4", LOW, at(125)) == (True, None, ())


def test_two_devices_or_a_slower_third_make_none() -> None:
    watch = MainsWatch("140931100")
    moments = [("h1", LOW, 0), ("h1", DROP, 10), ("h2", LOW, 20), ("h3", LOW, 120.1 + 10)]
    assert [watch.began(name, code, at(second)).member for name, code, second in moments] == [False] * 4
    assert not watch.active


def test_other_codes_do_not_count() -> None:
    watch = MainsWatch("140931100")
    assert [watch.began(f"h{n}", "hydrant_tilt", at(n)).member for n in range(5)] == [False] * 5


def test_the_event_ends_with_its_last_member() -> None:
    watch = MainsWatch("140931100")
    for n in range(4):
        watch.began(f"h{n}", LOW, at(n))
    again = MainsWatch("140931100")
    again.load(json.loads(json.dumps(watch.to_json())))
    said = [again.ended(f"h{n}", LOW) for n in (0, 9, 1, 2)]
    assert [(each.member, each.finding) for each in said] == [(True, None), (False, None), (True, None), (True, None)]
    last = again.ended("h3", LOW)
    assert last.finding is not None
    assert say(last.finding) == "-mains_event"
    assert not again.active


def test_a_member_long_after_the_others_speaks_for_itself() -> None:
    watch = MainsWatch("140931100")
    for n in range(3):
        watch.began(f"h{n}", LOW, at(n))
    assert watch.began("h4", LOW, at(2 + 1800)).member
    assert not watch.began("h5", LOW, at(2 + 3601)).member


def test_hydrants_long_after_an_event_of_which_one_stays_dry_are_another_event() -> None:
    watch = MainsWatch("140931100")
    for n in range(3):
        watch.began(f"h{n}", LOW, at(n))
    watch.ended("h1", LOW)
    watch.ended("h2", LOW)
    later_s = 10 * 86_400
    said = [watch.began(f"h{n}", LOW, at(later_s + n)) for n in (3, 4, 5)]
    assert [each.member for each in said] == [False, False, True]
    assert said[2].finding is not None
    assert (say(said[2].finding), said[2].joined) == ("+mains_event major", ("h3", "h4"))
    assert not watch.ended("h0", LOW).member, "the dry one belongs to the event of before"
    assert [watch.ended(f"h{n}", LOW).finding is None for n in (3, 4, 5)] == [True, True, False]


def test_the_mains_rule_can_be_off() -> None:
    off = {**DEFAULTS, "mains_event": {**DEFAULTS["mains_event"], "enabled": 0}}
    watch = MainsWatch("140931100", off)
    assert [watch.began(f"h{n}", LOW, at(n)).member for n in range(5)] == [False] * 5
    watch.load(json.loads(json.dumps(watch.to_json())))


def test_a_message_is_as_old_as_its_newest_reading_whatever_their_order() -> None:
    watch = ClockWatch(3, 1, 24)
    lags_s = [(message, lag_s) for message in range(3) for lag_s in (7200, 7500, 7300)]
    said = [watch.note_old(at(message * 60 + 7200 - lag_s), at(message * 60 + 7200)) for message, lag_s in lags_s]
    assert said.index(True) == 6
