"""The program itself, with its database gone and back."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2

from services.api.app import build_app
from services.api.request.database import POOL_SIZES, Database
from services.api.request.state import State
from services.api.request.turns import Room
from services.core.clock import SystemClock
from services.core.settings import ApiSettings
from stack.children import free_port
from tests.support.servers import PostgresServer, Program, until
from tests.support.waiting import PATIENCE_S, eventually
from tests.support.wire import Wire


def test_the_api_lives_without_its_database_and_recovers_by_itself(
    program: Callable[..., Program], database: str, postgres: PostgresServer
) -> None:
    port = free_port()
    api = program("api", DATABASE_URL=database, API_PORT=port, LOG_FORMAT="json")
    api.wait_ready()
    key = api.log_text().split("api key: ")[1].split()[0]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/metrics").status_code == 200
        postgres.kill()
        assert client.get("/healthz").status_code == 200
        until(lambda: client.get("/readyz").status_code == 503, what="not ready")
        away = client.get("/api/v1/devices")
        assert away.status_code == 503
        assert away.headers["content-type"] == "application/problem+json"
        postgres.start()
        until(lambda: client.get("/readyz").status_code == 200, what="ready again")
        assert client.get("/api/v1/devices").status_code == 200
    assert api.stop() == 0


async def test_a_database_that_hears_and_does_not_answer_is_given_up_by_itself(
    database: str, postgres: PostgresServer, wire: Callable[[int], Awaitable[Wire]]
) -> None:
    between = await wire(postgres.port)
    dsn = database.replace(f":{postgres.port}/", f":{between.port}/")
    state = State(ApiSettings(database_url=dsn), await Database.open(dsn), SystemClock())
    app = build_app()
    app.state.firetower = state
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://firetower.test") as client:

        async def all_answer(status: int) -> bool:
            asked = await asyncio.gather(*[client.get("/readyz") for _ in range(2 * POOL_SIZES[Room.DESK])])
            return {answer.status_code for answer in asked} == {status}

        await eventually(lambda: all_answer(200), what="ready")
        between.stall()
        assert await all_answer(503)
        between.restore()
        await eventually(lambda: all_answer(200), what="ready again")
    await state.database.close()


def test_the_api_starts_before_its_database(
    program: Callable[..., Program], database: str, postgres: PostgresServer
) -> None:
    port = free_port()
    postgres.kill()
    api = program("api", DATABASE_URL=database, API_PORT=port)

    def alive() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S).status_code == 200
        except httpx2.TransportError:
            return False

    until(alive, what="alive")
    assert httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S).status_code == 503
    postgres.start()
    api.wait_ready()
    assert httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S).status_code == 200
    assert api.stop() == 0
