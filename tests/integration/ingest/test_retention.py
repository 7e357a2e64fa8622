"""Old data goes, and only old data; the log keeps the number it goes on from."""

from unittest.mock import Mock

import asyncpg
import pytest

from services.core import db
from services.ingest import retention
from services.ingest.retention import TASKS, drop_old
from tests.support.broker_fleet import Rows, rows_of

ROWS = """
insert into device (code, kind, area) values ('H1', 'hydrant', '140931100');
insert into reading_hydrant (device_id, ts, seq, received_at, batch_id, flow_lps)
    select 1, now() - days * interval '1 day', days, now() - days * interval '1 day', 1, 1
    from unnest(array[0, 300, 410, 600]) as days;
insert into event (device_id, ts, received_at, batch_id, event_id, type, digest)
    select 1, now() - days * interval '1 day', now() - days * interval '1 day', 1, days, 'fire', days::text::bytea
    from unnest(array[0, 300, 600]) as days;
insert into event_key (device_id, digest, received_at) select device_id, digest, received_at from event;
insert into reject (received_at, batch_id, topic, payload, reason, detail)
    select now() - days * interval '1 day', 1, 't', '', 'not_json', '' from unnest(array[0, 600]) as days;
insert into ingest_batch (writer, number, owner, lane, committed_at)
    select writer, number, gen_random_uuid(), 'event', now() - interval '40 days'
    from unnest(array['read', 'unread', 'fires unread', 'relay away']) as writer, generate_series(1, 5) as number;
update ingest_batch set committed_at = now() - interval '401 days' where number <= 2;
insert into ingest_batch (writer, number, owner, lane, committed_at)
    values ('running', 1, gen_random_uuid(), 'event', now() - interval '8 days');
insert into feed_cursor (writer, number) values
    ('read', 5), ('read fires', 5), ('unread', 2), ('fires unread', 5), ('fires unread fires', 1),
    ('relay away', 5), ('relay away relay fires', 5), ('relay away relay readings', 1);
"""


ALL = """
select (select count(*) from reading_hydrant) + (select count(*) from event) + (select count(*) from event_key)
    + (select count(*) from reject) + (select count(*) from ingest_batch)
"""


@pytest.fixture
async def rows(database):
    async with rows_of(database) as one:
        await one.connection.execute(ROWS)
        yield one


async def drop_all_old(rows: Rows) -> None:
    for task in TASKS:
        await drop_old(rows.connection, task, 400)


async def test_chunks_past_the_retention_go_with_the_keys_of_their_events(rows: Rows):
    await drop_all_old(rows)
    assert await rows.one("select array_agg(seq order by seq) from reading_hydrant") == [0, 300]
    assert await rows.one("select array_agg(event_id order by event_id) from event") == ["0", "300"]
    assert await rows.one("select count(*) from event_key") == 2
    assert await rows.one("select count(*) from reject") == 1


async def test_a_reader_that_holds_one_table_keeps_no_other_from_being_cleaned(rows: Rows, database: str):
    reader = await db.connect(database, program="test")
    async with reader.transaction():
        await reader.fetchval("select count(*) from reading_hydrant")
        await drop_all_old(rows)
        assert await rows.one("select count(*) from reading_hydrant") == 4
        assert await rows.one("select array_agg(event_id order by event_id) from event") == ["0", "300"]
        assert await rows.one("select count(*) from reject") == 1
    await reader.close()
    await drop_all_old(rows)
    assert await rows.one("select array_agg(seq order by seq) from reading_hydrant") == [0, 300]


async def test_somebody_who_holds_rows_of_one_table_keeps_no_other_from_being_cleaned(
    rows: Rows, database: str, monkeypatch: pytest.MonkeyPatch
):
    log = Mock()
    monkeypatch.setattr(retention, "log", log)
    other = await db.connect(database, program="test")
    duties = await db.connect(database, program="test", writer=True)
    async with other.transaction():
        await other.fetch("select from event_key for update")
        for task in TASKS:
            await drop_old(duties, task, 400)
        (told,) = log.warning.call_args_list
        assert "due to lock timeout" in told.kwargs["error"]  # and not when the statement has taken too long
        assert await rows.one("select count(*) from event_key") == 3
        assert await rows.one("select count(*) from reject") == 1
    await other.close()
    await duties.close()
    await drop_all_old(rows)
    assert await rows.one("select count(*) from event_key") == 2


async def test_batches_go_behind_every_reader_and_never_the_newest(rows: Rows):
    await drop_all_old(rows)
    left = await rows.all("select writer, number from ingest_batch order by writer, number")
    assert [tuple(row) for row in left if row["writer"] in {"read", "unread"}] == [
        ("read", 5), ("unread", 3), ("unread", 4), ("unread", 5),
    ]  # fmt: skip
    fires = [row["number"] for row in left if row["writer"] == "fires unread"]
    assert fires == [2, 3, 4, 5]


async def test_what_a_relay_has_not_carried_is_kept_as_long_as_its_rows(rows: Rows):
    await drop_all_old(rows)
    left = await rows.one("select array_agg(number order by number) from ingest_batch where writer = 'relay away'")
    assert left == [3, 4, 5]


async def test_only_one_process_does_it(rows: Rows, database):
    other = await asyncpg.connect(database)
    await other.execute("select pg_advisory_lock(1380275265)")
    await drop_all_old(rows)
    assert await rows.one("select count(*) from reading_hydrant") == 4
    await other.close()


@pytest.mark.parametrize("ago", ["6 days", "31 days", "9000 days"])
async def test_a_clock_that_is_suddenly_years_ahead_deletes_nothing_for_a_week(rows: Rows, ago: str):
    """By such a clock all that we stored is of long ago, and nothing of the week before now."""
    await rows.connection.execute(
        "update ingest_batch set committed_at = now() - $1::text::interval where writer = 'running'", ago
    )
    before = await rows.one(ALL)
    await drop_all_old(rows)
    assert await rows.one(ALL) == before
