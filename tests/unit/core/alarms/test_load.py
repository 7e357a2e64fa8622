"""Alarms in ten minutes, and the flood that begins above ten and ends below five."""

from datetime import UTC, datetime, timedelta

from services.core.alarms.codes import CODES
from services.core.alarms.load import load_now
from services.core.alarms.responses import RESPONSES

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=one) for one in minutes]


def test_a_flood_ends_only_below_five() -> None:
    assert load_now(ago(*[1.0] * 10), NOW) == (10, False)
    assert load_now(ago(*[1.0] * 11), NOW) == (11, True)
    eleven = [12 + n / 10 for n in range(11)]
    assert load_now(ago(*eleven, 8, 7, 6, 5, 4), NOW) == (5, True)
    assert load_now(ago(*eleven, 8, 7, 6, 5), NOW) == (4, False)
    assert load_now(ago(*eleven, 1, 1, 1, 1, 1, 1), NOW) == (6, False)  # it had ended before the six
    assert load_now([], NOW) == (0, False)
    assert load_now([NOW + timedelta(minutes=1)], NOW) == (0, False)  # a clock that was put back


def test_every_code_says_what_to_do_in_both_languages() -> None:
    assert set(RESPONSES) == set(CODES)
    assert all(zh and en for zh, en in RESPONSES.values())
