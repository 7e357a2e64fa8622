"""A list in slices of time is the list: every row once, in order, wherever its time lies."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.api.measured.slices import LATEST, OLDEST, newest_first, oldest_first
from services.api.request.database import Row

NOW = datetime(2026, 11, 28, 8, tzinfo=UTC)
TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - in UTC
WIDTHS = st.timedeltas(timedelta(seconds=1), timedelta(days=64))


class Table:
    """Rows with nothing but a time, which remembers what it was asked."""

    def __init__(self, times: Sequence[datetime], *, newest: bool) -> None:
        self.times = sorted(times, reverse=newest)
        self.asked: list[tuple[datetime, datetime]] = []

    async def ask(self, begin: datetime, end: datetime, most: int) -> list[Row]:
        self.asked.append((begin, end))
        return [{"ts": at} for at in self.times if begin <= at < end][:most]


def expected(table: Table, begin: datetime | None, end: datetime | None, enough: int) -> list[datetime]:
    return [at for at in table.times if (begin or OLDEST) <= at < (end or LATEST)][:enough]


LISTS = {
    "times": st.lists(TIMES, max_size=30), "end": st.none() | TIMES, "enough": st.integers(1, 9), "width": WIDTHS,
}  # fmt: skip


@given(begin=st.none() | TIMES, near=TIMES, **LISTS)
async def test_newest_first(*, times, begin, end, near, enough, width):
    table = Table(times, newest=True)
    rows = await newest_first(table.ask, begin, end, enough=enough, width=width, near=near)
    assert [row["ts"] for row in rows] == expected(table, begin, end, enough)
    assert len(table.asked) <= 18


@given(begin=TIMES, **LISTS)
async def test_oldest_first(*, times, begin, end, enough, width):
    table = Table(times, newest=False)
    rows = await oldest_first(table.ask, begin, end, enough=enough, width=width, now=NOW)
    assert [row["ts"] for row in rows] == expected(table, begin, end, enough)
    assert len(table.asked) <= 18


async def test_what_is_expected_is_found_in_the_first_slice():
    table = Table([NOW - timedelta(minutes=5 * n) for n in range(2000)], newest=True)
    await newest_first(table.ask, None, None, enough=1000, width=timedelta(days=4), near=NOW)
    assert table.asked == [(NOW - timedelta(days=4), LATEST)]
