"""A clock that stands still until somebody sleeps on it. For loops whose pauses are longer than a test."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, tzinfo=UTC)


class HandClock:
    """Sleeping moves it on at once; `slept` lists every pause that was asked for."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The start and all pauses."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """The seconds slept so far."""
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        """Count the pause; let others run."""
        self.slept.append(seconds)
        await asyncio.sleep(0)
