"""What was committed reaches who subscribed: once by id, in order per subject, whatever a receiver does."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.push.courier import HELD, OF_ONE_SUBJECT
from tests.integration.push.conftest import DeliverHere, Subscribe
from tests.support.county import AREA, County
from tests.support.servers import Program
from tests.support.waiting import eventually

Push = Callable[..., Program]
Tell = Callable[..., Awaitable[None]]
SUBJECTS = [f"h-{n}" for n in range(20)]


async def states(county: County, subscription: int) -> Counter[str]:
    query = "select state, count(*) as n from subscription_delivery where subscription_id = $1 group by state"
    return Counter({row["state"]: row["n"] for row in await county.conn.fetch(query, subscription)})


async def test_receivers_of_other_hands_verify_and_read_every_event_in_order(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe()
    other, _ = await subscribe(types=["alarm.closed"])
    await tell("h-1", "h-2")
    push()
    for _ in range(30):
        await tell(*SUBJECTS)
    await eventually(lambda: len(one.ids()) == 602, what="all of them")
    assert not one.refused
    event = one.took[0].event
    assert event.get_type() == "cn.firetower.alarm.updated.v1"
    assert event.get_source() == "urn:firetower:140931"
    assert event.get_time().tzinfo is not None
    assert all(numbers == sorted(numbers) for numbers in one.subjects().values())
    assert len({one.id for one in one.took}) == len(one.took), "nothing twice while nothing goes wrong"
    assert not other.heard, "what was not subscribed to"
    assert one.connections < 20, "connections are kept"
    await eventually(lambda: states(county, number), what="the record")
    await eventually(lambda: _all_delivered(county, number, 602), what="every delivery recorded")
    row = await county.conn.fetchrow("select * from subscription where id = $1", number)
    assert (row["failures"], row["last_status"], row["last_error"]) == (0, 204, None)


async def _all_delivered(county: County, subscription: int, count: int) -> bool:
    return await states(county, subscription) == Counter(delivered=count)


async def test_a_killed_worker_loses_nothing(county: County, push: Push, subscribe: Subscribe, tell: Tell) -> None:
    one, number = await subscribe()
    worker = push()
    for turn in range(40):
        await tell(*SUBJECTS)
        if turn in (10, 20, 30):
            await eventually(lambda: one.took, what="some were sent")
            worker.kill()
            worker.restart()
    await eventually(lambda: len(one.ids()) == 800, what="all of them")
    assert all(numbers == sorted(numbers) for numbers in one.subjects().values())
    await eventually(lambda: _all_delivered(county, number, 800), what="every delivery recorded")


async def _end_numbering(county: County) -> bool:
    """End the connection that numbers events; return whether there was one."""
    ended = """select count(pg_terminate_backend(pid)) from pg_stat_activity
               where application_name = 'firetower.push' and datname = current_database()"""
    return bool(await county.conn.fetchval(ended))


async def test_a_connection_that_the_server_ended_is_replaced_and_nothing_is_sent_again(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, _ = await subscribe()
    worker = push()
    for turn in range(12):
        await tell(*SUBJECTS)
        if turn == 6:
            await eventually(lambda: _end_numbering(county), what="its connection")
    await eventually(lambda: len(one.ids()) == 240, what="all of them")
    await eventually(lambda: _end_numbering(county), what="its connection, while nothing happens")
    await tell(*SUBJECTS)
    await eventually(lambda: len(one.ids()) == 260, what="the rest of them")
    assert len(one.took) == 260
    assert all(numbers == sorted(numbers) for numbers in one.subjects().values())
    assert worker.log_text().count('"event": "lease_taken"') == 1, "it began anew"


async def test_a_receiver_that_was_away_gets_everything_once_and_in_order(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe()
    push()
    await tell("h-1")
    await eventually(lambda: one.took, what="the first")
    await one.close()
    for _ in range(10):
        await tell(*SUBJECTS)
    failing = "select failures >= 3 from subscription where id = $1"
    await eventually(lambda: county.conn.fetchval(failing, number), what="the failures are counted")
    await one.open()
    await eventually(lambda: len(one.ids()) == 201, what="all of them")
    assert all(numbers == sorted(numbers) for numbers in one.subjects().values())
    assert Counter(row.id for row in one.took).most_common(1)[0][1] == 1


async def test_a_receiver_that_answers_a_byte_a_second_delays_nobody(
    county: County, deliver_here: DeliverHere, subscribe: Subscribe, tell: Tell
) -> None:
    slow = [await subscribe() for _ in range(10)]
    for subscriber, _ in slow:
        subscriber.dripping = True
    quick, number = await subscribe()
    async with deliver_here(timeout_s=3600):  # who waits for one of them waits for ever
        for _ in range(5):
            await tell(*SUBJECTS)
        await eventually(lambda: len(quick.ids()) == 100, what="all of them at the other")
        await eventually(lambda: _are(county, number, "delivered", 100), what="written down")
        await eventually(lambda: all(one.connections for one, _ in slow), what="the slow ones are asked, too")
    attempts = "select count(*) from subscription_delivery where attempts > 0 and subscription_id <> $1"
    assert await county.conn.fetchval(attempts, number) == 0, "not one of the slow ones had answered or was given up"


async def test_one_event_that_a_receiver_cannot_take_holds_back_its_subject_alone(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, _ = await subscribe()
    one.answer = lambda request: 500 if request.event.get_subject() == "h-1" else 204
    push()
    await tell("h-1", "h-2", "h-1", "h-3")
    await eventually(lambda: len(one.took) == 2, what="the other subjects")
    assert {request.event.get_subject() for request in one.took} == {"h-2", "h-3"}
    one.answer = lambda _: 204
    await eventually(lambda: len(one.ids()) == 4, what="both, in order")
    assert all(numbers == sorted(numbers) for numbers in one.subjects().values())


async def test_hundreds_of_events_that_a_receiver_cannot_take_hold_back_no_other_subject(
    county: County, deliver_here: DeliverHere, subscribe: Subscribe, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.push.courier.ANEW_S", 0.1)
    monkeypatch.setattr("services.push.courier.FAILING_PAUSE", timedelta(0))
    monkeypatch.setattr("services.push.board.REFRESH_S", 0.1)
    one, number = await subscribe(state="paused")
    one.answer = lambda request: 204 if request.event.get_subject() in {"h-1", "other"} else 500
    stuck = [f"stuck-{n}" for n in range(HELD // 4 // OF_ONE_SUBJECT + 1)]
    for _ in range(OF_ONE_SUBJECT + 1):
        await tell(*stuck)
    await tell("h-1")
    async with deliver_here():
        await eventually(lambda: _are(county, number, "waiting", len(stuck) * (OF_ONE_SUBJECT + 1) + 1), what="kept")
        await county.conn.execute("update subscription set state = 'active', version = version + 1")
        await eventually(lambda: one.took, what="what was there as it began")
        await tell("other")
        await eventually(lambda: len(one.took) == 2, what="what is new")


async def test_what_each_answer_means(county: County, push: Push, subscribe: Subscribe, tell: Tell) -> None:
    """Redirects are not followed, 4xx is final, 410 ends the subscription, Retry-After is obeyed."""
    elsewhere, _ = await subscribe(types=["device.status"])
    redirecting, moved = await subscribe(types=["alarm.updated"])
    location = f"HTTP/1.1 307 Temporary\r\nlocation: {elsewhere.url}\r\ncontent-length: 0\r\n\r\n".encode()
    redirecting.answer = lambda _: location
    refusing, refused = await subscribe(types=["alarm.updated"])
    # knative/eventing 5427: what a proxy says with its refusal was no header, and the event was gone
    page = b"<html>\r\n<head><title>405 Not Allowed</title></head>\r\n</html>\r\n"
    refusing.answer = lambda _: (
        b"HTTP/1.1 405 No\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page) + page
    )
    leaving, gone = await subscribe(types=["alarm.updated"])
    leaving.answer = lambda _: 410
    busy, later = await subscribe(types=["alarm.updated"])
    busy.answer = lambda _: b"HTTP/1.1 429 Busy\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n"
    push()
    await tell("h-1")
    for number in (moved, refused):
        await eventually(lambda number=number: _are(county, number, "dead"), what="dead letters")
    assert not elsewhere.heard
    disabled = "select state = 'disabled' from subscription where id = $1"
    await eventually(lambda: county.conn.fetchval(disabled, gone), what="the end of the subscription")
    await eventually(lambda: busy.heard, what="one attempt")
    await tell("h-2", "h-3")
    await eventually(lambda: _are(county, refused, "dead", 3), what="the others")
    assert len(busy.heard) == 1, "an hour was asked for"
    assert len(leaving.heard) == 1
    assert await states(county, gone) == Counter(waiting=1)
    assert await states(county, later) == Counter(waiting=3)


async def _are(county: County, subscription: int, state: str, count: int = 1) -> bool:
    return await states(county, subscription) == Counter({state: count})


async def test_what_could_not_be_sent_for_72_hours_is_a_dead_letter(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe()
    one.answer = lambda _: 503
    worker = push()
    await tell("h-1", "h-1")
    await eventually(lambda: one.heard, what="an attempt")
    await eventually(lambda: _recorded(county, number), what="its record")
    worker.kill()
    limits = (
        "select extract(epoch from expires_at - e.made_at) / 3600 from subscription_delivery join subscription_event e"
    )
    assert 71.9 < float(await county.conn.fetchval(f"{limits} using (number) limit 1")) < 72.1
    await county.conn.execute("update subscription_delivery set expires_at = now(), due_at = now()")
    worker.restart()
    await eventually(lambda: _are(county, number, "dead", 2), what="given up")


async def _recorded(county: County, subscription: int) -> Any:
    query = "select last_status from subscription_delivery where subscription_id = $1 and attempts > 0"
    return await county.conn.fetchval(query, subscription)


async def test_an_address_inside_is_refused_at_every_connection_unless_it_is_named(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, number = await subscribe()
    named, other = await subscribe()
    port = named.url.rsplit(":", 1)[1]
    await county.conn.execute("update subscription set url = $2 where id = $1", other, f"http://localhost:{port}")
    push(SUBSCRIPTION_NETWORKS="", COUNTY_NETWORKS="127.0.0.0/8,::1/128")
    await tell("h-1")
    for subscription in (number, other):
        error = await eventually(lambda s=subscription: _error(county, s), what="the refusal")
        assert "loopback" in error
    assert not one.heard
    assert not named.heard


async def _error(county: County, subscription: int) -> Any:
    return await county.conn.fetchval("select last_error from subscription where id = $1", subscription)


async def test_both_secrets_sign_while_one_takes_the_others_place(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    new = "whsec_" + "YSBuZXcgc2VjcmV0IG9mIG9uZSBzdWJzY3JpYmVyIQ=="
    one, number = await subscribe()
    push()
    rotate = """update subscription set secret = $2, previous_secret = secret, previous_secret_until = $3,
                    version = version + 1 where id = $1"""
    await county.conn.execute(rotate, number, new, datetime.now(UTC) + timedelta(hours=24))
    await tell("h-1")
    await eventually(lambda: one.took, what="the receiver with the old secret")
    assert one.took[0].signatures == 2
    one.secret = new
    await tell("h-1")
    await eventually(lambda: len(one.took) == 2, what="the receiver with the new secret")
    ended = "update subscription set previous_secret_until = now(), version = version + 1 where id = $1"
    await county.conn.execute(ended, number)
    await asyncio.sleep(0)
    await tell("h-1")
    await eventually(lambda: len(one.took) == 3, what="the new secret alone")
    assert not one.refused


async def test_a_secret_that_cannot_be_read_costs_its_own_subscription_alone(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    """spoo-me/spoo 270: the worker ended at such a row, and again at every start."""
    broken, number = await subscribe(secret="whsec_不是base64")
    other, _ = await subscribe()
    worker = push()
    await tell("h-火🔥", "h-2")
    await eventually(lambda: len(other.took) == 2, what="both at the other")
    assert {one.event.get_subject() for one in other.took} == {"h-火🔥", "h-2"}
    await eventually(lambda: _error(county, number), what="what is wrong, where an administrator sees it")
    assert not broken.heard
    assert worker.log_text().count('"event": "lease_taken"') == 1


async def test_paused_means_kept_and_disabled_means_not_kept(
    county: County, push: Push, subscribe: Subscribe, tell: Tell
) -> None:
    one, paused = await subscribe(state="paused")
    _, disabled = await subscribe(state="disabled")
    push()
    await tell("h-1", "h-2")
    await eventually(lambda: _are(county, paused, "waiting", 2), what="kept")
    assert not await states(county, disabled)
    assert not one.heard
    await county.conn.execute("update subscription set state = 'active', version = version + 1 where id = $1", paused)
    await eventually(lambda: len(one.took) == 2, what="sent after the pause")


async def test_a_township_hears_of_its_own_alone(county: County, push: Push, subscribe: Subscribe, tell: Tell) -> None:
    township, _ = await subscribe(areas=[AREA])
    whole, _ = await subscribe(areas=["140931"])
    nowhere, _ = await subscribe(areas=[])
    push()
    await tell("mine", area=AREA)
    await tell("theirs", area="140931101")
    await tell("", area=None)
    await tell("last", area=AREA)
    await eventually(lambda: len(township.took) == 2 and len(whole.took) == 4, what="everybody's own")
    assert {one.event.get_subject() for one in township.took} == {"mine", "last"}  # in order for each subject alone
    assert {one.event.get_subject() for one in whole.took} == {"mine", "theirs", "140931", "last"}
    assert not nowhere.heard
