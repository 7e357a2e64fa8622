"""The rows of a restored copy are held against the log of batches as far as retention has left both."""

from datetime import UTC, datetime, timedelta

import pytest

from services.core import db
from stack.backup.verify import SQL

NOW = datetime.now(UTC)
WRITERS = ("all/telemetry", "areas that were changed/telemetry")


async def store(pool, writer, number, age_days, *, rows, kept):
    """A batch of some rows, and of these the ones that are kept."""
    at = NOW - timedelta(days=age_days)
    batch = await pool.fetchval(
        """insert into ingest_batch (writer, number, owner, lane, committed_at, hydrant)
           values ($1, $2, gen_random_uuid(), 'telemetry', $3, $4) returning id""",
        writer,
        number,
        at,
        rows,
    )
    await pool.execute(
        """insert into reading_hydrant (device_id, ts, seq, received_at, batch_id)
           select (select id from device), $2, $1 * 1000 + n, $2, $1 from generate_series(1, $3) n""",
        batch,
        at,
        kept,
    )
    return batch


@pytest.fixture
async def pool(database):
    async with await db.create_pool(database, program="test", size=1) as made:
        await made.execute("insert into device (code, kind, area) values ('h-1', 'hydrant', '140931100')")
        yield made


async def counted(pool):
    [row] = [row for row in await pool.fetch(SQL["batches"]) if row["kind"] == "reading_hydrant"]
    return row["told"], row["stored"]


async def test_the_last_batch_of_a_writer_that_is_no_more_makes_no_fault_of_what_retention_took(pool):
    assert await counted(pool) == (0, 0)
    await store(pool, WRITERS[1], 7, 60, rows=2, kept=2)
    for number in (1, 2):
        forgotten = await store(pool, WRITERS[0], number, 40, rows=3, kept=3)
        await pool.execute("delete from ingest_batch where id = $1", forgotten)
    await store(pool, WRITERS[0], 3, 1, rows=5, kept=5)
    assert await counted(pool) == (7, 7)
    await store(pool, WRITERS[0], 4, 0, rows=5, kept=4)
    assert await counted(pool) == (12, 11)


async def test_the_last_batch_of_a_writer_that_is_no_more_outlives_its_rows(pool):
    await store(pool, WRITERS[1], 7, 400, rows=2, kept=0)
    await store(pool, WRITERS[0], 1, 1, rows=5, kept=5)
    assert await counted(pool) == (5, 5)


async def test_a_batch_of_a_clock_that_was_years_ahead_hides_no_loss(pool):
    await store(pool, WRITERS[0], 1, 1, rows=5, kept=4)
    await store(pool, WRITERS[0], 2, -4000, rows=1, kept=1)
    assert await counted(pool) == (6, 5)
