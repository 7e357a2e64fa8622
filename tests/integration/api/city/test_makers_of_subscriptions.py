"""A subscription ends its sending with the rights of who made it, and goes on when somebody else answers for it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.servers import Program
from tests.support.waiting import eventually

PATH = "/api/v1/subscriptions"
LOGIN = {"username": "wang", "password": "9 horses, 3 hydrants"}
RIGHTS = {"role": "administrator", "areas": [AREA, OTHER_AREA]}


@pytest.fixture
async def made(client: Client, visit: Any) -> dict[str, int]:
    """The subscriptions of wang, of a key that wang made, and of somebody else, by name."""
    assert (await client.post("/api/v1/users", json=LOGIN | RIGHTS)).status_code == 201
    wang = visit()
    await wang.post("/api/v1/session", json=LOGIN)
    key = (await wang.post("/api/v1/api-keys", json={"name": "platform", "role": "administrator"})).json()["key"]
    found = {}
    for name, who, areas in (
        ("own", wang, [AREA, OTHER_AREA]),
        ("here", wang, [AREA]),
        ("by_key", visit(key), [OTHER_AREA]),
        ("others", client, [OTHER_AREA]),
    ):
        answer = await who.post(PATH, json={"name": name, "url": f"https://{name}.example/hook", "areas": areas})
        assert answer.status_code == 201, answer.text
        found[name] = answer.json()["id"]
    return found


async def paused(client: Client) -> set[str]:
    return {one["name"] for one in (await client.get(PATH)).json()["items"] if one["state"] == "paused"}


async def revoke(client: Client) -> Any:
    (key,) = [one for one in (await client.get("/api/v1/api-keys")).json()["items"] if one["name"] == "platform"]
    return await client.delete(f"/api/v1/api-keys/{key['id']}")


LOST: list[tuple[Callable[[Client], Awaitable[Any]], set[str]]] = [
    (lambda client: client.put("/api/v1/users/wang", json={"areas": [AREA]}), {"own", "by_key"}),
    (lambda client: client.put("/api/v1/users/wang", json={"role": "viewer"}), {"own", "here", "by_key"}),
    (lambda client: client.put("/api/v1/users/wang", json={"enabled": False}), {"own", "here", "by_key"}),
    (lambda client: client.delete("/api/v1/users/wang"), {"own", "here", "by_key"}),
    (revoke, {"by_key"}),
    (lambda client: client.put("/api/v1/users/wang", json={"areas": ["140931"], "name": "王"}), set()),
]


@pytest.mark.parametrize(("lose", "wanted"), LOST)
async def test_a_subscription_is_paused_when_its_maker_no_longer_administers_it(
    client: Client, made: dict[str, int], lose: Callable[[Client], Awaitable[Any]], wanted: set[str],
    connection: asyncpg.Connection,
) -> None:  # fmt: skip
    answer = await lose(client)
    assert answer.status_code in {200, 204}, answer.text
    assert await paused(client) == wanted
    audits = await connection.fetch("select target, actor from audit where action = 'subscription.pause'")
    assert {row["target"] for row in audits} == {f"subscription:{made[name]}" for name in wanted}
    units = await connection.fetch("select name, error, program, kind from set_aside where done_at is null")
    assert {row["name"] for row in units} == {f"subscription:{made[name]}:maker" for name in wanted}
    assert {(row["program"], row["kind"]) for row in units} <= {("push", "subscription")}


@pytest.mark.parametrize("change", [{"url": "https://wang.example/all"}, {"areas": [AREA]}])
async def test_who_says_where_or_of_what_a_running_one_tells_answers_for_it(
    client: Client, made: dict[str, int], visit: Any, change: dict[str, Any]
) -> None:
    path = f"{PATH}/{made['others']}"
    assert (await client.get(path)).json()["created_by"] == "key:supervisor"
    await client.patch(path, json={"areas": [AREA, OTHER_AREA]})
    wang = visit()
    await wang.post("/api/v1/session", json=LOGIN)
    assert (await wang.patch(path, json=change)).json()["created_by"] == "user:wang"
    await client.put("/api/v1/users/wang", json={"enabled": False})
    assert "others" in await paused(client)


async def test_who_administers_its_areas_takes_it_over_and_what_waited_is_sent(
    client: Client, made: dict[str, int], connection: asyncpg.Connection, database: str, program: Callable[..., Program]
) -> None:
    number = made["by_key"]
    assert (await client.put("/api/v1/users/wang", json={"areas": [AREA]})).status_code == 200
    push = program("push", DATABASE_URL=database)
    push.wait_ready()
    async with connection.transaction():
        await write_events(connection, [Event(EventType.RAISED, "h-1", OTHER_AREA, datetime.now(UTC), {})])

    async def shown(**wanted: Any) -> bool:
        found = (await client.get(f"{PATH}/{number}")).json()
        return all(found[name] == value for name, value in wanted.items())

    open_units = "select count(*) from set_aside where done_at is null and name = $1"
    await eventually(lambda: shown(state="paused", backlog=1), what="what happens is kept")
    assert await connection.fetchval(open_units, f"subscription:{number}:maker") == 1
    assert (await client.patch(f"{PATH}/{number}", json={"name": "new"})).json()["created_by"] == "key:platform"
    resumed = (await client.patch(f"{PATH}/{number}", json={"state": "active"})).json()
    assert (resumed["state"], resumed["created_by"]) == ("active", "key:supervisor")

    async def over() -> bool:
        return await connection.fetchval(open_units, f"subscription:{number}:maker") == 0

    await eventually(over, what="nothing to be seen to")
    assert (await client.put("/api/v1/users/wang", json={"role": "viewer"})).status_code == 200
    assert await shown(state="active"), "wang is nothing to it any more"
