"""A device that sends garbage all day fills no disk: the newest of a day stay, and how many there were is known."""

import asyncio
from collections.abc import AsyncIterator
from unittest.mock import Mock

import pytest

from services.ingest import excess
from services.ingest.retention import EXCESS, drop_old
from tests.support.broker_fleet import Rows, rows_of

DEVICES = """
insert into device (code, kind, area) values ('NOISY', 'hydrant', '140931100'), ('QUIET', 'hydrant', '140931100');
"""
REFUSED = """
with refused as (
    insert into reject (received_at, batch_id, topic, payload, reason, detail, device_id)
    select date_trunc('day', now(), 'UTC') - interval '12 hours' + n * interval '1 s', 1,
           'fire/v1/140931100/hydrant/X/up/' || $2::text, convert_to(n::text, 'UTF8'),
           'not_json', '', $1::integer
    from generate_series(1, $3::integer) as n
    returning device_id, received_at
)
insert into device_quality as q (device_id, hour, rejects)
select device_id, date_trunc('hour', received_at), count(*) from refused where device_id is not null group by 1, 2
on conflict (device_id, hour) do update set rejects = q.rejects + excluded.rejects
"""
LARGE = """
update reject set payload = (select string_agg(sha512(i::text::bytea), '') from generate_series(1, 500) as i)
where device_id = $1
"""  # 32 000 bytes that cannot be compressed
NOISY, QUIET = 1, 2
COUNTED = "select sum(rejects)::integer from device_quality where device_id = $1"


@pytest.fixture
async def rows(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rows]:
    monkeypatch.setattr(excess, "KEPT_A_DAY", 20)
    monkeypatch.setattr(excess, "KEPT_BYTES_A_DAY", 100_000)
    monkeypatch.setattr(excess, "STRANGERS", 2)
    monkeypatch.setattr(excess, "SLICE", 7)  # several deletes
    async with rows_of(database) as one:
        await one.connection.execute(DEVICES)
        yield one


async def refuse(rows: Rows, device_id: int | None, channel: str, many: int) -> None:
    """Refuse messages of yesterday, the first, second and so on of them in this order."""
    await rows.connection.execute(REFUSED, device_id, channel, many)


async def kept(rows: Rows, device_id: int | None, channel: str) -> list[int]:
    found = await rows.connection.fetch(
        """select extract(epoch from received_at - date_trunc('day', received_at, 'UTC') - interval '12 hours')::integer
        from reject where device_id is not distinct from $1 and topic like '%/' || $2 order by received_at""",
        device_id, channel,
    )  # fmt: skip
    return [row[0] for row in found]


async def test_of_a_device_the_newest_of_a_day_stay_and_the_count_of_all(rows: Rows):
    await refuse(rows, NOISY, "telemetry", 60)
    await refuse(rows, QUIET, "telemetry", 20)
    await drop_old(rows.connection, EXCESS, 400)
    assert await kept(rows, NOISY, "telemetry") == [*range(41, 61)]
    assert len(await kept(rows, QUIET, "telemetry")) == 20
    assert await rows.connection.fetchval(COUNTED, NOISY) == 60


async def test_what_a_flood_of_readings_drops_is_no_event_that_could_not_be_read(rows: Rows):
    await refuse(rows, NOISY, "event", 5)
    await refuse(rows, NOISY, "telemetry", 60)
    await drop_old(rows.connection, EXCESS, 400)
    assert await kept(rows, NOISY, "event") == [1, 2, 3, 4, 5]


async def test_large_messages_are_counted_by_their_bytes_be_they_few(rows: Rows):
    await refuse(rows, NOISY, "telemetry", 6)
    await refuse(rows, QUIET, "telemetry", 6)
    await rows.connection.execute(LARGE, NOISY)
    await drop_old(rows.connection, EXCESS, 400)
    assert await kept(rows, NOISY, "telemetry") == [4, 5, 6]
    assert len(await kept(rows, QUIET, "telemetry")) == 6


async def test_what_names_no_device_has_a_share_of_several(rows: Rows):
    await refuse(rows, None, "alarm", 60)
    await drop_old(rows.connection, EXCESS, 400)
    assert await kept(rows, None, "alarm") == [*range(21, 61)]


async def test_what_waits_for_a_replay_stays(rows: Rows):
    await refuse(rows, NOISY, "telemetry", 60)
    await rows.connection.execute("update reject set replay_requested_at = now() where payload in ('1', '2')")
    await rows.connection.execute("update reject set replayed_at = now() where payload = '2'")
    await drop_old(rows.connection, EXCESS, 400)
    assert await kept(rows, NOISY, "telemetry") == [1, *range(41, 61)]


async def test_what_somebody_wants_replayed_at_that_moment_stays(rows: Rows, database: str):
    await refuse(rows, NOISY, "telemetry", 60)
    async with rows_of(database) as person:
        wanting = person.connection.transaction()
        await wanting.start()
        await person.connection.execute("update reject set replay_requested_at = now() where payload = '1'")
        dropping = asyncio.create_task(drop_old(rows.connection, EXCESS, 400))
        await person.until("select exists (select from pg_locks where not granted)")
        await wanting.commit()
        await dropping
    assert 1 in await kept(rows, NOISY, "telemetry")


async def test_nothing_of_the_last_hour_goes(rows: Rows):
    await refuse(rows, NOISY, "telemetry", 60)
    await rows.connection.execute("update reject set received_at = now() - interval '30 minutes'")
    await drop_old(rows.connection, EXCESS, 400)
    assert await rows.one("select count(*) from reject") == 60


async def test_what_went_is_told_and_the_next_look_finds_nothing(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    log = Mock()
    monkeypatch.setattr(excess, "log", log)
    await refuse(rows, NOISY, "telemetry", 60)
    await drop_old(rows.connection, EXCESS, 400)
    await drop_old(rows.connection, EXCESS, 400)
    (told,) = log.info.call_args_list
    assert (told.args, told.kwargs["device_id"], told.kwargs["rows"]) == (("rejects_thinned",), NOISY, 40)
