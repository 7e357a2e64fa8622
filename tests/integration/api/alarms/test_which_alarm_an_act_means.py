"""The alarm that an act of the other system was about, where both have had several of the same condition."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.core.alarms.ledger import acts
from services.core.alarms.ledger.carried import Condition, Result, Told, take_act
from services.core.alarms.life.happenings import ActKind
from services.core.words import Verification
from tests.integration.api.alarms.test_carried_acts import SAID, Join, join, result_of, told
from tests.integration.api.conftest import AREA, Client, Raise

__all__ = ["join"]
VERDICT = "select verification || ' ' || state from alarm where id = $1"
Fire = Callable[..., Awaitable[None]]


@pytest.fixture
def reports(connection: asyncpg.Connection) -> Fire:
    """A function that stores a fire of a device, as ingest does."""

    async def store(device: str, ts: datetime, received_at: datetime) -> None:
        await connection.execute(
            """
            insert into event (device_id, ts, received_at, event_id, type, active, component, digest, seq, batch_id)
            select id, $2, $3, $4, 'fire', true, '1-1', sha256(convert_to($4, 'UTF8')), 1, 1 from device where code = $1
            """,
            device, ts, received_at + timedelta(milliseconds=50), str(uuid4()),
        )  # fmt: skip

    return store


def of(body: dict[str, Any], opened_at: datetime, reported_at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """Return an act on the alarm that opened then in the township, and was last reported then by the device's time."""
    where = body["alarm"] | {"opened_at": opened_at.isoformat()}
    if reported_at is not None:
        where["reported_at"] = reported_at.isoformat()
    return body | {"alarm": where} | more


