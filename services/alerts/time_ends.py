"""What time alone ends, and the wrong clocks that events show. Called by the bench every second.

Promises that what stood at a start ends although its device sends no reading since, and that a count of wrong clocks
goes on after a restart. Events are counted within about a second after they were read; those of a process that was
killed in between are not.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import asyncpg

from services.alerts.border import Border
from services.alerts.events import EventFeed
from services.alerts.readings import Breath, ReadingFeed, Verdict
from services.alerts.registry import Registry
from services.alerts.rule_states import MOST_AT_ONCE, NO_BOUND, RuleStates
from services.core.alarms.ledger.page import Page
from services.core.clock import Clock
from services.core.rules.catalog import RULES
from services.core.rules.catalog_early import EARLY
from services.core.rules.trials import NOT_BY_READINGS
from services.core.statements import load_queries

SQL = load_queries(__file__)
CAUGHT_UP_S: Final = 60.0
BY_READINGS: Final = sorted(RULES.keys() - NOT_BY_READINGS - EARLY.keys())


class TimeEnds:
    """Lets the rules of the devices know how late it is."""

    def __init__(  # noqa: PLR0917 - everything that time moves
        self,
        registry: Registry,
        states: RuleStates,
        readings: ReadingFeed,
        events: EventFeed,
        clock: Clock,
        breath: Callable[[], Breath],
    ) -> None:
        self._registry = registry
        self._states = states
        self._readings = readings
        self._events = events
        self._clock = clock
        self._breath = breath
        self._silent: list[int] | None = None  # what stood at our start; None: not looked at yet

    async def let_end(self, border: Border) -> None:
        """End conditions that time alone ends, and count wrong clocks."""
        now = self._clock.now()
        await self._load_standing(border.conn, now)
        counted = await self._count_bad_clocks(border.conn, now)  # first: it may fail, and what has ended is said once
        found = [*self._states.tick(now), *counted]
        due = self._states.due_for_saving(self._clock.monotonic())

        async def save(page: Page) -> None:
            await self._states.save(page.conn, due, page.now)

        await self._readings.judge(border, found, save)

    async def _load_standing(self, conn: asyncpg.Connection, now: datetime) -> None:
        """Load the rules of devices of which something stood at our start, some at each call.

        Rules are loaded with a device's first reading; who sends none would keep for ever what time ends.
        """
        if self._silent is None:
            self._silent = [row["device_id"] for row in await conn.fetch(SQL["standing"], BY_READINGS)]
        if not self._silent or await self._readings.feed.lag_s(conn, now) > CAUGHT_UP_S:
            return  # what waits to be judged may show that it stands
        some, left = self._silent[:MOST_AT_ONCE], self._silent[MOST_AT_ONCE:]
        await self._load(conn, some, now)
        self._silent = left

    async def _count_bad_clocks(self, conn: asyncpg.Connection, now: datetime) -> list[Verdict]:
        """Count events whose time ingest replaced; a reading with such a time is a reject, counted with its slice."""
        bad = list(self._events.bad_clocks)
        await self._load(conn, [device_id for device_id, _ in bad], now)
        del self._events.bad_clocks[: len(bad)]  # what was read meanwhile is counted next, and all if that failed
        return [
            (self._registry[device_id], finding)
            for device_id, at in bad
            for finding in self._states.note_bad_clock(device_id, at)
        ]

    async def _load(self, conn: asyncpg.Connection, device_ids: list[int], now: datetime) -> None:
        if not device_ids:
            return
        await self._registry.load(conn, device_ids)
        # whatever waits is left out batch by batch; a bound would leave out what another writer's log has behind it
        await self._states.load(conn, dict.fromkeys(device_ids, NO_BOUND), now, self._breath().take)
