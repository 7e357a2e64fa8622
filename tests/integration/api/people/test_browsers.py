"""A person turns the notices of a browser on; what a browser says of itself is refused where it must be."""

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from services.api.people.browsers import MOST
from services.api.people.first_admin import FirstAdmin
from services.api.system import housekeeping
from tests.integration.api.conftest import Client

PATH = "/api/v1/session/push"
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BODY = {
    "endpoint": "https://push.example/v1/one", "p256dh": POINT, "auth": "BTBZMqHH6r4Tts7J_aSIgg", "public_key": POINT,
    "language": "en",
}  # fmt: skip


@pytest.fixture
async def open_way(connection: asyncpg.Connection) -> None:
    await connection.execute("insert into web_push_state (is_on, public_key) values (true, $1)", POINT)


async def sign_in(client: Client, name: str, password: str) -> Client:
    answer = await client.post("/api/v1/session", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    return client


@pytest.fixture
async def person(visit: Callable[..., Client], admin: FirstAdmin) -> Client:
    return await sign_in(visit(), admin.username, admin.password)


async def count(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval("select count(*) from web_push")
    return found


async def test_without_a_way_out_it_is_not_offered_and_says_so(person: Client) -> None:
    shown = (await person.get(PATH)).json()
    assert (shown["offered"], shown["on"], shown["public_key"]) == (False, False, None)
    answer = await person.put(PATH, json=BODY)
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (409, "no_way_out")
    system = (await person.get("/api/v1/system")).json()
    assert system["web_push"] == {"on": False, "browsers": 0, "failing": 0, "accepted_at": None}


@pytest.mark.usefixtures("open_way")
async def test_it_is_turned_on_once_and_ends_with_the_sign_in(
    person: Client, client: Client, connection: asyncpg.Connection
) -> None:
    assert (await person.get(PATH)).json()["public_key"] == POINT
    for _ in range(2):  # every page that is opened says so again
        assert (await person.put(PATH, json=BODY)).status_code == 204
    shown = (await person.get(PATH)).json()
    assert (shown["on"], shown["language"], shown["last_at"]) == (True, "en", None)
    assert POINT not in (await client.get("/api/v1/audit?limit=50")).text
    acts = [row["action"] for row in await connection.fetch("select action from audit order by id")]
    assert acts.count("session.push_on") == 1
    assert (await person.delete(PATH)).status_code == 204
    assert await count(connection) == 0
    await person.put(PATH, json=BODY)
    assert (await person.delete("/api/v1/session")).status_code == 204
    assert await count(connection) == 0


@pytest.mark.usefixtures("open_way")
async def test_it_outlives_a_sign_in_that_runs_out_unused_and_is_ended_from_elsewhere(
    person: Client, visit: Callable[..., Client], admin: FirstAdmin, connection: asyncpg.Connection
) -> None:
    assert (await person.put(PATH, json=BODY)).status_code == 204
    await connection.execute("update web_session set expires_at = now() - interval '1 day'")
    await connection.execute(housekeeping.SQL["forget_sessions"], datetime.now(UTC))
    assert (await person.get(PATH)).status_code == 401, "it opens nothing"
    elsewhere = await sign_in(visit(), admin.username, admin.password)
    assert await count(connection) == 1
    (shown,) = (await elsewhere.get("/api/v1/session/others")).json()["items"]
    assert shown["told"] is True
    assert (await elsewhere.delete("/api/v1/session/others")).status_code == 204
    assert await count(connection) == 0
    assert (await elsewhere.get("/api/v1/session/others")).json()["items"] == []


@pytest.mark.usefixtures("open_way")
async def test_a_disabled_person_and_an_ended_session_are_told_nothing_more(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection
) -> None:
    body = {"username": "li", "password": "correct horse", "role": "viewer", "areas": ["140931100"]}
    made = await client.post("/api/v1/users", json=body)
    assert made.status_code == 201
    li = await sign_in(visit(), "li", "correct horse")
    assert (await li.put(PATH, json=BODY)).status_code == 204
    elsewhere = await sign_in(visit(), "li", "correct horse")
    assert (await elsewhere.delete("/api/v1/session/others")).status_code == 204
    assert await count(connection) == 0
    assert (await elsewhere.put(PATH, json=BODY)).status_code == 204
    answer = await client.delete("/api/v1/users/li")
    assert answer.status_code in (200, 204), answer.text
    assert await count(connection) == 0


@pytest.mark.usefixtures("open_way")
@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/v1/one", "https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.1/x", "https://[::1]/x",
        "https://2130706433/x", "https://169.254.169.254/latest", "https://user:word@push.example/x", "https:///x",
        "https://push.example/\n", "ftp://push.example/x", "https://push.example/x#y",
        "https://push.example/" + "x" * 1000,
        "javascript:alert(1)", "",
    ],
)  # fmt: skip
async def test_a_hostile_address_is_refused(person: Client, connection: asyncpg.Connection, endpoint: str) -> None:
    answer = await person.put(PATH, json=BODY | {"endpoint": endpoint})
    assert answer.status_code == 422, answer.text
    assert await count(connection) == 0


@pytest.mark.usefixtures("open_way")
@pytest.mark.parametrize("wrong", [{"p256dh": "A" * 87}, {"auth": "AAAA"}, {"auth": "!" * 22}, {"language": "fr"}])
async def test_a_key_that_nothing_can_be_sealed_for_is_refused(person: Client, wrong: dict[str, str]) -> None:
    assert (await person.put(PATH, json=BODY | wrong)).status_code == 422


@pytest.mark.usefixtures("open_way")
async def test_another_key_than_the_present_one_is_told_apart(person: Client) -> None:
    answer = await person.put(PATH, json=BODY | {"public_key": POINT[:-1] + "A"})
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (409, "other_key")


@pytest.mark.usefixtures("open_way")
async def test_a_key_of_a_program_has_no_browser(client: Client) -> None:
    assert (await client.put(PATH, json=BODY)).status_code == 403
    assert (await client.get(PATH)).status_code == 403


@pytest.mark.usefixtures("open_way")
async def test_a_browser_is_its_last_persons_and_a_person_has_a_bounded_number(
    visit: Callable[..., Client], admin: FirstAdmin, connection: asyncpg.Connection
) -> None:
    last = None
    for number in range(MOST + 2):
        last = await sign_in(visit(), admin.username, admin.password)
        assert (await last.put(PATH, json=BODY | {"endpoint": f"https://push.example/{number}"})).status_code == 204
    assert await count(connection) == MOST
    assert last is not None
    assert (await last.get(PATH)).json()["on"] is True
    again = await sign_in(visit(), admin.username, admin.password)
    await again.put(PATH, json=BODY | {"endpoint": f"https://push.example/{MOST + 1}"})
    assert (await last.get(PATH)).json()["on"] is False
