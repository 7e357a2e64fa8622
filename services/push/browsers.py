"""The browsers that are told of fires while no page is open (decision 0055). One task of main.

Promises that a fire is looked for without the numbering of events noticing; that who signed out, was disabled or has
other areas now is told nothing more; and, where no contact is set, that nothing is called at all.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from services.core.clock import Clock, wait_at_most
from services.core.line import Line
from services.core.metrics import BROWSERS
from services.core.outbound import CheckedAddresses
from services.core.settings import PushSettings
from services.push.push_service import SLOTS, SQL, TOLD_FOR, Browser, News, PushService, Tools
from services.push.sealing import Sender, new_key

LOOK_S = 0.5  # for fires
REFRESH_S = 5.0  # of the browsers; a hint comes with every change


async def open_sender(pool: asyncpg.Pool, settings: PushSettings) -> Sender | None:
    """Return who we are to push services; None where the operator opened no way out. Says which in the database."""
    if not settings.web_push_contact:
        await pool.execute(SQL["switch_off"])
        return None
    given = settings.web_push_key.get_secret_value()
    sender = Sender(given or await pool.fetchval(SQL["keep_key"], new_key()), settings.web_push_contact)
    await pool.execute(SQL["switch_on"], sender.public_key)
    await pool.execute(SQL["forget_other_key"], sender.public_key)
    return sender


def origin_of(endpoint: str) -> str:
    """Return the push service of an endpoint, as `https://push.example`; what is no address is one by itself."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:  # only a changed row can hold it: its messages fail, until it is given up
        return endpoint
    return f"{parts.scheme}://{parts.netloc}".lower()


class Browsers:
    """All push services. Call `hint` after a change of the browsers."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, settings: PushSettings) -> None:
        self._pool, self._clock, self._settings = pool, clock, settings
        self._news = News()
        self._services: dict[str, PushService] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looked_to = 0  # the number of the newest fire that was seen
        self._refreshed_at = 0.0
        self.hint = asyncio.Event()

    async def run(self) -> None:
        """Tell browsers of fires without end."""
        sender = await open_sender(self._pool, self._settings)
        if sender is None:
            await asyncio.Event().wait()
            return
        self._looked_to = int((self._clock.now() - TOLD_FOR).timestamp() * 1_000_000)  # numbers are times
        tools = Tools(self._pool, self._clock, sender, self._news)
        async with asyncio.TaskGroup() as group:
            while True:
                changed = self.hint.is_set() or self._clock.monotonic() - self._refreshed_at >= REFRESH_S
                self.hint.clear()
                fresh = await self._look()
                if changed or fresh:  # a fire is told by what a person may see now
                    await self._refresh(group, tools)
                    for service in self._services.values():
                        service.wake.set()
                await wait_at_most(self.hint, LOOK_S)

    async def _look(self) -> bool:
        """Take up new fires and forget old ones; return whether there are new ones."""
        since = self._clock.now() - TOLD_FOR
        rows: list[Mapping[str, Any]] = [
            dict(row) for row in await self._pool.fetch(SQL["fires"], self._looked_to, since)
        ]
        self._news.fires = [fire for fire in self._news.fires if fire["made_at"] > since] + rows
        if rows:
            self._looked_to = rows[-1]["number"]
        return bool(rows)

    async def _refresh(self, group: asyncio.TaskGroup, tools: Tools) -> None:
        rows: list[Mapping[str, Any]] = [dict(row) for row in await self._pool.fetch(SQL["browsers"])]
        self._refreshed_at = self._clock.monotonic()
        BROWSERS.set(len(rows))
        wanted: dict[str, dict[str, Mapping[str, Any]]] = {}
        for row in rows:
            wanted.setdefault(origin_of(row["endpoint"]), {})[row["endpoint"]] = row
        for origin in list(self._services):
            if origin not in wanted:
                await self._end(origin)
        for origin, found in wanted.items():
            service = self._services.get(origin) or self._begin(group, origin, tools)
            service.browsers = {
                endpoint: _known(service.browsers.get(endpoint), row) for endpoint, row in found.items()
            }

    def _begin(self, group: asyncio.TaskGroup, origin: str, tools: Tools) -> PushService:
        line = Line(origin, CheckedAddresses(self._settings.subscription_networks), keep=SLOTS)
        service = self._services[origin] = PushService(origin, line, tools)

        async def work() -> None:
            async with line:
                await service.run()

        self._tasks[origin] = group.create_task(work(), name=f"push service {origin}")
        return service

    async def _end(self, origin: str) -> None:
        del self._services[origin]
        task = self._tasks.pop(origin)
        task.cancel()
        await asyncio.wait([task])


def _known(before: Browser | None, row: Mapping[str, Any]) -> Browser:
    """Return the browser of a row, which goes on where it was unless it asked anew."""
    if before is None or before.row["created_at"] != row["created_at"]:
        return Browser(row, row["told_to"], row["greeting"], row["failures"])
    before.row = row
    return before
