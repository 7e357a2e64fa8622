"""`firetower desk`: a stand-in for the 119 side. Takes notices as the real one would, and misbehaves when told to.

Started by the command line, the demo and tests. Promises to verify, to accept each notice once, and to list all it saw.
"""

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import uvicorn
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from standardwebhooks import Webhook, WebhookVerificationError

from services.core.city import xf3017
from services.core.log import configure_log, logger
from services.core.settings import DeskSettings

log = logger(__name__)
MOST_KEPT = 200_000  # requests remembered while it runs; notices it accepted also survive a kill


class Behaviour(BaseModel):
    """How the desk answers from now on. `count` limits it to so many requests, then all is well again."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["ok", "delay", "refuse", "error", "busy", "hang", "redirect", "vanish"] = "ok"
    seconds: Annotated[float, Field(ge=0, le=3600)] = 1  # of delay, hang or absence
    status: Annotated[int, Field(ge=300, le=599)] | None = None  # in place of the usual 400, 500 or 429
    retry_after: str | None = None
    count: Annotated[int, Field(ge=1)] | None = None


USUAL_STATUS = {"refuse": 400, "error": 500, "busy": 429, "redirect": 307}


class Desk:
    """What the desk has seen and how it behaves."""

    def __init__(self, secret: str, memory: Path | None = None) -> None:
        self.webhook = Webhook(secret) if secret else None
        self._memory = memory
        self.behaviour = Behaviour()
        self.seen: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self.accepted: dict[str, str] = {}  # notice id -> our incident id
        self._numbers = itertools.count(1)
        self._requests = itertools.count(1)
        if memory is not None and memory.exists():
            self._remember(memory)

    def _remember(self, memory: Path) -> None:
        """Read the notices accepted before the desk was killed; a half-written last line was never answered."""
        for line in memory.read_bytes().splitlines():
            try:
                seen = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            seen["number"] = next(self._requests)
            self.seen.append(seen)
            self.accepted[seen["notice_id"]] = seen["incident_id"]
            next(self._numbers)

    def _keep(self, seen: dict[str, Any], incident_id: str) -> None:
        """Write down an accepted notice before it is answered."""
        if self._memory is not None:
            with self._memory.open("ab") as file:
                file.write(orjson.dumps({**seen, "incident_id": incident_id}) + b"\n")

    def next_behaviour(self) -> Behaviour:
        """Return how to treat one request, and count it."""
        now = self.behaviour
        if now.count is not None:
            left = now.count - 1
            self.behaviour = now.model_copy(update={"count": left}) if left else Behaviour()
        return now

    def verify(self, body: bytes, headers: dict[str, str]) -> str | None:
        """Return what is wrong with the signature, None when it is right or we have no secret."""
        if self.webhook is None:
            return None
        try:
            self.webhook.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            return str(error) or type(error).__name__
        return None

    def forget(self) -> None:
        """Forget all requests and notices, on disk too."""
        self.seen.clear()
        self.accepted.clear()
        if self._memory is not None:
            self._memory.unlink(missing_ok=True)

    def take(self, notice_id: str) -> tuple[int, dict[str, Any]]:
        """Accept a notice: 200 the first time, 409 when it was accepted before."""
        known = self.accepted.get(notice_id)
        if known is not None:
            return 409, {"incident_id": known, "detail": "taken before"}
        incident_id = f"119-{next(self._numbers):06d}"
        self.accepted[notice_id] = incident_id
        return 200, {"incident_id": incident_id}

    def note(self, headers: dict[str, str], body: bytes, at: datetime) -> dict[str, Any]:
        """Remember a request as it came in."""
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        fields = content if isinstance(content, dict) else {}
        items = xf3017.read(fields)
        fields = fields if items is None else items
        alarm = fields.get("alarm")
        seen = {
            "number": next(self._requests),
            "received_at": at.isoformat(timespec="milliseconds"),
            "notice_id": headers.get("webhook-id") or headers.get("idempotency-key") or "",
            "type": fields.get("type"),
            "format": "firetower" if items is None else "xf3017",
            "alarm_id": alarm.get("id") if isinstance(alarm, dict) else None,
            "bytes": body.decode(errors="replace"),
            "body": content,
            "signature_error": self.verify(body, headers),
            "answered": None,
            "first": False,
        }
        self.seen.append(seen)
        return seen

    async def receive(self, request: Request) -> Response:
        """Answer a notice as the current behaviour says."""
        body, headers = await request.body(), dict(request.headers)
        seen = self.note(headers, body, datetime.now(UTC))
        behaviour = self.next_behaviour()
        if behaviour.mode in ("delay", "hang"):
            await asyncio.sleep(behaviour.seconds)
        status, answer = self._answer(seen, behaviour)
        seen["answered"] = status
        extra = {"retry-after": behaviour.retry_after} if behaviour.retry_after is not None else {}
        if behaviour.mode == "redirect":
            extra["location"] = "/elsewhere"
        return Response(orjson.dumps(answer), status, extra, media_type="application/json")

    def _answer(self, seen: dict[str, Any], behaviour: Behaviour) -> tuple[int, dict[str, Any]]:
        usual = USUAL_STATUS.get(behaviour.mode)
        if usual is not None:
            return behaviour.status or usual, {"detail": behaviour.mode}
        if seen["signature_error"] is not None:
            return 401, {"detail": f"signature: {seen['signature_error']}"}
        if not seen["notice_id"] or seen["body"] is None:
            return 400, {"detail": "webhook-id: missing, or the body is not JSON"}
        status, answer = self.take(seen["notice_id"])
        if seen["format"] == "xf3017":
            answer = {xf3017.INCIDENT_KEY: answer["incident_id"]} | answer
        seen["answered"], seen["first"] = status, status == 200
        if seen["first"]:
            self._keep(seen, answer["incident_id"])
        return status, answer


def create_app(desk: Desk, vanish: Callable[[float], None]) -> FastAPI:
    """Build the desk's HTTP side. `vanish` closes the listener for some seconds."""
    app = FastAPI(title="Stand-in dispatch desk")
    for path in ("/", "/notices", "/elsewhere"):
        app.add_api_route(path, desk.receive, methods=["POST"], response_class=Response)

    @app.get("/received")
    async def received(
        alarm: int | None = None,
        type: str | None = None,  # noqa: A002 - the name of the field it looks at
        after: int = 0,
        limit: Annotated[int, Query(ge=1, le=100_000)] = 10_000,
    ) -> Response:
        """List what came in, oldest first: one entry per request, `first` where the notice was accepted."""
        wanted = {"alarm_id": alarm, "type": type}
        items = [
            seen
            for seen in desk.seen
            if seen["number"] > after and all(value in (None, seen[name]) for name, value in wanted.items())
        ]
        return Response(orjson.dumps({"items": items[:limit]}), media_type="application/json")

    @app.delete("/received")
    async def forget() -> dict[str, int]:
        """Forget everything; the next notice is the first."""
        count = len(desk.seen)
        desk.forget()
        return {"forgotten": count}

    @app.put("/behaviour")
    async def behave(behaviour: Behaviour) -> Behaviour:
        """Tell the desk how to answer from now on."""
        desk.behaviour = behaviour if behaviour.mode != "vanish" else Behaviour()
        if behaviour.mode == "vanish":
            vanish(behaviour.seconds)
        return behaviour

    @app.get("/behaviour")
    async def behaviour() -> Behaviour:
        """Say how the desk answers."""
        return desk.behaviour

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answer that the desk is here."""
        return {"status": "ok"}

    return app


class DeskServer(uvicorn.Server):
    """A server that can stop listening for a while and come back on the same port."""

    ready_file: Path | None = None
    _absence: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started and not self.config.port:  # and after an absence it is the same
            self.config.port = self.servers[0].sockets[0].getsockname()[1]
            log.info("desk_listens", port=self.config.port)
        if self.started and self.ready_file is not None:
            self.ready_file.touch()

    def vanish(self, seconds: float) -> None:
        """Close the listener and every connection after the answer is out; come back after `seconds`."""
        self._absence = asyncio.create_task(self._vanish(seconds), name="desk:absence")

    async def _vanish(self, seconds: float) -> None:
        await asyncio.sleep(0.05)  # lets the answer to this very request go out first
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await asyncio.sleep(seconds)
        await self.startup()


async def serve(settings: DeskSettings) -> None:
    """Serve until told to end."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    desk = Desk(settings.dispatch_secret.get_secret_value(), settings.state_dir / "desk.jsonl")
    servers: list[DeskServer] = []

    def vanish(seconds: float) -> None:
        servers[0].vanish(seconds)

    config = uvicorn.Config(
        create_app(desk, vanish),
        host=settings.desk_host,
        port=settings.desk_port,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    servers.append(DeskServer(config))
    servers[0].ready_file = settings.ready_file
    await servers[0].serve()


def main(settings: DeskSettings | None = None, port: int | None = None) -> None:
    """Run until SIGTERM; read the environment unless settings are given. A `port` replaces theirs; 0: any free one."""
    settings = settings or DeskSettings.read()
    if port is not None:
        settings = settings.model_copy(update={"desk_port": port})
    configure_log("desk", settings.log_level, settings.log_format)
    asyncio.run(serve(settings))
