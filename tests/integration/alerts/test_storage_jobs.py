"""`storage_job_failed`: what TimescaleDB's jobs and our retention leave undone, and nothing that is only said."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.alerts.health import Health
from services.alerts.storage import StorageJobs, says_failed_only
from services.core import db
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import read_policies
from services.core.clock import SystemClock
from tests.support.county import County
from tests.support.servers import PostgresServer

# The Apache edition makes no policy, so the catalogue is told of one that the scheduler will not run within the test.
A_JOB = """
insert into _timescaledb_config.bgw_job (id, application_name, schedule_interval, max_runtime, max_retries,
    retry_period, proc_schema, proc_name, owner, scheduled, fixed_schedule, initial_start, hypertable_id, config)
select {id}, 'Policy [{id}]', '12 hours', '0', -1, '1 hour', '_timescaledb_functions', 'policy_compression',
    'firetower', true, true, now() + interval '1 year', id, '{{"compress_after": "35 days"}}'
from _timescaledb_catalog.hypertable where table_name = '{table}';
insert into _timescaledb_internal.bgw_job_stat (job_id, last_start, last_finish, next_start, last_successful_finish,
    last_run_success, total_runs, total_duration, total_duration_failures, total_successes, total_failures,
    total_crashes, consecutive_failures, consecutive_crashes)
values ({id}, now(), {finish}, now() + interval '1 year', {succeeded}, false, {runs}, '0', '0', {successes}, {runs},
    0, 0, 0)
"""
A_CHUNK = (
    "insert into {table} (device_id, ts, seq, received_at, batch_id) values (1, now() - interval '{age}', 1, now(), 0)"
)


@pytest.fixture
async def county(database: str) -> AsyncIterator[County]:
    county = await County.open(database)
    yield county
    await county.close()


@pytest.fixture
async def jobs(database: str) -> AsyncIterator[StorageJobs]:
    async with await db.create_pool(database, program="test", size=1) as pool:
        yield StorageJobs(pool, SystemClock(), retention_days=400)


def add_job(postgres: PostgresServer, database: str, number: int, table: str, **stat: object) -> None:
    stat = {"finish": "now()", "succeeded": "'-infinity'", "runs": 3, "successes": 0} | stat
    postgres.sql(A_JOB.format(id=number, table=table, **stat), database.rpartition("/")[2])


async def components(jobs: StorageJobs) -> list[str]:
    await jobs.take_turn()
    assert jobs.failed is not None
    return [one.component for one in jobs.failed]


async def test_jobs_that_do_not_succeed_for_a_day_are_told_whatever_their_status_says(postgres, database, jobs, county):
    add_job(postgres, database, 1001, "reading_hydrant", succeeded="now() - interval '25 hours'", runs=9, successes=4)
    add_job(postgres, database, 1002, "reading_water", finish="'-infinity'")  # crashed: no status, no words
    add_job(postgres, database, 1003, "reading_panel", succeeded="now() - interval '23 hours'")  # a lock, perhaps
    add_job(postgres, database, 1004, "reading_electrical", runs=2)  # it only begins
    postgres.sql(
        """insert into _timescaledb_internal.bgw_job_stat_history (job_id, pid, execution_start, execution_finish,
               succeeded, data)
           values (1001, 1, now(), now(), false, '{"error_data": {"message": "out of shared memory"}}'),
                  (1002, 1, now(), now(), false, '{}')""",
        database.rpartition("/")[2],
    )
    assert await components(jobs) == ["policy_compression:reading_hydrant", "policy_compression:reading_water"]
    hydrant, water = (one.reason for one in jobs.failed)
    assert "5 runs failed in all: out of shared memory" in hydrant.en
    assert "从未成功，共失败 3 次：数据库未说明原因" in water.zh


async def test_the_extensions_own_jobs_are_no_alarm(postgres, database, jobs):
    """The Apache edition has one that fails at every run and cannot be ended."""
    postgres.sql(
        """insert into _timescaledb_internal.bgw_job_stat (job_id, last_start, last_finish, next_start,
               last_successful_finish, last_run_success, total_runs, total_duration, total_duration_failures,
               total_successes, total_failures, total_crashes, consecutive_failures, consecutive_crashes)
           values (3, now(), now(), now() + interval '1 year', '-infinity', false, 99, '0', '0', 0, 99, 0, 99, 0)
           on conflict (job_id) do update set total_runs = 99, total_failures = 99""",
        database.rpartition("/")[2],
    )
    assert await components(jobs) == []


async def test_chunks_tell_what_was_not_done(postgres, database, jobs, county):
    """A chunk is a week long, so what it holds is up to a week older than its end."""
    add_job(postgres, database, 1001, "reading_hydrant", succeeded="now()")
    for table, age in (("reading_hydrant", "48 days"), ("reading_water", "48 days"), ("reading_panel", "412 days")):
        await county.conn.execute(A_CHUNK.format(table=table, age=age))
    await county.conn.execute(A_CHUNK.format(table="reading_electrical", age="402 days"))
    assert await components(jobs) == ["columnstore:reading_hydrant", "retention:reading_panel"]


@pytest.mark.parametrize(
    ("version", "error", "only_said"),
    [
        (150020, 'cannot drop portal "" because it is pinned', True),
        (170012, None, False),
        (170012, "out of shared memory", False),
        (170011, "cannot drop portal", False),
    ],
)
def test_minor_releases_whose_jobs_say_failed_are_known(version: int, error: str | None, only_said: bool) -> None:
    assert says_failed_only(version, error) is only_said


async def test_an_alarm_stands_until_the_work_is_done_and_begins_after_the_first_look(county, jobs):
    health = Health(Path("/"), has_desk=True, since=datetime.now(UTC), storage_jobs=jobs)

    async def standing() -> list[tuple[str, str, str]]:
        page = Page(county.conn, datetime.now(UTC), read_policies({"health": {"storage_low_pct": 101}}))
        async with county.conn.transaction():
            await health.judge(page, health.parts)
            await page.write()
        return [(row["code"], row["component"], row["severity"]) for row in await county.alarms("cleared_at is null")]

    await county.conn.execute(A_CHUNK.format(table="reading_water", age="450 days"))
    assert await standing() == []
    await jobs.take_turn()
    assert await standing() == [("storage_job_failed", "retention:reading_water", "minor")]
    restarted = Health(Path("/"), has_desk=True, since=datetime.now(UTC) - timedelta(days=1), storage_jobs=None)
    assert "storage_jobs" not in [part.name for part in restarted.parts]  # it ends nothing that it has not looked at
    await county.conn.execute("select drop_chunks('reading_water', older_than => interval '400 days')")
    await jobs.take_turn()
    assert await standing() == []
