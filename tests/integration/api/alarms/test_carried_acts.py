"""What a township's key may say of alarms and hear of them: those in its areas, and nothing else exists for it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.api.request import secrets
from services.api.system.townships import SQL as TOWNSHIPS
from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise

Join = Callable[[str, str], Awaitable[Client]]
SAID = "select actor, result from carried_act where alarm_id = $1 order by id"


@pytest.fixture
def join(connection: asyncpg.Connection, visit: Callable[..., Client]) -> Join:
    """A function that joins a township, without an account at a broker; returns its relay."""

    async def make(name: str, area: str) -> Client:
        key = secrets.KEY_PREFIX + secrets.new_token()
        values = (
            name,
            [area],
            f"relay.{name}",
            secrets.digest(key),
            key[:8],
            "duty_officer",
            "test",
            datetime.now(UTC),
            "127.0.0.1:1883",
        )
        await connection.fetchrow(TOWNSHIPS["add"], *values)
        return visit(key)

    return make


def told(device: str, act: str = "verify", outcome: str | None = "real", **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    where = {"device": device, "code": "fire", "component": "1-1", "opened_at": now}
    return {
        "act_id": str(uuid4()), "act": act, "outcome": outcome, "person": "user:li", "at": now, "alarm": where,
    } | more  # fmt: skip


async def result_of(relay: Client, body: dict[str, Any]) -> tuple[str, Any]:
    answer = await relay.post("/api/v1/acts", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"], answer.json()["standing"]


async def test_an_alarm_of_another_township_is_as_if_it_did_not_exist(
    client: Client, connection: asyncpg.Connection, open_alarm: Raise, join: Join
) -> None:
    relay = await join("dongguan", AREA)
    pending = await open_alarm("p-1", area=OTHER_AREA, fire=True)
    judged = await open_alarm("p-2", area=OTHER_AREA, fire=True, verification="real", acknowledged_at=datetime.now(UTC))
    closed = await open_alarm("p-3", area=OTHER_AREA, fire=True, state="closed", verification="false")
    nobody = await result_of(relay, told("p-9"))
    for device in ("p-1", "p-2", "p-3"):
        for outcome in ("real", "false", "test"):
            assert await result_of(relay, told(device, outcome=outcome)) == nobody == ("no_alarm", None)
        assert await result_of(relay, told(device, "acknowledge", None)) == nobody
    for alarm in (pending, judged, closed):
        assert await connection.fetch(SAID, alarm) == []


async def test_a_verdict_without_an_outcome_is_refused_and_an_acknowledgement_needs_none(
    open_alarm: Raise, join: Join
) -> None:
    relay = await join("dongguan", AREA)
    await open_alarm("p-1", fire=True)
    refused = await relay.post("/api/v1/acts", json=told("p-1", outcome=None))
    assert refused.status_code == 422
    assert "names an outcome" in refused.text
    assert (await result_of(relay, told("p-1", "acknowledge", None)))[0] == "applied"


async def test_an_act_that_another_township_told_is_answered_to_that_one_alone(
    connection: asyncpg.Connection, client: Client, open_alarm: Raise, join: Join
) -> None:
    relay, other = await join("dongguan", AREA), await join("yimen", OTHER_AREA)
    await open_alarm("p-1", fire=True)
    body = told("p-1")
    assert (await result_of(relay, body))[0] == (await result_of(relay, body))[0] == "applied"
    assert await result_of(other, body) == ("no_alarm", None)


async def test_what_did_not_count_is_not_said_to_another_township(
    connection: asyncpg.Connection, client: Client, open_alarm: Raise, join: Join
) -> None:
    first, second = await join("dongguan", AREA), await join("dongguan-villages", AREA)
    alarm = await open_alarm("p-1", fire=True)
    assert (await result_of(first, told("p-1")))[0] == "applied"
    assert (await result_of(second, told("p-1", outcome="false")))[0] == "stands"
    assert [tuple(row) for row in await connection.fetch(SAID, alarm)] == [
        ("user:li@dongguan", "applied"), ("user:li@dongguan-villages", "stands"),
    ]  # fmt: skip
    heard = {name: await heard_by(relay) for name, relay in (("first", first), ("second", second))}
    assert heard == {"first": [], "second": ["user:li@dongguan"]}


async def heard_by(relay: Client) -> list[str]:
    return [item["person"] for item in (await relay.get("/api/v1/acts")).json()["items"]]


async def test_a_township_corrects_its_own_verdict_and_never_anothers(
    client: Client, connection: asyncpg.Connection, open_alarm: Raise, join: Join
) -> None:
    relay, other = await join("dongguan", AREA), await join("dongguan-villages", AREA)
    alarm = await open_alarm("p-1", fire=True)
    verdict = "select verification from alarm where id = $1"
    for who, outcome, result, stands in (
        (relay, "false", "applied", "false"), (other, "real", "stands", "false"), (relay, "real", "applied", "real"),
        (relay, "test", "applied", "test"),
    ):  # fmt: skip
        assert (await result_of(who, told("p-1", outcome=outcome)))[0] == result
        assert await connection.fetchval(verdict, alarm) == stands
    own = {"outcome": "real", "reason": "看错了"}
    said = await client.post(f"/api/v1/alarms/{alarm}/correct", json=own, headers={"If-Match": "*"})
    assert said.status_code == 200, said.text
    assert (await result_of(relay, told("p-1", outcome="false")))[0] == "stands"
    assert await connection.fetchval(verdict, alarm) == "real"


async def test_a_moment_ahead_of_the_countys_clock_lists_all_that_was_said(
    client: Client, open_alarm: Raise, join: Join
) -> None:
    relay = await join("dongguan", AREA)
    alarm = await open_alarm("p-1", fire=True)
    said = await client.post(f"/api/v1/alarms/{alarm}/acknowledge", headers={"If-Match": "*"})
    assert said.status_code == 200, said.text
    ahead = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    items = (await relay.get("/api/v1/acts", params={"since": ahead})).json()["items"]
    assert [one["act"] for one in items] == ["acknowledge"]
