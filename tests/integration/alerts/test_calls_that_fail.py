"""A contact who cannot be reached is told on the desk, and a fire's call is made again for as long as any other."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.alerts.deliver import SQL
from tests.support.county import County
from tests.support.hostile import HostileReceiver
from tests.support.servers import Program
from tests.support.waiting import eventually


@pytest.fixture
async def hostile() -> AsyncIterator[HostileReceiver]:
    async with HostileReceiver() as made:
        yield made


async def burn_and_stop(county: County, alerts: Callable[..., Program]) -> int:
    """Have a fire judged, and nobody who calls about it; its alarm."""
    await county.add_device("panel-1")
    worker = alerts(DISPATCH_URL="")
    await county.send_events([{"device": "panel-1", "type": "manual_alarm"}])
    (alarm,) = await eventually(county.alarms, what="the fire")
    worker.stop()
    number: int = alarm["id"]
    return number


async def test_a_contact_whom_no_call_reaches_is_told_until_one_does(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    await county.set_policy("notices", overdue_after_s=1)
    await county.add_device("panel-1")
    add = "insert into contact (name, channel, address) values ('值班长', 'webhook', $1) returning id"
    contact = await county.conn.fetchval(add, f"{hostile.url}/auth")
    alerts(DISPATCH_URL="http://127.0.0.1:9")
    await county.send_events([{"device": "panel-1", "type": "manual_alarm"}])

    async def aside(**wanted: Any) -> list[asyncpg.Record]:
        rows = await county.conn.fetch("select *, done_at is null as open from set_aside where kind = 'call'")
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    (told,) = await eventually(lambda: aside(open=True), what="the contact set aside")
    assert (told["name"], told["detail"]["name"]) == (f"contact:{contact}", "值班长")
    assert "1 attempt: HTTP 401" in told["error"]
    (alarm,) = await eventually(lambda: county.alarms("a.code = 'set_aside'"), what="the alarm of it")
    assert (alarm["component"], alarm["severity"]) == ("alerts:call", "major")

    again = "update alarm_timer set due_at = now(), done_at = null, result = null"
    await county.conn.execute("update set_aside set retry_requested_at = now() where kind = 'call'")
    await eventually(lambda: aside(result="done"), what="the line struck off: the next call tries it again")
    await county.conn.execute(again)
    await eventually(lambda: aside(open=True), what="the next call that does not reach it")
    await county.conn.execute("update contact set address = $1", f"{hostile.url}/good")
    await county.conn.execute(again)

    async def none_open() -> bool:
        return await aside(open=True) == []

    await eventually(none_open, what="the contact reached")
    await eventually(lambda: county.alarms("a.code = 'set_aside' and cleared_at is not null"), what="its end")


async def test_a_fires_call_outlasts_a_gateways_restart_and_is_not_repeated_where_it_may_have_been_passed_on(
    county: County, hostile: HostileReceiver, alerts: Callable[..., Program]
) -> None:
    fire, now = await burn_and_stop(county, alerts), datetime.now(UTC)

    async def call(path: str, since: timedelta, success: dict[str, Any] | None = None) -> Any:
        target = {"url": f"{hostile.url}/{path}", "by_county": True, "success": success}
        return await county.conn.fetchval(
            """
            insert into notice (id, alarm_id, number, channel, type, fire, target, body, attempts, due_at, created_at)
            values (gen_random_uuid(), $1, 1, 'contact:' || gen_random_uuid(), 'call', true, $2, '{}', 19, $3, $4)
            returning id
            """,
            fire,
            target,
            now,
            now - since,
        )

    young, old = await call("busy-with-nul", timedelta(minutes=2)), await call("busy-with-nul", timedelta(minutes=16))
    put_off = await call("retry-huge", timedelta(minutes=2))
    passed_on = await call("ok", timedelta(minutes=2), {"status": [204]})
    alerts(DISPATCH_URL="")
    await eventually(lambda: county.notices("type = 'call' and attempts > 19", at_least=4), what="their attempts")
    answered = "type = 'call' and last_error is not null"
    calls = {one["id"]: one for one in await eventually(lambda: county.notices(answered, at_least=4), what="answers")}
    states = {key: one["state"] for key, one in calls.items()}
    assert states == {young: "waiting", old: "dead", put_off: "waiting", passed_on: "dead"}
    assert calls[young]["due_at"] - now > timedelta(seconds=25), "no longer every few seconds"
    await county.send_events([{"device": "panel-1", "type": "fault"}])
    await eventually(lambda: county.alarms("a.code = 'fault'"), what="the outbox having looked again and again")
    rows = await county.conn.fetch(
        "select at, status from notice_attempt where notice_id = $1 order by number", put_off
    )
    answered_first = next(place for place, row in enumerate(rows) if row["status"] is not None)
    made = [row["at"] for row in rows[answered_first:]]  # on a busy machine those before may have run out of time
    assert [at for at in made if at < made[0] + timedelta(seconds=30)] == made[:1], "not as fast as it answers"
    due = await county.conn.fetchval("select due_at from notice where id = $1", put_off)
    assert due < datetime.now(UTC) + timedelta(seconds=61), "a gateway puts off a fire's call by a minute at most"


async def test_a_call_that_was_just_put_off_by_a_minute_is_not_taken_for_one_of_a_clock_set_back(
    county: County, alerts: Callable[..., Program]
) -> None:
    """Beside it another attempt looks by a time that was read a second before, as on a busy machine."""
    fire, now = await burn_and_stop(county, alerts), datetime.now(UTC)

    async def claimed(due_in: timedelta) -> int:
        await county.conn.execute("delete from notice")
        await county.conn.execute(
            """
            insert into notice (id, alarm_id, number, channel, type, fire, target, body, due_at, created_at)
            values (gen_random_uuid(), $1, 1, 'contact:1', 'call', true, '{}', '{}', $2, $3)
            """,
            fire,
            now + due_in,
            now,
        )
        until = now + timedelta(seconds=10)
        return len(await county.conn.fetch(SQL["claim"], uuid4(), now, until, True, 10, False, [], [], None))

    assert await claimed(timedelta(seconds=61)) == 0
    assert await claimed(timedelta(seconds=0)) == 1
    assert await claimed(timedelta(hours=1)) == 1
