"""Presses a call point again and again, notes when the desk was told, and calls each alarm false afterwards.

Called by `bench.soak` and `bench.overload`: the system stays as full of alarms as it was.
"""

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus

import httpx2
import orjson

from bench.system import System
from services.core.clock import SystemClock
from services.core.mqtt import SessionConfig
from simulators.device import Link

PATIENCE_S = 60.0
_POLL_S = 1.0


class CallPoints:
    """One panel for each press."""

    def __init__(self, system: System, desk: str, prefix: str) -> None:
        self._system, self._desk, self._prefix = system, desk, prefix
        self.pressed_s: dict[str, float] = {}  # by panel, Unix seconds
        self.told_s: dict[str, float] = {}
        self._seen = 0  # of the desk's list

    async def press_every(self, seconds: float) -> None:
        """Press until cancelled."""
        fleet = self._system.fleet
        config = SessionConfig(
            f"firetower.bench.{self._prefix[3:-1]}c", fleet.host, fleet.port, username=fleet.username,
            password=fleet.password, filters=("fire/v1/+/+/+/down/ack",), clean_start=True, session_expiry_s=0,
        )  # fmt: skip
        link = Link(config, SystemClock())
        session = asyncio.create_task(link.run(), name="call points")
        try:
            await link.ready()
            while True:
                self._press(link)
                await asyncio.sleep(seconds)
                await self._look()
        finally:
            await link.stop()
            await session

    def _press(self, link: Link) -> None:
        panel = f"{self._prefix}C{len(self.pressed_s):05d}"
        now_s = time.time()
        body = {"event_id": panel, "ts": int(now_s * 1000), "seq": 1, "type": "manual_alarm", "component": "1"}
        self.pressed_s[panel] = now_s
        link.send_event(f"fire/v1/140931100/panel/{panel}", panel, orjson.dumps(body))

    async def settle(self) -> None:
        """Wait until the desk has been told of all of them, within reason."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.told_s) < len(self.pressed_s) and time.monotonic() < deadline:
            await self._look()
            await asyncio.sleep(_POLL_S)

    async def _look(self) -> None:
        """Take what the desk was told by now, and call those alarms false."""
        async with httpx2.AsyncClient(timeout=30, trust_env=False) as client:
            answer = await client.get(f"{self._desk}/received", params={"limit": "100000", "after": str(self._seen)})
            for item in answer.raise_for_status().json()["items"]:
                self._seen = item["number"]
                panel = item["body"]["device"]["code"] if item["type"] == "fire.confirmed" else ""
                if panel in self.pressed_s and panel not in self.told_s and item["answered"] == HTTPStatus.OK:
                    self.told_s[panel] = datetime.fromisoformat(item["received_at"]).timestamp()
                    with suppress(httpx2.HTTPError):
                        await self._call_false(client, panel)

    async def _call_false(self, client: httpx2.AsyncClient, panel: str) -> None:
        headers = {"Authorization": f"Bearer {self._system.api_key}"}
        alarms = f"{self._system.api}/api/v1/alarms"
        found = await client.get(alarms, params={"device": panel, "state": "open"}, headers=headers)
        for alarm in found.raise_for_status().json()["items"]:
            await client.post(
                f"{alarms}/{alarm['id']}/verify",
                json={"outcome": "false", "note": "bench"},
                headers=headers | {"If-Match": f'"{alarm["version"]}"'},
            )

    @property
    def taken_s(self) -> list[float]:
        """How long each took from the press to the desk, shortest first."""
        return sorted(self.told_s[panel] - at for panel, at in self.pressed_s.items() if panel in self.told_s)

    def percentile_s(self, part: float) -> float | None:
        """Return the longest that this share of them took."""
        taken = self.taken_s
        return taken[min(len(taken) - 1, int(len(taken) * part))] if taken else None

    def points(self, began_s: float) -> list[tuple[float, float]]:
        """Return when each was pressed, in hours, and how long it took."""
        return [
            ((at - began_s) / 3600, self.told_s[panel] - at)
            for panel, at in self.pressed_s.items()
            if panel in self.told_s
        ]
