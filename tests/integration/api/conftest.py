"""The API inside this process, over a database of the test. `client` is the administrator, `stranger` is nobody.

Every answer that a client of `visit` gets is held against the OpenAPI document.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest

from services.api.app import build_app
from services.api.people.first_admin import FirstAdmin
from services.api.request.database import Database
from services.api.request.state import State
from services.core import db
from services.core.clock import SystemClock
from services.core.settings import ApiSettings
from tests.support.described import hold_to_the_document
from tests.support.servers import PostgresServer
from tests.support.waiting import eventually

AREA = "140931100"
OTHER_AREA = "140931101"
Client = httpx2.AsyncClient
Raise = Callable[..., Awaitable[int]]
Store = Callable[..., Awaitable[UUID]]


@pytest.fixture
def database(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """As everywhere; whose test asks for `admin` gets one that has it."""
    has_admin = "admin" in request.fixturenames
    dsn = postgres.create_database_with_admin() if has_admin else postgres.create_database()
    yield dsn
    if postgres.is_running():
        postgres.drop_database(dsn)


@pytest.fixture
def admin(postgres: PostgresServer, database: str) -> FirstAdmin:
    assert database
    return postgres.first_admin


@pytest.fixture
async def state(database: str) -> AsyncIterator[State]:
    pools = await Database.open(database)
    yield State(ApiSettings(database_url=database, retention_days=9_000), pools, SystemClock())
    await pools.close()


@cache
def one_app() -> Any:
    """Put together once: what FastAPI works out for a route at its first request costs more than most tests."""
    return build_app()


@pytest.fixture
def app(state: State) -> Any:
    made = one_app()
    made.state.firetower = state
    return made


@pytest.fixture
async def visit(app: Any) -> AsyncIterator[Callable[..., Client]]:
    """A function that gives a client: with a key, or as a stranger."""
    made: list[Client] = []

    def open_client(key: str | None = None) -> Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        hooks = {"response": [hold_to_the_document]}
        made.append(Client(transport=transport, base_url="http://firetower.test", headers=headers, event_hooks=hooks))
        return made[-1]

    yield open_client
    for one in made:
        await one.aclose()


@pytest.fixture
def client(visit: Callable[..., Client], admin: FirstAdmin) -> Client:
    return visit(admin.api_key)


@pytest.fixture
def stranger(visit: Callable[..., Client]) -> Client:
    return visit()


@pytest.fixture
async def township(client: Client, visit: Callable[..., Client]) -> Client:
    """The administrator of one township."""
    made = await client.post("/api/v1/api-keys", json={"name": "township", "role": "administrator", "areas": [AREA]})
    return visit(made.json()["key"])


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    made = await db.connect(database, program="test")
    yield made
    await made.close()


async def stand_still(connection: asyncpg.Connection, statements: int = 1) -> None:
    """Wait until so many statements wait for a lock."""

    async def they_wait() -> bool:
        await connection.execute("select pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
        found: int = await connection.fetchval(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        return found >= statements

    await eventually(they_wait, what=f"{statements} statements that wait")


@pytest.fixture
def register(client: Client) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def put(code: str, **fields: Any) -> dict[str, Any]:
        body = {"kind": "hydrant", "area": AREA, "location": {"lon": 111.09, "lat": 39.02}} | fields
        answer = await client.put(f"/api/v1/devices/{code}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    return put


@pytest.fixture
def open_alarm(connection: asyncpg.Connection, client: Client) -> Raise:
    """A function that stores an alarm as the alerts program would; returns its id."""

    async def make(device: str, *, area: str = AREA, code: str = "tamper", fire: bool = False, **more: Any) -> int:
        body = {"kind": "panel", "area": area, "location": {"lon": 111.09, "lat": 39.02}}
        shown = (await client.put(f"/api/v1/devices/{device}", json=body)).json()
        now = more.pop("opened_at", datetime.now(UTC))
        incident = await connection.fetchval(
            "insert into incident (kind, cause, title, area, opened_at)"
            " values ('single', $1, '测试', $2, $3) returning id",
            device,
            area,
            now,
        )
        values = {
            "subject": f"device:{shown['id']}", "code": "fire" if fire else code, "component": "1-1",
            "category": "fire" if fire else "device", "severity": "critical" if fire else "minor",
            "state": "unacknowledged", "confidence": "suspected" if fire else None,
            "verification": "pending" if fire else "none", "device_id": shown["id"], "area": area,
            "reason": "防拆", "reason_en": "tamper (reported 12 min late)", "late_min": 12, "opened_at": now,
            "incident_id": incident,
            "scope": f"device:{shown['id']}" if fire else None, "updated_at": now,
            "escalates_at": now + timedelta(minutes=3) if fire else None,
        } | more  # fmt: skip
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        return await connection.fetchval(
            f"insert into alarm ({names}) values ({places}) returning id",  # noqa: S608 - a test's own names
            *values.values(),
        )

    return make


@pytest.fixture
def store_notice(connection: asyncpg.Connection) -> Store:
    """A function that stores a notice of an alarm as the alerts program would; returns its id."""

    async def make(alarm_id: int, state: str) -> UUID:
        notice_id = uuid4()
        await connection.execute(
            """insert into notice (id, alarm_id, incident_id, number, type, fire, body, state, due_at, created_at)
               select $1, id, incident_id, 1, 'alarm.escalated', true, '{}', $3, now(), now()
               from alarm where id = $2""",
            notice_id,
            alarm_id,
            state,
        )
        return notice_id

    return make
