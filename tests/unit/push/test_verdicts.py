from datetime import UTC, datetime

import pytest

from services.core.answers import Answer
from services.push.verdicts import RETRY_S, Fate, judge, wait_s

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("statuses", "fate"),
    [
        ((200, 201, 202, 204, 299), Fate.DELIVERED),
        ((410,), Fate.GONE),
        ((408, 425, 429, 500, 502, 503, 504, 599, None, 103), Fate.RETRY),
        ((300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 413, 415, 422, 499), Fate.DEAD),
    ],
)
def test_what_becomes_of_a_delivery_by_status(statuses: tuple[int | None, ...], fate: Fate) -> None:
    for status in statuses:
        verdict = judge(Answer(status, {}, b""), NOW)
        assert verdict.fate is fate
        assert (verdict.error is None) == (fate is Fate.DELIVERED)


@pytest.mark.parametrize(
    ("said", "pause_s"),
    [("30", 30.0), ("Sat, 28 Nov 2026 00:01:00 GMT", 60.0), ("99999999999", 86_400.0), ("soon", None), ("", None)],
)
def test_what_the_receiver_asks_for_is_a_pause(said: str, pause_s: float | None) -> None:
    assert judge(Answer(503, {"retry-after": said}, b""), NOW).pause_s == pause_s


def test_pauses_grow_to_five_minutes_and_never_come_together() -> None:
    assert [wait_s(attempt, chance=1) for attempt in range(1, 9)] == [*RETRY_S, RETRY_S[-1]]
    assert wait_s(1_000_000, chance=0) == RETRY_S[-1] / 2
    assert RETRY_S[-1] == 300
