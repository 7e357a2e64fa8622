"""Keeps children running: a child that dies is started again at once, then with a growing pause below two seconds.

Called by `stack.up`. Promises: every new pid is reported; one child that cannot start stops no other, and nothing that
goes wrong while supervising ends it; `stop` leaves none of them alive.
"""

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from services.core.log import logger
from services.core.text import describe_error

_PAUSES_S = (0.0, 0.3, 0.8, 1.5)  # the contract: restarted within 2 s with a back-off
_STEADY_S = 30  # a child that ran this long starts again without a pause
# The end, politely: the programs, the copies (counted from the beginning, never less than the difference), the servers.
# A server that does not listen then has 0.7 s to end at once: 4.7 s in all, below the contract's 5 s.
_PROGRAMS_S, _COPIES_UNTIL_S, _SERVERS_S, HARD_S = 2.0, 2.5, 1.5, 0.7

log = logger(__name__)


def _silent() -> str:
    return ""


def _unhindered() -> str | None:
    return None


@dataclass
class Child:
    """One child: how to start it, how to know that it is ready, how to end it."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool]  # may block: called in a thread
    before: Callable[[], None] | None = None  # blocking work before every start, in a thread
    hindrance: Callable[[], str | None] = _unhindered  # why it is not ready, for people; may block
    last_words: Callable[[], str] = _silent  # what it wrote last
    polite: signal.Signals = signal.SIGTERM
    hard: signal.Signals = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = None
    falls: int = 0  # in a row, without a steady run between
    started_at: float = field(default=0.0)

    async def start(self) -> None:
        """Start it once."""
        self.started_at = time.monotonic()
        self.process = None
        if self.before is not None:
            await asyncio.to_thread(self.before)
        self.process = self.spawn()

    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self.process.poll() if self.process is not None else None

    async def keep(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Start it again whenever it ends, for ever; call `changed` after each start."""
        while True:
            while self.process is not None and self.exit_code() is None:  # noqa: ASYNC110  no event tells of its end
                await asyncio.sleep(0.05)
            self.falls = 0 if time.monotonic() - self.started_at > _STEADY_S else self.falls + 1
            pause = _PAUSES_S[min(self.falls, len(_PAUSES_S) - 1)]
            if self.process is not None:
                log.warning(
                    "child_ended",
                    child=self.name,
                    exit_code=self.exit_code(),
                    restart_in_s=pause,
                    last_words=self.last_words(),
                )
            await asyncio.sleep(pause)
            try:
                await self.start()
                await changed()
            except Exception as error:  # noqa: BLE001  the border of supervision: whatever it is, try again and go on
                log.error("child_not_started", child=self.name, error=describe_error(error))  # noqa: TRY400

    async def stop(self, patience_s: float) -> None:
        """End it: politely, then hard."""
        process = self.process
        if process is None:
            return
        for number, patience in ((self.polite, patience_s), (self.hard, HARD_S), (signal.SIGKILL, 1.0)):
            with suppress(ProcessLookupError):
                process.send_signal(number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    return
                await asyncio.sleep(0.01)


async def end_all(
    programs: Sequence[Child],
    copies: Child | None,
    servers: Sequence[Child],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """End every child, the servers last.

    Programs first: they say goodbye to servers that still answer; then the copies get what these stored last.
    """
    began_s = clock()
    await asyncio.gather(*(child.stop(_PROGRAMS_S) for child in programs))
    if copies is not None:
        left_s = began_s + _COPIES_UNTIL_S - clock()
        await copies.stop(max(_COPIES_UNTIL_S - _PROGRAMS_S, left_s))
    await asyncio.gather(*(child.stop(_SERVERS_S) for child in servers))


async def for_ever(what: str, once: Callable[[], Awaitable[None]], *, every_s: float) -> None:
    """Do a duty again and again; one that fails is told of and done again the next time."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await once()
        except Exception:  # the same border
            log.exception("duty_failed", duty=what)
