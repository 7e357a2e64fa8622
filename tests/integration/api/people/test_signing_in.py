from collections.abc import Callable
from hashlib import sha256
from typing import Any

import asyncpg
import pytest

from services.api.live.hub import DESK_CLIENTS, MAX_CLIENTS, MAX_OF_KEY, Hub
from services.api.people.first_admin import FirstAdmin, make_first_admin, rotate_admin
from services.api.request.gate import is_public
from services.api.request.roles import Role, Who
from services.api.request.scope import Scope
from services.api.request.state import State
from tests.integration.api.conftest import Client
from tests.integration.api.test_routes import path_of, routes_of

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


@pytest.mark.parametrize("others", ['x={"a":1}', "x=a b", "x", "expires=1", "=1"])
async def test_cookies_of_other_programs_at_this_address_sign_nobody_out(
    visit: Callable[..., Client], admin: FirstAdmin, others: str
) -> None:
    signed_in = await visit().post(LOGIN, json={"username": admin.username, "password": admin.password})
    ours = signed_in.headers["set-cookie"].partition(";")[0]
    for sent in (f"{others}; {ours}", f"{ours}; {others}"):
        assert (await visit().get("/api/v1/devices", headers={"Cookie": sent})).status_code == 200


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


async def test_a_wall_keeps_its_cookie_over_a_restart_of_its_browser_and_others_do_not(
    client: Client, stranger: Client, connection: asyncpg.Connection
) -> None:
    days = 400
    for role in ("viewer", "wall"):
        body = {"username": role, "password": "seen from five metres", "role": role}
        assert (await client.post("/api/v1/users", json=body)).status_code == 201
        signed_in = await stranger.post(LOGIN, json={k: body[k] for k in ("username", "password")})
        asked = await stranger.get(LOGIN)
        given = [answer.headers.get("set-cookie", "").lower() for answer in (signed_in, asked)]
        assert [f"max-age={days * 86400}" in cookie for cookie in given] == [role == "wall"] * 2
        assert all("httponly" in cookie for cookie in given if cookie)
    left = "select max(extract(day from expires_at - now())) from web_session"
    assert await connection.fetchval(left) >= days - 1
    await connection.execute("update web_session set expires_at = now() + interval '31 days'")
    await stranger.get(LOGIN)
    assert await connection.fetchval(left) >= days - 1  # counted from the last use


async def test_a_wall_reads_what_it_shows_and_nothing_else(client: Client, stranger: Client, app: Any) -> None:
    body = {"username": "wall", "password": "seen from five metres", "role": "wall"}
    await client.post("/api/v1/users", json=body)
    await stranger.post(LOGIN, json={k: body[k] for k in ("username", "password")})
    open_to_it = set()
    for_platforms = ("/sta", "/ogc", "/cap")  # a key of any role reads them (contract 9); they show no names of people
    for method, route in routes_of(app):
        if is_public(method, path_of(route)) or route.path in {"/metrics", "/api/v1/stream"}:
            continue
        if route.path.startswith(for_platforms):
            continue
        answer = await stranger.request(method, path_of(route), json={} if method in {"POST", "PUT"} else None)
        if answer.status_code != 403:
            open_to_it.add(f"{method} {route.path}")
            if method == "DELETE":
                await stranger.post(LOGIN, json={k: body[k] for k in ("username", "password")})
    assert open_to_it == {
        "GET /api/v1/session", "DELETE /api/v1/session", "GET /api/v1/alarms", "GET /api/v1/notices",
        "GET /api/v1/system", "GET /api/v1/slo", "GET /api/v1/areas", "GET /api/v1/map", "GET /geo/devices.geojson",
        "GET /geo/layers/{layer}.geojson", "GET /geo/basemap.pmtiles", "GET /geo/tiles/{layer}/{z}/{x}/{y}",
    }  # fmt: skip


async def test_a_caller_with_too_many_streams_is_refused_and_the_desk_finds_room(
    visit: Callable[..., Client], client: Client, state: State
) -> None:
    made = await client.post("/api/v1/api-keys", json={"name": "viewer", "role": "viewer", "areas": ["*"]})
    viewer = visit(made.json()["key"])
    everywhere = Scope(("*",))
    for _ in range(MAX_OF_KEY):
        state.of(Hub).join(Who("key:viewer", "viewer", Role.VIEWER, everywhere), None)
    refused = await viewer.get("/api/v1/stream")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    for number in range(MAX_CLIENTS - DESK_CLIENTS - MAX_OF_KEY):
        state.of(Hub).join(Who(f"key:{number}", "x", Role.VIEWER, everywhere), None)
    other = await client.post("/api/v1/api-keys", json={"name": "other", "role": "viewer", "areas": ["*"]})
    assert (await visit(other.json()["key"]).get("/api/v1/stream")).status_code == 503
    assert (await client.head("/api/v1/stream")).status_code == 200  # an administrator's


async def test_a_person_sees_and_ends_the_sessions_elsewhere(client: Client, visit: Callable[..., Client]) -> None:
    body = {"username": "wang", "password": "seen from five metres", "role": "viewer"}
    await client.post("/api/v1/users", json=body)
    here, there = visit(), visit()
    for one in (here, there):
        answer = await one.post(LOGIN, json={k: body[k] for k in ("username", "password")})
        assert answer.json()["permissions"] == ["read", "watch"]
    (other,) = (await here.get("/api/v1/session/others")).json()["items"]
    assert other["created_at"] < other["expires_at"]
    assert (await here.delete("/api/v1/session/others")).status_code == 204
    assert (await there.get(LOGIN)).status_code == 401
    assert (await here.get(LOGIN)).status_code == 200
    assert (await here.get("/api/v1/session/others")).json()["items"] == []
    assert (await client.get("/api/v1/session/others")).json()["items"] == []  # a key has none
