"""Who is on call: shifts by weekday and time, over midnight, and days on which it is otherwise."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.core.alarms.rota import on_call, on_turn, turns
from services.core.clock import COUNTY

MONDAY = datetime(2026, 11, 30, tzinfo=COUNTY)
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
DAY, NIGHT, STAND_IN, ALWAYS = 1, 2, 3, 9
ROTA: dict[str, Any] = {
    "shifts": [
        {"contacts": [DAY], "weekdays": [1, 2, 3, 4, 5], "begin": "08:00", "end": "20:00"},
        {"contacts": [NIGHT], "weekdays": EVERY_DAY, "begin": "20:00", "end": "08:00"},
    ],
    "exceptions": [{"day": "2026-12-01", "begin": "00:00", "end": "12:00", "contacts": [STAND_IN]}],
}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


def test_a_shift_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    assert on_turn(ROTA, at(0, 7, 59)) == {NIGHT}
    assert on_turn(ROTA, at(0, 8)) == {DAY}
    assert on_turn(ROTA, at(0, 20)) == {NIGHT}
    assert on_turn(ROTA, at(5, 12)) == frozenset()  # nobody has the day of a Saturday
    only_sunday = {"shifts": [{"contacts": [7], "weekdays": [7], "begin": "22:00", "end": "06:00"}], "exceptions": []}
    assert on_turn(only_sunday, at(6, 23)) == on_turn(only_sunday, at(7, 5, 59)) == {7}
    assert on_turn(only_sunday, at(6, 5)) == on_turn(only_sunday, at(7, 6)) == frozenset()


def test_an_exception_stands_in_for_the_shifts_of_its_time_and_who_stands_nowhere_is_always_on_call() -> None:
    assert on_turn(ROTA, at(1, 11, 59)) == {STAND_IN}
    assert on_turn(ROTA, at(1, 12)) == {DAY}
    everybody = {DAY, NIGHT, STAND_IN, ALWAYS}
    assert on_call(ROTA, everybody, at(0, 9)) == {DAY, ALWAYS}
    assert on_call(ROTA, everybody - {DAY}, at(0, 9)) == {ALWAYS}
    assert on_call({"shifts": [], "exceptions": []}, everybody, at(0, 9)) == everybody


TIMES = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
WHO = st.lists(st.integers(1, 4), min_size=1, max_size=2)
SHIFTS = st.fixed_dictionaries(
    {"contacts": WHO, "weekdays": st.lists(st.integers(1, 7), min_size=1), "begin": TIMES, "end": TIMES}
)
DAYS = st.integers(-1, 8).map(lambda n: (MONDAY + timedelta(days=n)).date().isoformat())
EXCEPTIONS = st.fixed_dictionaries({"contacts": WHO, "day": DAYS, "begin": TIMES, "end": TIMES})
ANY_ROTA = st.fixed_dictionaries(
    {"shifts": st.lists(SHIFTS, max_size=4), "exceptions": st.lists(EXCEPTIONS, max_size=3)}
)


@given(ANY_ROTA, st.integers(0, 20_000))
def test_turns_say_of_every_moment_what_the_rota_says(rota: dict[str, Any], minute: int) -> None:
    begin, end = MONDAY + timedelta(minutes=7), MONDAY + timedelta(days=14, minutes=7)
    found = turns(rota, begin, end)
    assert (found[0].begin, found[-1].end) == (begin, end)
    assert all(one.end == other.begin for one, other in pairwise(found))
    moment = begin + timedelta(minutes=minute)
    (turn,) = [one for one in found if one.begin <= moment < one.end]
    assert turn.contacts == on_turn(rota, moment)
