"""Samples of what a running system holds: memory and handles of each program, connections, disk, lateness.

Called by `bench.soak` and `bench.overload`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from bench.meter import tree
from bench.pages import Points, chart
from bench.system import System
from services.core.statements import load_queries

SQL = load_queries(__file__)
_MB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Times are Unix seconds; what a program does not let us see is left out."""

    at_s: float
    memory_mb: dict[str, float]  # of its own, without what processes share
    handles: dict[str, int]  # PostgreSQL's without its data files, which each connection keeps open as it meets them
    connections: int  # at the database
    disk_mb: float
    stored: int  # readings in the last minute
    late_ms: tuple[float, float]  # p50 and p99 from the device's time to the commit, readings of the last minute
    waiting: int  # notices that nobody accepted


@dataclass(slots=True)
class Samples:
    """All looks of one run."""

    system: System
    began_s: float = field(default_factory=time.time)
    taken: list[Sample] = field(default_factory=list)

    async def take(self, database: asyncpg.Connection) -> Sample:
        """Look once."""
        held = {name: _held(name, pid) for name, pid in processes_of(self.system).items()}
        late = await database.fetchrow(SQL["late"])
        sample = Sample(
            at_s=time.time(),
            memory_mb={name: one[0] for name, one in held.items()},
            handles={name: one[1] for name, one in held.items()},
            connections=await database.fetchval(SQL["connections"]),
            disk_mb=_disk_mb(self.system.state_dir),
            stored=await database.fetchval(SQL["stored"]),
            late_ms=(0.0, 0.0) if late is None else (late["p50"] or 0.0, late["p99"] or 0.0),
            waiting=await database.fetchval(SQL["waiting"]),
        )
        self.taken.append(sample)
        return sample

    @property
    def hours(self) -> list[float]:
        """When each look was, in hours since the run began."""
        return [(one.at_s - self.began_s) / 3600 for one in self.taken]

    def of(self, what: Callable[[Sample], float | None]) -> Points:
        """Return one series."""
        found = zip(self.hours, map(what, self.taken), strict=True)
        return [(at, value) for at, value in found if value is not None]

    async def take_until(self, done: "asyncio.Task[Any]", database: asyncpg.Connection, *, every_s: float) -> None:
        """Look every `every_s` until something is done, and say what was seen."""
        while not done.done():
            one = await self.take(database)
            memory = ", ".join(f"{name} {value:.0f}" for name, value in sorted(one.memory_mb.items()))
            sys.stdout.write(
                f"{self.hours[-1] * 60:7.1f} min {one.stored / 60:7.0f}/s stored, p99 {one.late_ms[1]:.0f} ms,"
                f" {one.connections} connections, disk {one.disk_mb:.0f} MB, memory MB: {memory}\n"
            )
            sys.stdout.flush()
            await asyncio.wait({done}, timeout=every_s)

    def memory_of(self, program: str) -> Points:
        """Return the memory of one program in MB."""
        return self.of(lambda one: one.memory_mb.get(program))

    def handles_of(self, program: str) -> Points:
        """Return the open files and sockets of one program."""
        return self.of(lambda one: one.handles.get(program))

    def charts(self) -> list[str]:
        """Return the charts that every long run has."""
        late = {"p50": self.of(lambda one: one.late_ms[0]), "p99": self.of(lambda one: one.late_ms[1])}
        return [
            chart("Memory of each program", "MB", {name: self.memory_of(name) for name in self.programs}),
            chart("Stored", "/s", {"readings": self.of(lambda one: one.stored / 60)}),
            chart("From the device to the commit", "ms", late),
            chart("Disk", "MB", {"state folder": self.of(lambda one: one.disk_mb)}),
        ]

    def as_json(self) -> list[dict[str, Any]]:
        """Return all looks for a report."""
        return [asdict(one) for one in self.taken]

    @property
    def programs(self) -> Sequence[str]:
        """Every program that was seen."""
        return sorted({name for one in self.taken for name in one.memory_mb})


def processes_of(system: System) -> dict[str, int]:
    """Return the process of every program as it is now."""
    found: dict[str, int] = json.loads((system.state_dir / "endpoints.json").read_text())["processes"]
    return found


def _held(name: str, pid: int) -> tuple[float, int]:
    memory, handles = 0.0, 0
    for process in tree(pid):
        with suppress(psutil.Error):
            memory += process.memory_full_info().uss / _MB
            handles += process.num_fds()
            if name == "postgres":  # a removed file that is still open is no longer among these, and counts
                handles -= sum("/base/" in file.path for file in process.open_files())
    return round(memory, 1), handles


def _disk_mb(folder: Path) -> float:
    servers = folder / "servers"
    total = 0
    for base in (folder, servers.resolve()) if servers.is_symlink() else (folder,):
        for path in base.rglob("*"):
            with suppress(OSError):
                if not path.is_symlink() and path.is_file():
                    total += path.stat().st_blocks * 512
    return round(total / _MB, 1)
