"""The running system as a stranger sees it: endpoints.json, MQTT, SQL, HTTP, and a desk of our own."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import asyncpg
import httpx2
import paho.mqtt.client as mqtt
from standardwebhooks import Webhook

from tests.support.waiting import PATIENCE_S

AREA = "140931100"


T = TypeVar("T")


def wait_for(read: Callable[[], T], what: str, seconds: float = PATIENCE_S) -> T:
    """Return the first truthy value of `read`."""
    end = time.monotonic() + seconds
    while True:
        value = read()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.05)


class Desk:
    """A dispatch desk that accepts everything and checks every signature."""

    def __init__(self, secret: str) -> None:
        self.received: list[dict[str, Any]] = []
        self.bad_signatures = 0
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    Webhook(secret).verify(body, {k.lower(): v for k, v in self.headers.items()})
                except Exception:  # noqa: BLE001 - whatever the reason, it is counted and the test fails on the count
                    desk.bad_signatures += 1
                notice = json.loads(body) | {
                    "_key": self.headers["Idempotency-Key"],
                    "_webhook_id": self.headers["webhook-id"],
                }
                desk.received.append(notice)
                answer = json.dumps({"incident_id": f"desk-{len(desk.received)}"}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notices"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, device: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Return what arrived about `device`, oldest first."""
        return [
            n
            for n in list(self.received)
            if (n.get("device") or {}).get("code") == device and (kind is None or n["type"] == kind)
        ]


@dataclass
class System:
    endpoints: dict[str, Any]
    desk: Desk
    mqtt: mqtt.Client
    http: httpx2.Client
    loop: asyncio.AbstractEventLoop
    acks: list[tuple[str, list[str]]] = field(default_factory=list)

    def publish(
        self, device: str, payload: Any, kind: str = "hydrant", channel: str = "telemetry", area: str = AREA
    ) -> None:
        self.send(f"fire/v1/{area}/{kind}/{device}/up/{channel}", payload)

    def send(self, topic: str, payload: Any) -> None:
        body = payload if isinstance(payload, bytes | str) else json.dumps(payload)
        info = self.mqtt.publish(topic, body, qos=1)
        info.wait_for_publish(PATIENCE_S)

    def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        async def fetch() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.endpoints["database"])
            try:
                return await connection.fetch(query, *arguments)
            finally:
                await connection.close()

        return self.loop.run_until_complete(fetch())

    def readings(self, device: str, kind: str = "hydrant") -> list[asyncpg.Record]:
        return self.rows(
            f"select r.* from reading_{kind} r join device d on d.id = r.device_id where d.code = $1 order by ts, seq",  # noqa: S608 - a kind of ours
            device,
        )

    def events(self, device: str) -> list[asyncpg.Record]:
        return self.rows(
            "select e.* from event e join device d on d.id = e.device_id where d.code = $1 order by received_at, seq",
            device,
        )

    def rejects(self, device: str) -> list[asyncpg.Record]:
        return self.rows("select * from reject where topic like '%/' || $1 || '/%' order by id", device)

    def alarms(self, device: str, **params: str) -> list[dict[str, Any]]:
        answer = self.http.get("/api/v1/alarms", params={"device": device, **params})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def device(self, code: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/devices/{code}")
        assert answer.status_code == 200, answer.text
        return answer.json()


def now_ms(offset_s: float = 0) -> int:
    return int((time.time() + offset_s) * 1000)
