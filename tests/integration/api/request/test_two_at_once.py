"""Two people change one thing at the same moment, each from the version they read: the second is told of it."""

import asyncio
from typing import NamedTuple

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, Client
from tests.integration.api.request.test_one_caller import stand_still


class Both(NamedTuple):
    """What is made, and the two changes of it: the first by a statement, the second by a request."""

    made: dict[str, object] | None
    path: str
    method: str
    change: dict[str, object]
    first: str


CONTACT = {"name": "值班队长", "channel": "sms", "address": "13800000000"}
TABLE = {
    "contacts": Both(
        CONTACT, "contacts/{id}", "PUT", CONTACT | {"address": "13900000000"},
        "update contact set address = '13700000000', version = version + 1",
    ),
    "users": Both(
        {"username": "li", "password": "ying yue hu guang 7", "role": "duty_officer", "areas": [AREA]},
        "users/li", "PUT", {"role": "viewer"},
        "update person set enabled = false, version = version + 1 where username = 'li'",
    ),
    "subscriptions": Both(
        {"name": "平台", "url": "https://city.example/hook"}, "subscriptions/{id}", "PATCH", {"state": "paused"},
        "update subscription set name = 'x', version = version + 1",
    ),
    "policies": Both(
        None, "policies/rota", "PUT", {"shifts": []},
        """insert into policy (name, body, updated_by) values ('rota', '{"exceptions": []}', 'user:li')""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLE)
async def test_the_second_of_two_changes_from_one_version_is_refused(
    client: Client, connection: asyncpg.Connection, kind: str
) -> None:
    both, number = TABLE[kind], None
    if both.made is not None:
        answer = await client.post(f"/api/v1/{kind}", json=both.made)
        assert answer.status_code == 201, answer.text
        number = answer.json().get("id")
    address = f"/api/v1/{both.path.format(id=number)}"
    read = (await client.get(address)).headers["etag"]
    async with connection.transaction():
        await connection.execute(both.first)
        headers = {"If-Match": read}
        second = asyncio.create_task(client.request(both.method, address, json=both.change, headers=headers))
        await stand_still(connection)
    assert (await second).status_code == 412


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "contacts/{contact}", None), ("DELETE", "users/li", None), ("DELETE", "subscriptions/{push}", None),
        ("POST", "subscriptions/{push}/rotate-secret", None),
        ("POST", "sites/{site}/test-window", {"until": None}), ("POST", "devices/h-1/out-of-service", {"until": None}),
    ],
)  # fmt: skip
async def test_what_was_read_before_a_change_is_neither_removed_nor_acted_on(
    client: Client, method: str, path: str, body: dict[str, object] | None
) -> None:
    made = {
        "contact": ("contacts", TABLE["contacts"].made), "user": ("users", TABLE["users"].made),
        "push": ("subscriptions", TABLE["subscriptions"].made), "site": ("sites", {"name": "医院", "area": AREA}),
    }  # fmt: skip
    ids = {name: (await client.post(f"/api/v1/{to}", json=given)).json()["id"] for name, (to, given) in made.items()}
    await client.put("/api/v1/devices/h-1", json={"kind": "hydrant", "area": AREA})
    place = f"/api/v1/{path.format(**ids)}"
    stale = await client.request(method, place, json=body, headers={"If-Match": '"99"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 1), stale.text
    fresh = await client.request(method, place, json=body, headers={"If-Match": '"1"'})
    assert fresh.status_code in (200, 204), fresh.text
