"""A program that stores what the broker hands it, as the bench starts, kills and counts it.

Called by `bench.peers.story`. Promises: pure of who it is; a kill is SIGKILL of the program with its children.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.system import BenchFailed
from stack import children


@dataclass(slots=True)
class Contestant:
    """What runs, what it promises, and the statements that count what it stored."""

    name: str
    promise: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    moving: str  # statement: a number that grows while rows are stored
    kept: str  # statement: rows, distinct_rows, last_commit_s of a prefix of device codes
    session: str | None = None  # client id whose session of the broker ends with its turn
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it (main thread only)."""
        self.process = children.spawn(self.command, log=self.log, env=self.environment)

    def pid(self) -> int:
        """Its process.

        Raises:
            BenchFailed: it ended by itself.
        """
        if self.process is None or self.process.poll() is not None:
            code = None if self.process is None else self.process.returncode
            raise BenchFailed(f"{self.name} ended ({code}): {children.tail(children.read_log(self.log))}")
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory is short."""
        pid = self.pid()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # it has a session of its own
        if self.process is not None:
            self.process.wait()

    def stop(self) -> None:
        """End it politely."""
        if self.process is not None:
            children.stop(self.process, patience_s=10)
