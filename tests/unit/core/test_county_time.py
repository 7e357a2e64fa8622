"""Times in sentences for people are those of the clocks on their walls, and say so."""

from datetime import UTC, datetime

import pytest

from services.alerts.detectors.finding import tell_since
from services.core.words import county_time


@pytest.mark.parametrize(
    ("at", "zh", "en"),
    [
        (datetime(2026, 11, 28, 6, 5, 59, tzinfo=UTC), "北京时间 2026-11-28 14:05", "2026-11-28 14:05 Beijing time"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "北京时间 2027-01-01 00:00", "2027-01-01 00:00 Beijing time"),
        (datetime(9999, 12, 31, 23, 0, tzinfo=UTC), "UTC 9999-12-31 23:00", "9999-12-31 23:00 UTC"),
    ],
)
def test_a_time_is_told_by_the_countys_clock_and_names_it(at: datetime, zh: str, en: str) -> None:
    assert county_time(at) == (zh, en)


def test_an_early_warning_says_since_when_by_the_countys_clock() -> None:
    said = tell_since(datetime(2026, 11, 28, 20, 30, tzinfo=UTC), "high")
    assert said == (
        "；自北京时间 2026-11-29 04:30 起，可信度高",
        "; since 2026-11-29 04:30 Beijing time, confidence high",
    )
