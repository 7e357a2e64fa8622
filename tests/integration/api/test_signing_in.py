from hashlib import sha256

import asyncpg
import pytest

from services.api.people import FirstAdmin, make_first_admin, rotate_admin
from services.api.state import State
from tests.integration.api.conftest import Client

LOGIN = "/api/v1/session"


async def test_a_stranger_gets_a_problem_that_says_how_to_sign_in(stranger: Client) -> None:
    answer = await stranger.get("/api/v1/devices")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 401
    assert "Bearer" in answer.headers["www-authenticate"]


async def test_a_person_signs_in_with_a_cookie_that_scripts_cannot_read(stranger: Client, admin: FirstAdmin) -> None:
    answer = await stranger.post(LOGIN, json={"username": admin.username, "password": admin.password})
    assert answer.status_code == 200
    assert answer.json()["role"] == "administrator"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await stranger.get("/api/v1/devices")).status_code == 200
    assert (await stranger.delete(LOGIN)).status_code == 204
    assert (await stranger.get("/api/v1/devices")).status_code == 401


async def test_the_cookie_travels_over_tls_only_when_so_configured(
    state: State, stranger: Client, admin: FirstAdmin
) -> None:
    login = {"username": admin.username, "password": admin.password}
    for secure in (False, True):
        state.settings = state.settings.model_copy(update={"secure_cookies": secure})
        answer = await stranger.post(LOGIN, json=login)
        attributes = answer.headers["set-cookie"].lower().split("; ")
        assert ("secure" in attributes) == secure


async def test_what_is_stored_of_a_secret_does_not_tell_it(
    client: Client, connection: asyncpg.Connection, admin: FirstAdmin
) -> None:
    body = {"username": "li", "password": "correct horse", "role": "viewer", "areas": ["*"]}
    assert (await client.post("/api/v1/users", json=body)).status_code == 201
    made = (await client.post("/api/v1/api-keys", json={"name": "gis", "role": "viewer"})).json()["key"]
    hashes = [row["password_hash"] for row in await connection.fetch("select password_hash from person")]
    assert len(hashes) == 2
    assert all(stored.startswith("$argon2id$") for stored in hashes)
    for key in (made, admin.api_key):
        row = await connection.fetchrow("select * from api_key where starts_with($1, hint)", key)
        assert row["key_hash"] == sha256(key.encode()).digest()
        assert all(key not in str(value) for value in row.values())
        assert len(row["hint"]) <= 8


async def test_a_signed_out_cookie_is_worth_nothing(stranger: Client, admin: FirstAdmin) -> None:
    await stranger.post(LOGIN, json={"username": admin.username, "password": admin.password})
    kept = dict(stranger.cookies)
    await stranger.delete(LOGIN)
    stranger.cookies.update(kept)
    assert (await stranger.get(LOGIN)).status_code == 401


async def test_wrong_passwords_are_slowed_down_and_say_for_how_long(stranger: Client, admin: FirstAdmin) -> None:
    for _ in range(10):
        wrong = await stranger.post(LOGIN, json={"username": admin.username, "password": "wrong"})
        assert wrong.status_code == 401
    answer = await stranger.post(LOGIN, json={"username": admin.username, "password": admin.password})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_a_page_of_another_origin_cannot_use_the_cookie(stranger: Client, admin: FirstAdmin) -> None:
    await stranger.post(LOGIN, json={"username": admin.username, "password": admin.password})
    body = {"kind": "hydrant", "area": "140931100"}
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = await stranger.put("/api/v1/devices/d-1", json=body, headers=headers)
        assert answer.status_code == 403, headers
        assert answer.json()["type"].endswith("cross_origin")
    for headers in ({"Origin": "http://firetower.test"}, {"Sec-Fetch-Site": "same-origin"}):
        answer = await stranger.put("/api/v1/devices/d-1", json=body, headers=headers)
        assert answer.status_code in (200, 201), headers


async def test_the_first_start_makes_one_administrator_and_no_second(database: str, admin: FirstAdmin) -> None:
    assert await make_first_admin(database) is None


async def test_rotating_ends_the_old_password_key_and_sessions(
    database: str, client: Client, stranger: Client, admin: FirstAdmin
) -> None:
    await stranger.post(LOGIN, json={"username": admin.username, "password": admin.password})
    fresh = await rotate_admin(database)
    assert fresh.password != admin.password
    assert (await client.get("/api/v1/devices")).status_code == 401
    assert (await stranger.get("/api/v1/devices")).status_code == 401
    assert (
        await stranger.post(LOGIN, json={"username": fresh.username, "password": fresh.password})
    ).status_code == 200


async def test_every_answer_carries_the_content_policy(stranger: Client) -> None:
    for path in ("/healthz", "/api/v1/devices", "/nowhere"):
        answer = await stranger.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nowhere", b"", 404),
        ("GET", "/nowhere", b"", 404),
        ("POST", "/api/v1/devices", b"", 405),
        ("PUT", "/api/v1/devices/h-1", b"kind=hydrant", 415),
        ("PUT", "/api/v1/devices/h-1", b"x" * (1024 * 1024 + 1), 413),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(
    client: Client, method: str, path: str, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    answer = await client.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (status, status), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
