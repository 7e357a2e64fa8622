from collections.abc import Callable

import asyncpg

from services.core.aside import Unit, write_aside
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.hand_clock import HandClock


async def _set_aside(connection: asyncpg.Connection, name: str, area: str | None, *, fire: bool = False) -> None:
    await write_aside(connection, "alerts", Unit("event", name, area, fire), ValueError("bad part"), HandClock().now())


async def test_what_was_set_aside_is_listed_fires_first_and_by_area(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection
) -> None:
    for name, area, fire in (("own-fire", AREA, True), ("own", AREA, False), ("other", OTHER_AREA, False)):
        await _set_aside(connection, name, area, fire=fire)
    everything = (await client.get("/api/v1/set-aside?limit=2")).json()
    assert everything["items"][0]["name"] == "own-fire"
    rest = (await client.get("/api/v1/set-aside", params={"cursor": everything["next"]})).json()
    assert len(everything["items"]) + len(rest["items"]) == 3
    made = await client.post("/api/v1/api-keys", json={"name": "township", "role": "maintainer", "areas": [AREA]})
    township = visit(made.json()["key"])
    own = (await township.get("/api/v1/set-aside")).json()["items"]
    assert {item["name"] for item in own} == {"own-fire", "own"}
    assert own[0]["error"] == "ValueError: bad part"


async def test_a_person_has_it_tried_again_or_gives_it_up(client: Client, connection: asyncpg.Connection) -> None:
    await _set_aside(connection, "e1", AREA)
    number = (await client.get("/api/v1/set-aside")).json()["items"][0]["id"]
    asked = await client.post(f"/api/v1/set-aside/{number}/retry")
    assert asked.status_code == 202
    assert asked.json()["retry_requested_by"] == "key:supervisor"
    dropped = await client.post(f"/api/v1/set-aside/{number}/drop")
    assert dropped.json()["result"] == "dropped"
    assert (await client.get("/api/v1/set-aside")).json()["items"] == []
    assert (await client.post(f"/api/v1/set-aside/{number}/retry")).status_code == 409
    assert (await client.post("/api/v1/set-aside/999/retry")).status_code == 404
