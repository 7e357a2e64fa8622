"""Times that PostgreSQL keeps and Python cannot: read as the nearest that can be counted on, in rows and in arrays."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.core import db

FIRST, LAST = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("infinity", LAST), ("294276-12-31", LAST), ("10000-01-01", LAST), ("9999-12-31 23:59:59-12", LAST),
        ("-infinity", FIRST), ("4713-01-01 BC", FIRST), ("0001-01-01", FIRST),
        ("2026-11-28 07:41:46.123456+08", datetime(2026, 11, 27, 23, 41, 46, 123456, UTC)),
        ("1969-12-31 23:59:59.999999+00", datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)  # fmt: skip
async def test_any_time_can_be_read(database: str, written: str, read: datetime) -> None:
    conn = await db.connect(database, program="test")
    assert await conn.fetchval("select $1::text::timestamptz", written) == read
    assert await conn.fetchval("select array[$1::text::timestamptz, null]", written) == [read, None]
    assert (await conn.fetchval("select row($1::text::timestamptz)", written))[0] == read
    await conn.close()


async def test_what_is_written_is_the_same_instant(database: str) -> None:
    conn = await db.connect(database, program="test")
    at = datetime(2026, 11, 28, 7, 41, 46, 1, timezone(timedelta(hours=8)))
    assert await conn.fetchval("select $1::timestamptz::text", at) == "2026-11-27 23:41:46.000001+00"
    assert await conn.fetchval("select $1::timestamptz[]", [at, None]) == [at, None]
    await conn.execute("create temporary table t (at timestamptz)")
    await conn.copy_records_to_table("t", records=[(at,), (None,)])
    assert [row["at"] for row in await conn.fetch("select at from t order by at")] == [at, None]
    await conn.close()
