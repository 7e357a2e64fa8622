"""The county's API, asked with the relay's key. Promises never to raise: no answer is None, and said in the log."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from services.core.clock import Clock
from services.core.line import Line, Request
from services.core.log import logger
from services.relay.packing import Row

log = logger(__name__)

TIMEOUT_S = 5.0
TOLD_EVERY_S = 30.0  # an API that is away is one line of the log in so long


class Found(NamedTuple):
    """Which readings the county has in its tables, and which it rejected."""

    stored: Sequence[Row]
    refused: Sequence[Row]


class Answered(NamedTuple):
    """A status, None where nobody answered, and what a good answer says."""

    status: int | None
    body: Any


class County:
    """One address and one key."""

    def __init__(self, line: Line, url: str, key: str, clock: Clock) -> None:
        self._line = line
        self._url = url.rstrip("/")
        self._key = key
        self._secrets = frozenset({key})
        self._clock = clock
        self._told_at = -TOLD_EVERY_S

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of a good answer, or None."""
        return (await self.send(path, body)).body

    async def send(self, path: str, body: Mapping[str, Any]) -> Answered:
        """Return the answer with its status; the body is that of a good answer, or None."""
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        return await self._ask(
            Request(f"{self._url}{path}", headers, orjson.dumps(body, default=str), secrets=self._secrets)
        )

    async def get(self, path: str) -> Any:
        """Return the JSON of a good answer, or None."""
        headers = {"authorization": f"Bearer {self._key}"}
        return (await self._ask(Request(f"{self._url}{path}", headers, b"", "GET", self._secrets))).body

    async def _ask(self, request: Request) -> Answered:
        answer = await self._line.ask(request, TIMEOUT_S, lambda _status: True)
        if answer.status is not None and 200 <= answer.status < 300:
            try:
                return Answered(answer.status, orjson.loads(answer.body) if answer.body else None)
            except orjson.JSONDecodeError:
                self._tell(request.url, "the answer is no JSON")
                return Answered(None, None)
        said = answer.error or f"status {answer.status}: {answer.body[:300].decode('utf-8', 'replace')}"
        self._tell(request.url, said)
        return Answered(answer.status, None)

    def _tell(self, url: str, error: str) -> None:
        now = self._clock.monotonic()
        if now - self._told_at >= TOLD_EVERY_S:
            self._told_at = now
            log.warning("county_away", url=url, error=error)

    async def ask_readings(self, rows: Sequence[tuple[Row, str]]) -> Found | None:
        """Ask for readings by their keys, each with the digest of its message or an empty one."""
        body = {"rows": [[*row.key, digest] for row, digest in rows]}  # type: ignore[misc]
        found = await self.post("/api/v1/relay/readings", body)
        try:
            missing, refused = set(found["missing"]), set(found["refused"])
        except (TypeError, KeyError):
            return None
        stored = [row for place, (row, _) in enumerate(rows) if place not in missing and place not in refused]
        return Found(stored, [row for place, (row, _) in enumerate(rows) if place in refused])
