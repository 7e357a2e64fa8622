"""Two townships with devices of every kind, their readings and alarms, for whoever reads the city's standards."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio

from services.api.app import build_app
from services.api.people.first_admin import make_first_admin
from services.api.request.database import Database
from services.api.request.state import State
from services.core import db
from services.core.clock import SystemClock
from services.core.contracts import READING_FIELDS
from services.core.settings import ApiSettings
from services.core.topics import Kind
from tests.integration.api.conftest import AREA, OTHER_AREA, Client
from tests.support.described import hold_to_the_document
from tests.support.servers import PostgresServer

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
VALUES = {
    Kind.HYDRANT: {"pressure_mpa": 0.3, "flow_lps": 0.0, "cap_open": False},
    Kind.ELECTRICAL: {"residual_current_ma": 30.0, "relay_closed": True, "arc_count": 1},
    Kind.WATER: {"level_pct": 80.0, "level_m": 2.5},
    Kind.PANEL: {"mains_ok": True, "battery_v": 24.5},
}


@dataclass
class World:
    """What there is: `devices` by code, and the numbers of a device's readings."""

    connection: asyncpg.Connection
    devices: dict[str, int] = field(default_factory=dict)
    readings: int = 10

    async def add(self, code: str, kind: Kind, area: str, place: tuple[float, float] | None, **more: Any) -> int:
        columns = {"code": code, "kind": str(kind), "area": area, "registered": True, "name": f"{code} 号"} | more
        if place is not None:
            columns |= {"lon": place[0], "lat": place[1]}
        marks = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        number = await self.connection.fetchval(
            f"insert into device ({', '.join(columns)}) values ({marks}) returning id",  # noqa: S608 - a test's names
            *columns.values(),
        )
        self.devices[code] = number
        await self.read(number, kind, self.readings)
        return number

    async def read(self, device: int, kind: Kind, count: int, begin: datetime = NOON, **values: Any) -> None:
        """Store readings a minute apart, and the newest state."""
        sent = VALUES[kind] | values
        names = [name for name in READING_FIELDS[kind] if name in sent]
        rows = []
        for n in range(count):
            ts = begin + timedelta(minutes=n)
            first = sent[names[0]]
            changed = {names[0]: first + n / 100} if isinstance(first, float) else {}
            row = sent | changed
            rows.append((device, ts, n, ts + timedelta(seconds=2), 1, n == 0, *(row[name] for name in names)))
        await self.connection.copy_records_to_table(
            f"reading_{kind}",
            records=rows,
            columns=["device_id", "ts", "seq", "received_at", "batch_id", "late", *names],
        )
        last = dict(zip(names, rows[-1][6:], strict=True))
        await self.connection.execute(
            """insert into device_state (device_id, state, ts, received_at, seq, last_seen)
               values ($1, $2, $3, $4, $5, $4)
               on conflict (device_id) do update set state = excluded.state, ts = excluded.ts,
                   received_at = excluded.received_at, seq = excluded.seq, last_seen = excluded.last_seen""",
            device,
            last,
            rows[-1][1],
            rows[-1][3],
            count - 1,
        )

    async def alarm(self, device: int, area: str, code: str = "hydrant_pressure_low") -> int:
        """Store an alarm that was raised, acknowledged and returned."""
        number = await self.connection.fetchval(
            """insert into alarm
               (subject, code, category, severity, state, device_id, area, reason, reason_en, opened_at)
               values ($1, $2, 'water', 'major', 'returned', $3, $4, '压力低', 'low pressure', $5) returning id""",
            f"device:{device}",
            code,
            device,
            area,
            NOON,
        )
        for step, state in enumerate(("unacknowledged", "acknowledged", "returned"), 1):
            await self.connection.execute(
                """insert into alarm_transition
                   (alarm_id, number, at, actor, act, outcome, to_state, detail, previous, hash)
                   values ($1, $2, $3, 'rule:x', 'report', 'x', $4, $5, '', '')""",
                number,
                step,
                NOON + timedelta(minutes=step),
                state,
                {"severity": "major", "confidence": None, "verification": "none"},
            )
        return number


async def fill(connection: asyncpg.Connection) -> World:
    """Own and other township, each with the same devices; one of them stands nowhere."""
    made = World(connection)
    for name, area, lon in (("own", AREA, 111.09), ("other", OTHER_AREA, 111.12)):
        site = await connection.fetchval("insert into site (name, area) values ($1, $2) returning id", name, area)
        hydrant = await made.add(
            f"h-{name}", Kind.HYDRANT, area, (lon, 39.02), owner=f"{name} 水务", site_id=site, form="aboveground",
            attributes={"bore_mm": 100, "maker": name, "none": None}, address=f"{name} 街 1 号",
        )  # fmt: skip
        await made.add(f"e-{name}", Kind.ELECTRICAL, area, (lon + 0.001, 39.021))
        await made.add(f"w-{name}", Kind.WATER, area, (lon + 0.002, 39.022))
        await made.add(f"p-{name}", Kind.PANEL, area, None)
        await made.alarm(hydrant, area)
    return made


@pytest.fixture
async def world(connection: asyncpg.Connection) -> World:
    """The two townships in a database of this test: it may change them."""
    return await fill(connection)


@dataclass
class City:
    """The API over two townships that all tests of a file read, with the clients that ask it."""

    dsn: str
    world: World
    keys: dict[str, str]
    clients: dict[str, Client]

    @property
    def admin(self) -> Client:
        """Sees all."""
        return self.clients["admin"]

    @property
    def township(self) -> Client:
        """Sees the own township."""
        return self.clients["township"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(_postgres_server: PostgresServer) -> AsyncIterator[City]:
    """For tests that only read; their file says `pytestmark = pytest.mark.asyncio(loop_scope="module")`."""
    dsn = _postgres_server.create_database()
    admin = await make_first_admin(dsn)
    assert admin is not None
    connection, pools = await db.connect(dsn, program="test"), await Database.open(dsn)
    app = build_app()
    app.state.firetower = State(ApiSettings(database_url=dsn), pools, SystemClock())
    async with AsyncExitStack() as stack:

        async def client(key: str) -> Client:
            headers, hooks = {"Authorization": f"Bearer {key}"}, {"response": [hold_to_the_document]}
            made = Client(
                transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False),
                base_url="http://firetower.test",
                headers=headers,
                event_hooks=hooks,
            )
            return await stack.enter_async_context(made)

        clients, keys = {"admin": await client(admin.api_key)}, {"admin": admin.api_key}
        for name, role, areas in (
            ("township", "viewer", [AREA]),
            ("wall", "wall", ["*"]),
            ("nowhere", "viewer", ["140931208"]),
        ):
            body = {"name": name, "role": role, "areas": areas}
            keys[name] = (await clients["admin"].post("/api/v1/api-keys", json=body)).json()["key"]
            clients[name] = await client(keys[name])
        yield City(dsn, await fill(connection), keys, clients)
    await pools.close()
    await connection.close()
    _postgres_server.drop_database(dsn)


def reader(client: Client) -> Callable[..., Awaitable[Any]]:
    """Return a function that reads below the root, with every option by its name without the dollar."""

    async def get(path: str, status: int = 200, **options: object) -> Any:
        params = {f"${name}": str(value) for name, value in options.items()}
        answer = await client.get(f"/sta/v1.1/{path}", params=params or None)
        assert answer.status_code == status, (path, options, answer.text)
        return answer.json() if answer.content else None

    return get
