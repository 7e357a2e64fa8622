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
