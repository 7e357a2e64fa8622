"""Whether 119 has what it should have, looked at by a clock of the test's own."""

from datetime import datetime, timedelta

import pytest

from services.alerts import deliver
from services.alerts.health import Health
from services.core.alarms.ledger import acts
from services.core.alarms.ledger.page import Page
from services.core.alarms.policies import read_policies
from tests.support.county import County


async def tell_nobody(county: County) -> datetime:
    """Let a fire be confirmed of which 119 has no news; return when."""
    now: datetime = await county.conn.fetchval("select clock_timestamp()")
    await county.conn.execute(
        """
        with fire as (
            insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
            values ('device:1', 'fire', 'fire', 'critical', 'unacknowledged', '', '', $1, $1) returning id)
        insert into notice (id, alarm_id, number, channel, type, fire, body, due_at, created_at)
        select gen_random_uuid(), id, 1, 'desk', 'fire.confirmed', true, '{}', $1, $1 from fire
        """,
        now,
    )
    return now


@pytest.mark.parametrize("has_county", [False, True])
async def test_dispatch_failed_stands_though_the_fire_that_119_lacks_is_from_an_hour_to_come(
    county: County, has_county: bool
) -> None:
    now = await tell_nobody(county)
    for at_s, stands in ((0, False), (61, True), (-3600, True)):
        at = now + timedelta(seconds=at_s)
        assert await dispatch_fails(county, at, has_county=has_county) is stands, at_s


@pytest.mark.parametrize("has_desk", [False, True])
async def test_why_119_has_no_news_of_a_fire_is_said_in_each_language(county: County, has_desk: bool) -> None:
    now = await tell_nobody(county)
    assert await dispatch_fails(county, now + timedelta(minutes=2), has_desk=has_desk)
    said = await county.conn.fetchrow("select reason, reason_en from alarm where code = 'dispatch_failed'")
    assert said["reason"].endswith("：无应答" if has_desk else "：未配置 119 接口地址")
    assert said["reason_en"].endswith(": no answer" if has_desk else ": no address of 119 is set")


async def dispatch_fails(
    county: County, now: datetime, *, has_county: bool = False, has_desk: bool | None = None
) -> bool:
    """Look once whether 119 is told; whether `dispatch_failed` stands then."""
    health = Health(has_desk=not has_county if has_desk is None else has_desk, has_county=has_county, since=now)
    page = Page(county.conn, now, read_policies({}))
    async with county.conn.transaction():
        await health.judge(page, [part for part in health.parts if part.name == "dispatch"])
        await page.write()
    return bool(await county.alarms("a.code = 'dispatch_failed' and cleared_at is null"))


async def test_what_is_held_for_a_person_neither_ends_dispatch_failed_nor_begins_it(county: County) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    at = [now + timedelta(minutes=minutes) for minutes in range(200)]
    for alarm in (1, 2):
        await county.conn.execute(
            """
            insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
            values ($1, 'tamper', 'device', 'major', 'unacknowledged', '', '', now(), now())
            """,
            f"device:{alarm}",
        )

    async def send(alarm: int, number: int, created_at: datetime) -> None:
        await county.conn.execute(
            """
            insert into notice (id, alarm_id, number, channel, type, fire, body, due_at, created_at)
            values (gen_random_uuid(), $1, $2, 'desk', 'alarm.raised', false, '{}', $3, $3)
            """,
            alarm,
            number,
            created_at,
        )

    await send(1, 1, at[0])
    assert await dispatch_fails(county, at[2])
    await county.conn.execute(deliver.SQL["hold_old"], at[0] + timedelta(seconds=1))
    assert await dispatch_fails(county, at[61]), "119 has accepted nothing since"
    await send(2, 1, at[62])
    await county.conn.execute("update notice set state = 'delivered', delivered_at = $1 where alarm_id = 2", at[62])
    assert not await dispatch_fails(county, at[63]), "119 accepts again"
    await send(1, 2, at[64])
    assert not await dispatch_fails(county, at[66]), "it waits for a person, and not for 119"
    await county.conn.execute("update notice set state = 'held' where alarm_id = 1")
    assert not await dispatch_fails(county, at[180]), "nor when it is held as well, though nothing was sent since"
    await county.conn.execute("update notice set state = 'waiting', released_at = $1 where alarm_id = 1", at[181])
    assert await dispatch_fails(county, at[183])


async def test_what_119_takes_again_shows_that_it_takes_notices(county: County) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")
    await county.conn.execute(
        """
        with stood as (
            insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
            select 'device:' || n, 'tamper', 'device', 'major', 'unacknowledged', '', '', now(), now()
            from generate_series(1, 2) n returning id)
        insert into notice (id, alarm_id, number, channel, type, fire, body, due_at, created_at)
        select gen_random_uuid(), id, 1, 'desk', 'alarm.raised', false, '{}', $1, $1 from stood
        """,
        now,
    )
    sent, delivered = await county.conn.fetchval("select id from notice where alarm_id = 1"), deliver.SQL["delivered"]
    await county.conn.execute(delivered, sent, now - timedelta(seconds=1), 200, None)
    assert await dispatch_fails(county, now + timedelta(minutes=2))
    await county.conn.execute(deliver.SQL["hold_old"], now + timedelta(seconds=1))
    assert await dispatch_fails(county, now + timedelta(minutes=61))
    await acts.replay_notice(county.conn, sent, actor="user:t", now=now + timedelta(minutes=62))
    await county.conn.execute(delivered, sent, now + timedelta(minutes=62, seconds=1), 200, None)
    assert not await dispatch_fails(county, now + timedelta(minutes=63))


@pytest.mark.parametrize("notice", ["fire.confirmed", "alarm.escalated"])
async def test_a_fire_that_is_refused_just_before_somebody_clears_the_alarm_raises_it_again(
    county: County, notice: str
) -> None:
    now = await county.conn.fetchval("select clock_timestamp()")

    async def refuse(number: int, dead_at: datetime) -> None:
        await county.conn.execute(
            """
            with fire as (
                insert into alarm (subject, code, category, severity, state, reason, reason_en, opened_at, updated_at)
                values ('device:' || $1, 'fire', 'fire', 'critical', 'unacknowledged', '', '', $2, $2) returning id)
            insert into notice (id, alarm_id, number, channel, type, fire, body, due_at, created_at, state, dead_at)
            select gen_random_uuid(), id, 1, 'desk', $3, true, '{}', $2, $2, 'dead', $2 from fire
            """,
            str(number),
            dead_at,
            notice,
        )

    async def clear(at: datetime) -> None:
        (alarm,) = await county.alarms("a.code = 'dispatch_failed' and a.state <> 'closed'")
        await acts.clear(county.conn, alarm["id"], actor="user:t", now=at)

    seconds = [now + timedelta(seconds=at_s) for at_s in range(30)]
    await refuse(1, seconds[0])
    assert await dispatch_fails(county, seconds[1])
    await refuse(2, seconds[2])
    await clear(seconds[3])
    assert await dispatch_fails(county, seconds[4]), "nobody was told of the second"
    await clear(seconds[5])
    assert not await dispatch_fails(county, seconds[6]), "both were dealt with"
