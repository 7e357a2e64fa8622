"""Who works with the system while it is broken: an officer who judges fires, and a screen that follows the stream."""

import asyncio
import json
import random
from collections import Counter
from typing import Any

import httpx2

_AGAIN_S = 0.3
_TIMEOUT_S = 5.0


class Officer:
    """Acknowledges every fire and judges most; an act is repeated under its Idempotency-Key until it is answered."""

    def __init__(self, client: httpx2.AsyncClient, dice: random.Random) -> None:
        self.done: Counter[tuple[int, str]] = Counter()  # alarm, act: answered with success
        self.refused: list[str] = []
        self.repeated = self.answered_again = 0
        self._client, self._dice = client, dice
        self._seen: set[int] = set()

    async def work(self, stop: asyncio.Event) -> None:
        """Look at the open fires every second until `stop`, and finish what was begun."""
        while not stop.is_set():
            for alarm in await self._new_fires():
                self._seen.add(alarm["id"])
                await self._judge(alarm["id"])
            await asyncio.sleep(1)

    async def _new_fires(self) -> list[dict[str, Any]]:
        wanted = {"category": "fire", "state": "unacknowledged", "limit": "200"}
        try:
            answer = await self._client.get("/api/v1/alarms", params=wanted, timeout=_TIMEOUT_S)
        except httpx2.HTTPError:
            return []
        items = answer.json()["items"] if answer.status_code == 200 else []
        return [one for one in items if one["id"] not in self._seen]

    async def _judge(self, alarm: int) -> None:
        await self._act(alarm, "acknowledge", {"note": "接警"})
        verdict = self._dice.choice(["real", "real", "false", None])
        if verdict == "real":
            await self._act(alarm, "verify", {"outcome": verdict})
        elif verdict == "false":
            await self._act(alarm, "verify", {"outcome": verdict, "note": "现场无火"}, strict=True)

    async def _act(self, alarm: int, act: str, body: dict[str, Any], *, strict: bool = False) -> None:
        """Do it; a `strict` act names the version that it judges, and is a new one where that has changed."""
        turn = 0
        while True:
            turn += 1
            headers = {"Idempotency-Key": f"{alarm}-{act}-{turn}"}
            if strict:
                version = (await self._until_answered("GET", f"/api/v1/alarms/{alarm}")).headers["etag"]
                headers["If-Match"] = version
            answer = await self._until_answered("POST", f"/api/v1/alarms/{alarm}/{act}", json=body, headers=headers)
            if answer.status_code == 412:
                continue
            if answer.is_success:
                self.done[alarm, act] += 1
                self.answered_again += "idempotency-replayed" in answer.headers
            else:
                self.refused.append(f"{act} of {alarm}: {answer.status_code} {answer.text[:200]}")
            return

    async def _until_answered(self, method: str, path: str, **more: Any) -> httpx2.Response:
        while True:
            try:
                answer = await self._client.request(method, path, timeout=_TIMEOUT_S, **more)
            except httpx2.HTTPError:
                pass
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            self.repeated += 1
            await asyncio.sleep(_AGAIN_S)


class Screen:
    """What a page knows of the alarms: all of them at the start and at each `resync`, else what the stream says."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.alarms: dict[int, dict[str, Any]] = {}
        self.connections = self.resyncs = self.told = 0
        self._client = client
        self._place = ""

    async def follow(self) -> None:
        """Follow until cancelled; whoever loses the stream comes back with the last place it heard of."""
        while True:
            try:
                await self._read()
            except httpx2.HTTPError:
                await asyncio.sleep(_AGAIN_S)

    async def _read(self) -> None:
        headers = {"Last-Event-ID": self._place} if self._place else {}
        timeout = httpx2.Timeout(_TIMEOUT_S, read=40)
        async with self._client.stream("GET", "/api/v1/stream", headers=headers, timeout=timeout) as answer:
            if answer.status_code != 200:
                await asyncio.sleep(_AGAIN_S)
                return
            self.connections += 1
            if not self._place:
                self.alarms = await self.fetch()
            event = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    await self._take(event, value)
                elif name == "id":
                    self._place = value

    async def _take(self, event: str, data: str) -> None:
        if event == "resync":
            self.resyncs += 1
            self.alarms = await self.fetch()
        elif event == "alarm":
            self.told += 1
            alarm = json.loads(data)
            self.alarms[alarm["id"]] = alarm

    async def fetch(self) -> dict[int, dict[str, Any]]:
        """Return every alarm by id, as the API lists them; asks until there is an answer."""
        found: dict[int, dict[str, Any]] = {}
        cursor: str | None = None
        while True:
            wanted = {"limit": "1000"} | ({"cursor": cursor} if cursor else {})
            try:
                answer = await self._client.get("/api/v1/alarms", params=wanted, timeout=_TIMEOUT_S)
            except httpx2.HTTPError:
                answer = None
            if answer is None or answer.status_code != 200:
                await asyncio.sleep(_AGAIN_S)
                continue
            page = answer.json()
            found |= {one["id"]: one for one in page["items"]}
            cursor = page["next"]
            if cursor is None:
                return found

    @property
    def picture(self) -> dict[int, tuple[Any, ...]]:
        """What it shows."""
        return picture_of(self.alarms)


def picture_of(alarms: dict[int, dict[str, Any]]) -> dict[int, tuple[Any, ...]]:
    """Return what matters of alarms on a screen."""
    return {number: tuple(one[name] for name in ("state", "verification", "severity", "version"))
            for number, one in alarms.items()}  # fmt: skip