async def test_a_correction_reaches_the_fire_that_was_judged_and_no_later_one(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    """The link was cut: the county's first alarm opened an hour after the township's, and has burnt again since."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    theirs = now - timedelta(minutes=85)
    first = await open_alarm("p-1", fire=True, opened_at=now - timedelta(minutes=25))
    await reports("p-1", theirs, now - timedelta(minutes=25))
    real = of(told("p-1"), theirs, theirs)
    assert (await result_of(relay, real))[0] == "applied"
    await acts.clear(connection, first, actor="user:bob", now=now)
    again = now - timedelta(minutes=5)
    second = await open_alarm("p-1", fire=True, opened_at=again)
    await reports("p-1", again, again)
    correction = of(told("p-1", outcome="false"), theirs, theirs, correction=True, earlier=[real["act_id"]])
    assert (await result_of(relay, correction))[0] == "applied"
    assert await connection.fetchval(VERDICT, first) == "false closed"
    assert await connection.fetchval(VERDICT, second) == "pending unacknowledged"
    back = of(told("p-1"), theirs, theirs, correction=True, earlier=[correction["act_id"], real["act_id"]])
    assert (await result_of(relay, back))[0] == "applied"
    assert await connection.fetchval(VERDICT, first) == "real closed"
    assert await connection.fetchval(VERDICT, second) == "pending unacknowledged"


async def test_a_correction_without_an_alarm_that_was_judged_reaches_none(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join
) -> None:
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    alarm = await open_alarm("p-1", fire=True)
    correction = of(told("p-1", outcome="false"), now - timedelta(hours=1), correction=True, earlier=[str(uuid4())])
    assert await result_of(relay, correction) == ("no_alarm", None)
    assert await connection.fetchval(VERDICT, alarm) == "pending unacknowledged"


async def test_a_correction_also_reaches_the_fire_that_was_judged_where_it_is_still_open(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    """Who clears an alarm in the township clears none at the county."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    theirs = now - timedelta(hours=1)
    alarm = await open_alarm("p-1", fire=True)
    await reports("p-1", theirs, now)
    real = of(told("p-1"), theirs, theirs)
    assert (await result_of(relay, real))[0] == "applied"
    correction = of(told("p-1", outcome="false"), theirs, theirs, correction=True, earlier=[real["act_id"]])
    assert (await result_of(relay, correction))[0] == "applied"
    assert await connection.fetchval(VERDICT, alarm) == "false closed"


async def test_a_correction_that_does_not_say_that_it_is_one_reaches_the_fire_that_was_judged_and_no_later_one(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    """As a township of an earlier release sends it."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    opened, again = now - timedelta(minutes=30), now - timedelta(minutes=10)
    first = await open_alarm("p-1", fire=True, opened_at=opened)
    assert (await result_of(relay, of(told("p-1"), opened)))[0] == "applied"
    await acts.clear(connection, first, actor="user:bob", now=now)
    later = await open_alarm("p-1", fire=True, opened_at=again)
    for ts in (opened, again):
        await reports("p-1", ts, ts)
    assert (await result_of(relay, of(told("p-1", outcome="false", at=now.isoformat()), opened)))[0] == "applied"
    assert await connection.fetchval(VERDICT, first) == "false closed"
    assert await connection.fetchval(VERDICT, later) == "pending unacknowledged"


async def test_a_fire_judged_real_in_the_township_is_the_open_one_of_the_county_though_it_closed_a_nearer_one(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    """The county judged its own false during a cut; the detector fired again, in the township on the same alarm."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    opened, again = now - timedelta(minutes=9), now - timedelta(minutes=3)
    nearer = await open_alarm("p-1", fire=True, opened_at=opened, state="closed", verification="false")
    later = await open_alarm("p-1", fire=True, opened_at=now - timedelta(minutes=1))
    for ts in (opened, again):
        await reports("p-1", ts, ts)
    result, standing = await result_of(relay, of(told("p-1"), opened, again))
    assert (result, standing["verification"]) == ("applied", "real")
    assert await connection.fetchval(VERDICT, later) == "real acknowledged"
    assert await connection.fetchval(VERDICT, nearer) == "false closed"


async def test_a_verdict_on_an_earlier_fire_is_about_the_closed_one(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    opened, again = now - timedelta(minutes=9), now - timedelta(minutes=3)
    await open_alarm("p-1", fire=True, opened_at=opened, state="closed", verification="false")
    later = await open_alarm("p-1", fire=True, opened_at=again)
    for ts in (opened, again):
        await reports("p-1", ts, ts)
    late = of(told("p-1", outcome="test", at=now.isoformat()), opened, opened)
    result, standing = await result_of(relay, late)
    assert (result, standing["verification"]) == ("stands", "false")
    assert await connection.fetchval(VERDICT, later) == "pending unacknowledged"


@pytest.mark.parametrize(("reported", "result"), [(True, "stands"), (False, "applied")])
async def test_a_verdict_ends_no_fire_that_a_device_with_a_slow_clock_reported_after_it(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire, *, reported: bool, result: str
) -> None:
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    slow = timedelta(minutes=10)
    opened, said = now - timedelta(minutes=5), now - timedelta(minutes=4)
    alarm = await open_alarm("p-1", fire=True, opened_at=opened)
    await reports("p-1", opened - slow, opened)
    if reported:
        await reports("p-1", now - slow, now)
    body = of(told("p-1", outcome="false", at=said.isoformat()), opened, opened - slow)
    got, standing = await result_of(relay, body)
    assert (got, standing.get("reported_since", False)) == (result, reported)
    stands = "pending unacknowledged" if reported else "false closed"
    assert await connection.fetchval(VERDICT, alarm) == stands


async def test_a_verdict_counts_though_the_reports_that_were_known_came_later_than_it(
    connection: asyncpg.Connection, open_alarm: Raise, join: Join, reports: Fire
) -> None:
    """A device whose clock is fast; the backlog of a cut link."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    fast = now + timedelta(minutes=4)
    alarm = await open_alarm("p-1", fire=True)
    await reports("p-1", fast, now)
    body = of(told("p-1", outcome="false", at=(now - timedelta(minutes=1)).isoformat()), now, fast)
    assert (await result_of(relay, body))[0] == "applied"
    assert await connection.fetchval(VERDICT, alarm) == "false closed"


@pytest.mark.parametrize(("minutes", "result"), [(-3, Result.STANDS), (3, Result.APPLIED)])
async def test_in_a_township_what_it_received_after_the_countys_verdict_is_a_later_fire(
    connection: asyncpg.Connection, open_alarm: Raise, reports: Fire, minutes: int, result: Result
) -> None:
    """Also where the county is of an earlier release, which does not say what it knew."""
    now = datetime.now(UTC)
    await open_alarm("p-1", fire=True)
    await reports("p-1", now - timedelta(minutes=20), now)
    at = now + timedelta(minutes=minutes)
    said = Told(
        uuid4(), ActKind.VERIFY, Verification.FALSE, "user:bob", "", at, Condition("p-1", None, "fire", "1-1", now)
    )
    assert (await take_act(connection, said, "county", now, areas=None, wins=True)).result is result


async def rise(connection: asyncpg.Connection, alarm: int, at: datetime, device_ts: datetime | None) -> None:
    detail = {} if device_ts is None else {"device_ts": device_ts.isoformat()}
    await connection.execute(
        """
        insert into alarm_transition (
            alarm_id, number, at, actor, act, outcome, from_state, to_state, detail, previous, hash)
        values ($1, 1, $2, 'rule:x', 'report', 'rose', 'acknowledged', 'unacknowledged', $3, '', '')
        """,
        alarm, at, detail,
    )  # fmt: skip
    await connection.execute("update alarm set transitions = 1 where id = $1", alarm)


@pytest.mark.parametrize(
    ("risen", "device", "known", "result"),
    [
        (-1, -1, -5, "stands"), (-1, None, None, "stands"), (-1, -21, -25, "stands"), (-4, -4, -4, "applied"),
        (-1, -4, -4, "applied"), (-1, -1, None, "stands"), (-1, -4, None, "applied"),
    ],
    ids=[
        "since", "since, by what is no device", "since, by a slow clock", "before", "before, and came late",
        "since, of an earlier release", "before, and came late, of an earlier release",
    ],
)  # fmt: skip
async def test_an_acknowledgement_takes_no_alarm_that_rose_after_it(
    connection: asyncpg.Connection,
    open_alarm: Raise,
    join: Join,
    *,
    risen: int,
    device: int | None,
    known: int | None,
    result: str,
) -> None:
    """It rose in that minute, by that minute of its device's clock; the person knew of what was reported by then."""
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    opened, said = now - timedelta(minutes=5), now - timedelta(minutes=2)
    alarm = await open_alarm("p-1", opened_at=opened)
    at, by_device, newest = (None if one is None else now + timedelta(minutes=one) for one in (risen, device, known))
    assert at is not None
    await rise(connection, alarm, at, by_device)
    body = of(told("p-1", "acknowledge", None, at=said.isoformat()), opened, newest)
    body["alarm"]["code"] = "tamper"
    assert (await result_of(relay, body))[0] == result
    taken = await connection.fetchval("select acknowledged_at is not null from alarm where id = $1", alarm)
    assert taken is (result == "applied")


async def test_what_is_said_at_the_county_tells_what_it_was_about(
    client: Client, connection: asyncpg.Connection, open_alarm: Raise, join: Join
) -> None:
    relay, now = await join("dongguan", AREA), datetime.now(UTC)
    alarm = await open_alarm("p-1", fire=True)
    seen = now - timedelta(minutes=1)
    await rise(connection, alarm, now, seen)
    own = told("p-1", "acknowledge", None)
    assert (await result_of(relay, of(own, now, seen)))[0] == "applied"
    for path, body in (
        ("verify", {"outcome": "real"}), ("clear", {}), ("correct", {"outcome": "false", "reason": "看错了"}),
    ):  # fmt: skip
        said = await client.post(f"/api/v1/alarms/{alarm}/{path}", json=body, headers={"If-Match": "*"})
        assert said.status_code == 200, said.text
    first, second = (await relay.get("/api/v1/acts")).json()["items"]
    assert (first["correction"], second["correction"]) == (False, True)
    assert first["earlier"] == [own["act_id"]]
    assert second["earlier"] == [first["act_id"], own["act_id"]]
    for one in (first, second):
        known = datetime.fromisoformat(one["alarm"]["reported_at"])
        assert abs(known - seen) < timedelta(milliseconds=1)
    assert len(await connection.fetch(SAID, alarm)) == 3
