"""What a hydrant's reading leaves out is taken from an earlier one, never from a later."""

import json

from services.alerts.rules.walk import DeviceRules
from services.core.rules.parameters import DEFAULTS
from tests.unit.alerts.readings import START, Walk, device

LOW = ["+hydrant_pressure_low major"]


def test_a_reading_that_comes_after_a_newer_one_knows_nothing_of_its_flow() -> None:
    """At rest 0.12 MPa are too little; the flow of a minute later says nothing of this one."""
    walk = Walk(device())
    walk.say(at_s=60, pressure_mpa=0.3)
    assert walk.say(at_s=180, pressure_mpa=0.09, flow_lps=9.0) == ["+hydrant_in_use minor"]
    assert walk.say(at_s=120, pressure_mpa=0.12, delay_s=70) == LOW


def test_what_was_said_before_counts_again_when_readings_are_counted_anew() -> None:
    """Water flows since long ago and flows on, so that 0.12 MPa are enough in whatever order its readings come."""
    walk = Walk(device())
    walk.say(at_s=0, pressure_mpa=0.3)
    walk.say(at_s=60, pressure_mpa=0.13, flow_lps=9.0)
    for number in range(12):
        assert walk.say(at_s=90 + number, pressure_mpa=0.12) == []
    assert walk.say(at_s=120, pressure_mpa=0.09, flow_lps=9.0) == []  # too little once, which is no alarm yet
    assert walk.say(at_s=110, pressure_mpa=0.12, delay_s=15) == []
    again = Walk(device())
    again.rules = DeviceRules.from_json(device(), DEFAULTS, json.loads(json.dumps(walk.rules.to_json())))
    assert again.say(at_s=111, pressure_mpa=0.12, delay_s=16) == []
    assert again.say(at_s=130, pressure_mpa=0.12) == []


def test_use_that_is_said_no_more_ends_when_it_is_too_old_to_count() -> None:
    """A meter that died while water flowed: the hydrant goes on telling its pressure."""
    walk = Walk(device())
    assert walk.say(at_s=0, pressure_mpa=0.3, flow_lps=9.0) == ["+hydrant_in_use minor"]
    late_s = int(device().late_after.total_seconds())
    for at_s in range(60, late_s + 1, 60):
        assert walk.say(at_s=at_s, pressure_mpa=0.3) == []
    assert walk.say(at_s=late_s + 60, pressure_mpa=0.3) == []
    assert walk.say(at_s=late_s + 120, pressure_mpa=0.3) == ["-hydrant_in_use"]


def test_cold_that_is_said_no_more_ends_when_it_is_too_old_to_count() -> None:
    """A probe that died in a frosty night: the hydrant goes on telling its pressure, and is no longer called frozen."""
    day_s = 25 * 3600
    walk = Walk(device())
    assert walk.say(at_s=0, pressure_mpa=0.3, water_temp_c=1.5) == ["+hydrant_freezing minor"]
    assert walk.say(at_s=3600, pressure_mpa=0.3, water_temp_c=3.0) == []
    assert walk.say(at_s=3600 + day_s, pressure_mpa=0.3) == []
    restored = json.loads(json.dumps(walk.rules.to_json()))
    walk.rules = DeviceRules.from_json(device(), DEFAULTS, restored)
    assert walk.say(at_s=3660 + day_s, pressure_mpa=0.3) == ["-hydrant_freezing"]
    assert walk.say(at_s=3720 + day_s, pressure_mpa=0.3) == []
    assert walk.say(at_s=3780 + day_s, pressure_mpa=0.3, water_temp_c=1.0) == ["+hydrant_freezing minor"]


def test_cold_from_a_state_that_tells_no_time_of_it_lasts_a_day_from_then_on() -> None:
    walk = Walk(device())
    assert walk.say(at_s=0, pressure_mpa=0.3, water_temp_c=1.5) == ["+hydrant_freezing minor"]
    saved = json.loads(json.dumps(walk.rules.to_json()))
    del saved["rules"]["celsius_at"]
    walk.rules = DeviceRules.from_json(device(), DEFAULTS, saved)
    assert walk.say(at_s=30 * 3600, pressure_mpa=0.3) == []
    assert walk.say(at_s=55 * 3600, pressure_mpa=0.3) == []
    assert walk.say(at_s=55 * 3600 + 60, pressure_mpa=0.3) == ["-hydrant_freezing"]


def test_a_cold_of_our_own_clock_ahead_ends_by_age_when_that_was_set_back() -> None:
    """The server's clock was a year ahead and was set back; the probe dies that week."""
    day_s, year_s = 25 * 3600, 365 * 86400
    walk = Walk(device())
    assert walk.say(at_s=year_s, pressure_mpa=0.3, water_temp_c=1.5) == ["+hydrant_freezing minor"]
    walk.rules.note_time(START)
    assert walk.say(at_s=60, pressure_mpa=0.3, water_temp_c=1.5) == []
    assert walk.say(at_s=day_s, pressure_mpa=0.3) == []
    assert walk.say(at_s=day_s + 120, pressure_mpa=0.3) == ["-hydrant_freezing"]
