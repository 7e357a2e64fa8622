"""CPU seconds and memory of every program while a measurement runs.

Called by the benches. Promises: children count to their program (PostgreSQL is many processes); the load generator is
measured like everybody else.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(slots=True)
class Usage:
    """CPU seconds and the most memory of one program with its children."""

    cpu_s: float = 0.0
    peak_mb: float = 0.0


class Meter:
    """Measures programs between `start` and `stop`; `watch()` samples memory meanwhile."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = {**processes, "load generator": os.getpid()}
        self.usage = {name: Usage() for name in self._processes}
        self._before: dict[str, float] = {}

    def start(self) -> None:
        """Begin."""
        self._before = {name: _cpu_s(pid) for name, pid in self._processes.items()}

    def stop(self) -> None:
        """Take the difference."""
        for name, pid in self._processes.items():
            self.usage[name].cpu_s = _cpu_s(pid) - self._before[name]

    async def watch(self) -> None:
        """Sample memory every half second until cancelled."""
        while True:
            for name, pid in self._processes.items():
                self.usage[name].peak_mb = max(self.usage[name].peak_mb, _memory_mb(pid))
            await asyncio.sleep(0.5)


async def at_rest(pid: int, *, share: float = 0.1, patience_s: float = 900.0) -> float | None:
    """Wait until a program takes less than `share` of a core for ten seconds; return how long, None if it never did."""
    began, calm = time.monotonic(), 0
    while calm < 2:
        if time.monotonic() - began > patience_s:
            return None
        before = _cpu_s(pid)
        await asyncio.sleep(5)
        calm = calm + 1 if _cpu_s(pid) - before < 5 * share else 0
    return round(time.monotonic() - began)


def tree(pid: int) -> list[psutil.Process]:
    """Return a program with its children."""
    try:
        parent = psutil.Process(pid)
        # our own children are the programs under test; every other program answers for its children
        return [parent] if pid == os.getpid() else [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_s(pid: int) -> float:
    total = 0.0
    for process in tree(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _memory_mb(pid: int) -> float:
    """Proportional set size: shared memory of PostgreSQL's processes counts once."""
    total = 0.0
    for process in tree(pid):
        with suppress(psutil.NoSuchProcess):
            try:
                total += process.memory_full_info().pss
            except psutil.AccessDenied:
                total += process.memory_info().rss
    return total / 2**20
