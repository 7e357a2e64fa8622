"""Breaks what lies between two parts, by name, and keeps the list of all that was broken in a run."""

import random
from collections.abc import Awaitable, Callable, Mapping

from services.core.clock import Clock
from tests.faults.chaos.books import Break
from tests.support.wire import Wire

Act = Callable[[], Awaitable[None]]


class Breaking:
    """The wires of one run and its dice; times are seconds since `started_s` of the clock."""

    def __init__(self, wires: Mapping[str, Wire], dice: random.Random, clock: Clock, started_s: float) -> None:
        self.breaks: list[Break] = []
        self.wires = wires
        self._dice, self._clock, self._started_s = dice, clock, started_s

    def now_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._started_s

    async def do(self, what: str, act: Act) -> None:
        """Break something and note it."""
        at_s = self.now_s()
        await act()
        self.breaks.append(Break(round(at_s, 2), what, round(self.now_s() - at_s, 2)))

    def acts(self) -> dict[str, Act]:
        """Everything that a wire can do, by name."""
        acts: dict[str, Act] = {}
        for name in self.wires:
            acts[f"cut {name}"] = lambda name=name: self.wires[name].cut()
            acts[f"refuse {name}"] = lambda name=name: self._refuse(name, self._dice.uniform(0.5, 2))
            acts[f"stall {name}"] = lambda name=name: self._stall(name, self._dice.uniform(0.5, 3))
        return acts

    async def _refuse(self, name: str, seconds: float) -> None:
        """Let one pair not connect for a while."""
        await self.wires[name].refuse()
        await self._clock.sleep(seconds)
        self.wires[name].restore()

    async def _stall(self, name: str, seconds: float) -> None:
        """Keep one pair connected and forward nothing for a while."""
        self.wires[name].stall()
        await self._clock.sleep(seconds)
        self.wires[name].restore()
