"""What one caller asks for, in whatever number, delays nobody else, and no verdict of its own."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx2
import pytest

from services.api.people.first_admin import FirstAdmin
from services.api.people.known_places import recall_places
from services.api.people.throttle import HOT_AFTER, LONGEST_SLOWED_S, TRIES, Throttle
from services.api.request.state import State
from stack.children import free_port
from tests.integration.api.conftest import AREA, Client, Raise, stand_still
from tests.support.hand_clock import HandClock
from tests.support.servers import Program
from tests.support.waiting import PATIENCE_S, eventually

LOGIN = "/api/v1/session"


@pytest.fixture
def port(program: Callable[..., Program], database: str, admin: FirstAdmin) -> int:
    assert admin
    chosen = free_port()
    program("api", DATABASE_URL=database, API_PORT=chosen).wait_ready()
    return chosen


async def test_bodies_that_never_come_hold_no_connection_of_the_database(
    port: int, admin: FirstAdmin, open_alarm: Raise
) -> None:
    alarm = await open_alarm("p-1", fire=True)
    head = (
        f"POST /api/v1/alarms/{alarm}/acknowledge HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.api_key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\nIdempotency-Key: k-{n}\r\n\r\n{"
    )
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
    for n, (_, writer) in enumerate(opened):
        writer.write(head.replace("{n}", str(n)).encode())
        await writer.drain()
    headers = {"Authorization": f"Bearer {admin.api_key}"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S) as client:
        verdict = await client.post(f"/api/v1/alarms/{alarm}/verify", json={"outcome": "real"}, headers=headers)
        assert verdict.status_code == 200, verdict.text
        body = {"username": admin.username, "password": admin.password}
        assert (await client.post(LOGIN, json=body)).status_code == 200
    for _, writer in opened:
        writer.close()


async def test_logins_whose_body_never_comes_shut_out_nobody_at_their_address(
    port: int, admin: FirstAdmin, open_alarm: Raise
) -> None:
    alarm = await open_alarm("p-1", fire=True)
    head = (
        f"POST {LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    ).encode()
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(120)]
    for _, writer in opened:
        writer.write(head)
        await writer.drain()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE_S) as officer:
        for path in ("/", "/login", "/healthz", "/readyz"):
            assert (await officer.get(path)).status_code == 200, path
        body = {"username": admin.username, "password": admin.password}
        assert (await officer.post(LOGIN, json=body)).status_code == 200
        assert (await officer.get(LOGIN)).status_code == 200
        verdict = await officer.post(f"/api/v1/alarms/{alarm}/acknowledge", json={})
        assert verdict.status_code == 200, verdict.text
    answer = await asyncio.wait_for(opened[0][0].readline(), PATIENCE_S)
    assert answer.split()[1] == b"408"  # whose body never came made room
    for _, writer in opened:
        writer.close()


async def test_parallel_guesses_keep_nobody_out_who_has_signed_in_from_there(
    stranger: Client, admin: FirstAdmin
) -> None:
    right = {"username": admin.username, "password": admin.password}
    assert (await stranger.post(LOGIN, json=right)).status_code == 200
    guesses = [
        asyncio.create_task(stranger.post(LOGIN, json={"username": f"guess-{n}", "password": "wrong"}))
        for n in range(25)
    ]

    def refused() -> bool:
        return any(one.done() and one.result().status_code == 429 for one in guesses)

    await eventually(refused, what="the lane of strangers is full")
    answer = await stranger.post(LOGIN, json=right)
    assert answer.status_code == 200, answer.text
    for one in guesses:
        one.cancel()
    await asyncio.gather(*guesses, return_exceptions=True)


async def test_where_a_name_signs_in_guesses_of_it_only_slow_it_and_a_restart_forgets_nothing(
    app: Any, stranger: Client, state: State, admin: FirstAdmin
) -> None:
    right = {"username": admin.username, "password": admin.password}
    assert (await stranger.post(LOGIN, json=right)).status_code == 200
    clock = HandClock(state.clock.now())  # stands still: a busy machine would guess for longer than the pause lasts
    state = app.state.firetower = State(state.settings, state.database, clock)  # as at a start
    await recall_places(state.database, state.of(Throttle), state.clock)
    for _ in range(TRIES):
        wrong = await stranger.post(LOGIN, json={"username": admin.username, "password": "wrong"})
        assert wrong.status_code == 401
    slowed = await stranger.post(LOGIN, json=right)
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) <= LONGEST_SLOWED_S


async def test_heavy_reads_of_others_leave_an_officer_room_for_his(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection, admin: FirstAdmin, open_alarm: Raise
) -> None:
    await open_alarm("p-1")
    viewers = []
    for n in range(3):
        made = await client.post("/api/v1/api-keys", json={"name": f"gis-{n}", "role": "viewer", "areas": [AREA]})
        viewers.append(visit(made.json()["key"]))
    officer = visit()
    right = {"username": admin.username, "password": admin.password}
    assert (await officer.post(LOGIN, json=right)).status_code == 200

    def read_slowly(*readers: Client) -> list[asyncio.Task[Any]]:
        return [
            asyncio.create_task(who.get("/api/v1/devices/p-1/readings?from=2026-11-01T00:00:00Z"))
            for who in readers
            for _ in range(10)
        ]

    async with connection.transaction():
        await connection.execute("lock table reading_panel in access exclusive mode")
        slow = read_slowly(viewers[0])
        await stand_still(connection)
        assert (await viewers[1].get("/api/v1/events")).status_code == 200  # one caller holds one place
        slow += read_slowly(*viewers[1:], client)
        await stand_still(connection, 2)
        for path in ("events", "rejects", "audit"):
            answer = await officer.get(f"/api/v1/{path}")
            assert answer.status_code == 200, answer.text
        assert not all(one.done() for one in slow), "the officer was answered after the slow reads, not beside them"
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_heavy_reads_leave_the_desk_its_connections(
    client: Client, visit: Callable[..., Client], state: State, connection: asyncpg.Connection, open_alarm: Raise
) -> None:
    alarm = await open_alarm("p-1", fire=True)
    made = await client.post("/api/v1/api-keys", json={"name": "gis", "role": "viewer", "areas": [AREA]})
    viewer = visit(made.json()["key"])
    async with connection.transaction():
        await connection.execute("lock table reading_panel in access exclusive mode")  # a read that takes its time
        slow = [
            asyncio.create_task(who.get("/api/v1/devices/p-1/readings?from=2026-11-01T00:00:00Z"))
            for who in (viewer, client)
            for _ in range(24)
        ]
        await stand_still(connection)
        for method, path, body in (
            ("POST", f"/api/v1/alarms/{alarm}/acknowledge", {}),
            ("POST", f"/api/v1/alarms/{alarm}/verify", {"outcome": "real"}),
            ("GET", "/api/v1/alarms?state=open", None),
            ("GET", "/api/v1/devices", None),
        ):
            answer = await client.request(method, path, json=body)
            assert answer.status_code == 200, answer.text
        assert (await viewer.get("/api/v1/alarms")).status_code == 200
        assert not all(one.done() for one in slow), "the desk was answered after the slow reads, not beside them"
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_reads_of_others_that_stand_still_leave_the_desk_its_connections(
    client: Client, visit: Callable[..., Client], connection: asyncpg.Connection, open_alarm: Raise
) -> None:
    alarm = await open_alarm("p-1", fire=True)
    viewers = []
    for n in range(4):
        made = await client.post("/api/v1/api-keys", json={"name": f"gis-{n}", "role": "viewer", "areas": [AREA]})
        viewers.append(visit(made.json()["key"]))
    async with connection.transaction():
        await connection.execute("lock table command in access exclusive mode")
        slow: list[asyncio.Task[Any]] = [
            asyncio.create_task(who.get("/api/v1/devices/p-1/commands")) for who in viewers for _ in range(10)
        ]
        await stand_still(connection)
        answer = await client.post(f"/api/v1/alarms/{alarm}/acknowledge", json={})
        assert answer.status_code == 200, answer.text
        for one in slow:
            one.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


async def test_guesses_through_one_address_lock_out_nobody_with_the_right_password(
    stranger: Client, client: Client, state: State, admin: FirstAdmin
) -> None:
    for n in range(HOT_AFTER):  # before; each by HTTP would take a core for a quarter of a second
        state.of(Throttle).failed(state.clock.monotonic(), "127.0.0.1", f"guess-{n}")
    for n in range(3):
        wrong = await stranger.post(LOGIN, json={"username": f"guess-{n}", "password": "wrong"})
        assert wrong.status_code == 401
    right = {"username": admin.username, "password": admin.password}
    assert (await stranger.post(LOGIN, json=right)).status_code == 200
    audit = (await client.get("/api/v1/audit?action=session.start")).json()["items"]
    assert audit[0]["detail"] == {"address": "127.0.0.1"}
