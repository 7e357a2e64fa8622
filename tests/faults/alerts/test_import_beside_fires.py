"""A ledger of 20 000 devices is imported with a fire every half second beside it: how long each waited."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
import orjson
import pytest

from services.api.people.first_admin import make_first_admin
from services.core.clock import SystemClock
from services.core.mqtt import SessionConfig
from simulators.device import Link
from stack.children import free_port
from tests.support.broker_fleet import now_ms
from tests.support.county import AREA, County
from tests.support.servers import Broker, Program
from tests.support.waiting import eventually

DEVICES = 20_000
LIMIT_S = 0.5
EVERY_S = 0.5


def ledger(name: str) -> bytes:
    lines = [f"h-{n},hydrant,{AREA},{name} {n},{111 + n / 1e5},39.0,150" for n in range(DEVICES)]
    return "\n".join(["code,kind,area,name,lon,lat,bore_mm", *lines]).encode()


class Fires:
    """Says a fire every half second, of a panel outside the ledger and of a device in it in turn."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.sent: dict[str, datetime] = {}

    async def run(self) -> None:
        while True:
            number = len(self.sent)
            code, kind = (f"p-{number}", "panel") if number % 2 else (f"h-{DEVICES - 1 - number}", "hydrant")
            body = {"event_id": code, "ts": now_ms(), "seq": 1, "type": "fire", "component": "1"}
            self.sent[code] = datetime.now(UTC)
            self._link.send_event(f"fire/v1/{AREA}/{kind}/{code}", code, orjson.dumps(body))
            await asyncio.sleep(EVERY_S)


@pytest.mark.chaos
async def test_no_fire_waits_for_a_ledger_of_twenty_thousand(
    database: str, broker: Broker, county: County, alerts: Callable[..., Program], program: Callable[..., Program]
) -> None:
    admin = await make_first_admin(database)
    assert admin is not None
    port = free_port()
    alerts()
    for name, env in (("ingest", {"MQTT_URL": broker.url}), ("api", {"API_PORT": port})):
        program(name, DATABASE_URL=database, **env).wait_ready()
    config = SessionConfig.from_url(urlsplit(broker.fleet_url), "firetower.test.fires")
    link = Link(config, SystemClock())
    fires, took_s = Fires(link), {}
    headers = {"Authorization": f"Bearer {admin.api_key}", "Content-Type": "text/csv"}
    async with (
        asyncio.TaskGroup() as tasks,
        httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120, trust_env=False
        ) as client,
    ):
        session = tasks.create_task(link.run())
        await link.ready()
        burning = tasks.create_task(fires.run())
        for word in ("new", "update"):
            await asyncio.sleep(5 * EVERY_S)
            began = asyncio.get_running_loop().time()
            answer = await client.post("/api/v1/devices/import?datum=wgs84", content=ledger(word))
            took_s[word] = round(asyncio.get_running_loop().time() - began, 1)
            assert answer.status_code == 200, answer.text[:500]
        burning.cancel()
        await link.stop()
        await session
    await eventually(lambda: county.alarms("a.code = 'fire'", at_least=len(fires.sent)), what="every fire's alarm")
    opened = {row["device"]: row["opened_at"] for row in await county.alarms("a.code = 'fire'")}
    waits_s = sorted((opened[code] - at).total_seconds() for code, at in fires.sent.items())
    assert await county.conn.fetchval("select count(*) from device where name like 'update %'") == DEVICES
    figures = {
        "fires": len(waits_s),
        "p50_s": waits_s[len(waits_s) // 2],
        "slowest_s": waits_s[-5:],
        "import_s": took_s,
    }
    print(json.dumps(figures))  # noqa: T201
    assert waits_s[-1] <= LIMIT_S
