"""People are told of a subscription by which nothing comes through, until its receiver takes an event."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tests.integration.push.conftest import DeliverHere, Subscribe
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

Push = Callable[..., Program]
Tell = Callable[..., Awaitable[None]]
AWAY = b"HTTP/1.1 503 Away\r\nretry-after: 7200\r\ncontent-length: 0\r\n\r\n"
TRY_NOW = "update set_aside set retry_requested_at = now(), retry_requested_by = 'user:wang'"


async def _told_of(county: County, subscription: int) -> list[tuple[str, bool]]:
    """What people see set aside of a subscription: the error, and whether it is over."""
    rows = await county.conn.fetch(
        "select error, done_at is not null as over from set_aside where program = 'push' and name = $1 order by id",
        f"subscription:{subscription}",
    )
    return [(row["error"], row["over"]) for row in rows]


async def test_people_are_told_of_a_subscription_that_its_receiver_ended_until_it_goes_on(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    leaving, gone = await subscribe(name="city platform")
    leaving.answer = lambda _: 410
    staying, _ = await subscribe()
    push()
    await tell("h-1")
    await eventually(lambda: _told_of(county, gone), what="that it was ended")
    ((error, over),) = await _told_of(county, gone)
    assert "city platform answered 410" in error
    assert not over
    leaving.answer = lambda _: 204
    await county.conn.execute("update subscription set state = 'active', version = version + 1 where id = $1", gone)
    await eventually(lambda: leaving.took, what="what waited")
    await eventually(lambda: _is_over(county, gone), what="the end of it")
    assert len(staying.took) == 1


async def _is_over(county: County, subscription: int) -> bool:
    return [over for _, over in await _told_of(county, subscription)] == [True]


async def test_people_are_told_in_time_of_a_receiver_that_asked_for_no_other_try_that_day(
    county: County, deliver_here: DeliverHere, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe(name="city platform")
    one.answer = lambda _: b"HTTP/1.1 503 Away\r\nretry-after: 86400\r\ncontent-length: 0\r\n\r\n"
    async with deliver_here(told_after=timedelta(seconds=1)):
        await tell("h-1")
        await eventually(lambda: _told_of(county, number), what="that nothing is taken")
    assert len(one.heard) == 1


async def test_a_try_that_somebody_asked_for_is_not_put_off_by_the_one_that_was_under_way(
    county: County, deliver_here: DeliverHere, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe(failures=1, last_at=datetime.now(UTC), last_error="HTTP 503")
    one.answer = lambda _: AWAY
    one.may_answer.clear()
    async with deliver_here(told_after=timedelta(0)):
        await eventually(lambda: _told_of(county, number), what="that nothing is taken")
        await tell("h-1")
        await eventually(lambda: one.heard, what="an attempt that is not answered")
        one.answer = lambda _: 204
        await county.conn.execute(TRY_NOW)
        await eventually(lambda: _nobody_asks(county), what="that it is tried")
        one.may_answer.set()  # away for two hours, says who has come back meanwhile
        await eventually(lambda: len(one.took) == 1, what="the next attempt")
    assert len(one.heard) == 2


async def _nobody_asks(county: County) -> bool:
    return bool(await county.conn.fetchval("select every(retry_requested_at is null) from set_aside"))


async def test_people_are_told_once_of_a_receiver_that_takes_nothing_and_may_have_it_tried_now(
    county: County, deliver_here: DeliverHere, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe(name="city platform")
    one.answer = lambda _: AWAY
    async with deliver_here(told_after=timedelta(0)):
        await tell("h-1", "h-2", "h-3")
        await eventually(lambda: _told_of(county, number), what="that nothing is taken")
        await eventually(lambda: len(one.heard) >= 1, what="an attempt")
        ((error, over),) = await _told_of(county, number)
        assert re.search(r"city platform has taken nothing for 0 min \(attempts: [123]\): HTTP 503", error)
        assert not over
        one.answer = lambda _: 204
        await county.conn.execute(TRY_NOW)
        await eventually(lambda: len(one.took) == 3, what="all of them, two hours earlier than it was asked for")
        await eventually(lambda: _is_over(county, number), what="the end of it")
