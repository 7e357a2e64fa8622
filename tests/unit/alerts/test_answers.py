from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.answers import Answer, Fate, judge_answer, wait_s

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (None, Fate.RETRY),
        (200, Fate.DELIVERED),
        (201, Fate.DELIVERED),
        (299, Fate.DELIVERED),
        (301, Fate.DEAD),
        (307, Fate.DEAD),
        (400, Fate.DEAD),
        (401, Fate.DEAD),
        (404, Fate.DEAD),
        (408, Fate.RETRY),
        (409, Fate.DELIVERED),
        (410, Fate.DEAD),
        (425, Fate.RETRY),
        (429, Fate.RETRY),
        (499, Fate.DEAD),
        (500, Fate.RETRY),
        (503, Fate.RETRY),
        (599, Fate.RETRY),
    ],
)
def test_what_becomes_of_a_notice_by_status(status: int | None, fate: Fate) -> None:
    assert judge_answer(Answer(status, {}, b""), NOW).fate is fate


@pytest.mark.parametrize(
    ("body", "incident_id"),
    [
        (b'{"incident_id": "119-7"}', "119-7"),
        (b'{"incident_id": 7}', "7"),
        (b"{}", None),
        (b"[]", None),
        (b"not json", None),
        (b"", None),
        (b'{"incident_id": null}', None),
    ],
)
def test_the_desks_incident_id_is_kept_when_there_is_one(body: bytes, incident_id: str | None) -> None:
    assert judge_answer(Answer(200, {}, body), NOW).incident_id == incident_id


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("0", 0),
        ("Mon, 23 Nov 2026 12:00:20 GMT", 20),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    assert judge_answer(Answer(503, {"retry-after": value}, b""), NOW).retry_after_s == seconds


@given(st.integers(1, 1000), st.floats(0, 1), st.booleans())
def test_back_off_is_bounded_and_never_shorter_than_half_its_step(attempts: int, chance: float, fire: bool) -> None:
    wait = wait_s(attempts, None, fire=fire, chance=chance)
    assert 0 < wait <= (5 if fire else 60)


@pytest.mark.parametrize(
    ("fire", "asked", "waited"), [(True, 3, 3), (True, 3600, 30), (False, 90, 90), (False, 90_000, 3600)]
)
def test_what_the_desk_asks_for_is_obeyed_up_to_a_limit(fire: bool, asked: float, waited: float) -> None:
    assert wait_s(1, asked, fire=fire) == waited


def test_jitter_is_drawn_when_none_is_given() -> None:
    assert len({wait_s(3, None, fire=True) for _ in range(20)}) > 1
