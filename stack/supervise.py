"""Keeps children running: a child that dies is started again at once, then with a growing pause below two seconds.

Called by `stack.up`. Promises: every new pid is reported; `stop` leaves none of them alive.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

_PAUSES_S = (0.0, 0.3, 0.8, 1.5)  # the contract: restarted within 2 s with a back-off
_STEADY_S = 30  # a child that ran this long starts again without a pause

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass
class Child:
    """One child: how to start it, how to know that it is ready, how to end it."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool]  # may block: called in a thread
    before: Callable[[], None] | None = None  # blocking work before every start, in a thread
    polite: signal.Signals = signal.SIGTERM
    hard: signal.Signals = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: float = field(default=0.0)

    async def start(self) -> None:
        """Start it once."""
        if self.before is not None:
            await asyncio.to_thread(self.before)
        self.process = self.spawn()
        self.started_at = time.monotonic()

    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll() if self.process is not None else None

    async def keep(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Start it again whenever it ends, for ever; call `changed` after each start."""
        falls = 0
        while True:
            while self.exit_code() is None:  # noqa: ASYNC110  a child's end is no event without a thread for each
                await asyncio.sleep(0.05)
            falls = 0 if time.monotonic() - self.started_at > _STEADY_S else falls + 1
            pause = _PAUSES_S[min(falls, len(_PAUSES_S) - 1)] if falls else 0.0
            log.warning("child ended", child=self.name, exit_code=self.exit_code(), restart_in_s=pause)
            await asyncio.sleep(pause)
            try:
                await self.start()
            except OSError as error:  # no memory, no file handles: try again after the next pause
                log.error("child does not start", child=self.name, error=str(error))  # noqa: TRY400
                continue
            self.restarts += 1
            await changed()

    async def stop(self, patience_s: float) -> None:
        """End it: politely, then hard."""
        process = self.process
        if process is None:
            return
        for number, patience in ((self.polite, patience_s), (self.hard, 0.7), (signal.SIGKILL, 1.0)):
            with suppress(ProcessLookupError):
                process.send_signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    return
                await asyncio.sleep(0.01)
