"""The present subscriptions, and one courier for each active one. Tasks of main.

Promises that a person's change takes effect within moments, that couriers share nothing but the database, and that
people no longer see as set aside what goes on again (`trouble`).
"""

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg

from services.core.clock import wait_at_most
from services.core.line import Line
from services.core.metrics import SUBSCRIPTIONS
from services.core.outbound import CheckedAddresses
from services.core.settings import OutboundSettings
from services.push.courier import SLOTS, Courier, Tools
from services.push.recorder import SQL
from services.push.subjects import Delivery

REFRESH_S = 5.0  # the fallback; a hint comes with every change


class Board:
    """All couriers. Call `hint` after a change of the subscriptions."""

    def __init__(self, tools: Tools, settings: OutboundSettings) -> None:
        self._tools, self._settings = tools, settings
        self._couriers: dict[int, Courier] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.hint = asyncio.Event()

    async def run(self) -> None:
        """Keep one courier per active subscription, without end."""
        async with asyncio.TaskGroup() as group:
            while True:
                self.hint.clear()
                await self._refresh(group)
                await wait_at_most(self.hint, REFRESH_S)

    def fanned(self, found: Mapping[int, Sequence[Delivery]]) -> None:
        """Hand fresh deliveries to their couriers; one that has not begun finds them in the database."""
        self._tools.documents.remember(one.event for deliveries in found.values() for one in deliveries)
        for subscription_id, deliveries in found.items():
            if (courier := self._couriers.get(subscription_id)) is not None:
                courier.offer(deliveries)

    def look_again(self, subscription_id: int) -> None:
        """Have one courier read anew what waits."""
        if (courier := self._couriers.get(subscription_id)) is not None:
            courier.look_again()

    def look_at_all_again(self) -> None:
        """Have every courier read anew what waits."""
        for courier in self._couriers.values():
            courier.look_again()

    async def _refresh(self, group: asyncio.TaskGroup) -> None:
        rows = await self._tools.pool.fetch(SQL["subscriptions"])
        for state in ("active", "paused", "disabled"):
            SUBSCRIPTIONS.labels(state).set(sum(row["state"] == state for row in rows))
        wanted = {row["id"]: row for row in rows if row["state"] == "active"}
        for subscription_id, courier in list(self._couriers.items()):
            row = wanted.get(subscription_id)
            if row is None or row["version"] != courier.subscription["version"]:
                await self._end(subscription_id)
        for subscription_id, row in wanted.items():
            if subscription_id not in self._couriers:
                self._begin(group, row)
        await self._look_at_trouble()

    async def _look_at_trouble(self) -> None:
        """Strike off what people were told of and is over; try at once what they want tried."""
        await self._tools.pool.execute(SQL["trouble_over"], self._tools.clock.now())
        asked = {row["name"] for row in await self._tools.pool.fetch(SQL["asked_again"])}
        for subscription_id, courier in self._couriers.items():
            if f"subscription:{subscription_id}" in asked:
                await courier.try_now()

    def _begin(self, group: asyncio.TaskGroup, row: asyncpg.Record) -> None:
        line = Line(row["url"], CheckedAddresses(self._settings.subscription_networks), keep=SLOTS)
        courier = self._couriers[row["id"]] = Courier(dict(row), line, self._tools)

        async def work() -> None:
            async with line:
                await courier.run()

        self._tasks[row["id"]] = group.create_task(work(), name=f"subscription {row['id']}")

    async def _end(self, subscription_id: int) -> None:
        del self._couriers[subscription_id]
        task = self._tasks.pop(subscription_id)
        task.cancel()
        await asyncio.wait([task])
