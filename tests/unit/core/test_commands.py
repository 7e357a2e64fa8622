"""For how long a command may still be carried out: what waited too long for us, or for the county's link, is over."""

from datetime import UTC, datetime, timedelta

import pytest

from services.core.commands import ANSWER_MINUTES, answer_minutes, seconds_left

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "minutes"),
    [(1, 1), (255, 255), (0, ANSWER_MINUTES), (256, ANSWER_MINUTES), (True, ANSWER_MINUTES), ("5", ANSWER_MINUTES)],
)
def test_a_command_gives_its_own_time_where_it_names_one_that_can_be(given: object, minutes: int) -> None:
    assert answer_minutes({"timeout_min": given}) == minutes
    assert answer_minutes({}) == ANSWER_MINUTES


@pytest.mark.parametrize(
    ("age_s", "answer_in_s", "left_s"),
    [
        (0, None, 600),
        (599, None, 600),  # from when it is sent
        (601, None, 0),
        (601, 60, 0),
        (10, 60, 60),
        (10, 0.2, 1),
        (10, 0, 0),
        (10, -5, -5),
        (10, 10**9, 255 * 60),
    ],
)
def test_what_is_left_is_what_was_said_before_and_nothing_once_it_waited_too_long(
    age_s: float, answer_in_s: float | None, left_s: int
) -> None:
    answer_by = None if answer_in_s is None else NOW + timedelta(seconds=answer_in_s)
    assert seconds_left(NOW - timedelta(seconds=age_s), answer_by, 10, NOW) == left_s
