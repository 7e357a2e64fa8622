"""Copies that are behind are told by what is missing, whatever hinders them."""

from datetime import UTC, datetime, timedelta

import pytest

from services.alerts.copies import judge_copies
from services.core.alarms.policies import read_policies

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
POLICIES = read_policies({})


def status(*, since_h=100.0, copy_h=None, log_s=None, error=""):
    ago = {"since": since_h * 3600, "copied_at": copy_h and copy_h * 3600, "logged_at": log_s}
    row = {name: None if seconds is None else NOW - timedelta(seconds=seconds) for name, seconds in ago.items()}
    return row | {"folder": "/copies", "error": error}


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        (None, None),
        (status(copy_h=24.5, log_s=25), None),
        (status(copy_h=1, log_s=301), 300),
        (status(copy_h=28, log_s=20), 27),
        (status(since_h=0.01), None),  # only just begun
        (status(since_h=0.1), 300),  # and nothing ever came of it
        (status(since_h=28, log_s=20), 27),
    ],
)
def test_what_is_overdue(row, limit):
    found = judge_copies(row, NOW, POLICIES)
    assert (found and found.limit) == limit


def test_the_reason_says_what_hinders():
    found = judge_copies(status(log_s=3600, copy_h=2, error="shipping: No space left on device"), NOW, POLICIES)
    assert "60 min behind" in found.reason.en
    assert "No space left on device" in found.reason.zh
