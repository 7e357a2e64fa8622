"""A month as far as it has gone: no day of it that is to come, whatever a clock that was ahead has written."""

from datetime import UTC, date, datetime

from services.api.prevention.report_data import Month


def test_a_month_that_goes_on_has_no_days_to_come() -> None:
    now = datetime(2026, 11, 14, 17, tzinfo=UTC)  # the 15th by the county's clock
    month = Month.of("2026-11", now)
    assert month is not None
    assert (month.first, month.last, month.until) == (date(2026, 11, 1), date(2026, 11, 15), now)
    over = Month.of("2026-10", now)
    assert over is not None
    assert over.last == date(2026, 10, 31)
