"""The gateway's memory on disk: synced before anything is confirmed. Used by intake.py, registry.py and main.py.

Promises: many writers share one commit; the event loop never waits for the disk; a disk that is full, read-only or away
ends nothing: fires are published meanwhile, nothing is confirmed, and all of it is written when there is room.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.core.aside import Unit
from services.core.backoff import pause_s
from services.core.clock import wait_at_most
from services.core.log import logger
from services.core.text import describe_error
from services.gateway.border import Border
from services.gateway.journal_file import Fault, JournalFile, Write, fault_of
from services.gateway.records import Record, Remembered, Statement, statements_of_all

log = logger(__name__)

AGAIN_FIRST_S, AGAIN_CAP_S = 0.5, 5.0
DISK = Unit("journal", "disk", fire=True)  # what is shown while it cannot be written


class Journal:
    """One file, one thread that writes it, one commit for all that waits.

    Set by main: `take_up` gets what a file held that could be opened only later, `remember` returns everything that
    must be in a file that had to be begun anew.
    """

    def __init__(self, path: Path, border: Border) -> None:
        self.file = JournalFile(path)
        self._border = border
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self.queue: list[Write] = []
        self._wake = asyncio.Event()
        self._failing = False
        self.take_up: Callable[[Remembered], None] = _nothing
        self.remember: Callable[[], Remembered] = Remembered

    @property
    def waiting(self) -> int:
        """How many writes are not on disk yet."""
        return len(self.queue)

    @property
    def is_failing(self) -> bool:
        """Whether the disk refuses writes at the moment."""
        return self._failing

    def load(self) -> Remembered:
        """Read all of it; called once, before `run`. A file that cannot be opened now is opened by `run`."""
        try:
            return self.file.open()
        except (sqlite3.Error, OSError) as error:
            self._note(error)
            return Remembered()

    def write(
        self,
        statements: list[Statement],
        then: Callable[[], None] | None = None,
        *,
        first: bool = False,
        landed: Callable[[], None] | None = None,
    ) -> None:
        """Queue statements, in order. `landed` and `then` are called once they are on disk, `first` ones before others.

        While the disk fails, `then` of the `first` ones is called without it: a fire is told, but not confirmed.
        """
        self.queue.append(Write(statements, then, landed, first))
        self._wake.set()

    def settle(self, record: Record, now_ms: int) -> None:
        """Note that all of a record is stored. Not waited for: after a crash it is published again, byte for byte."""
        record.settled_ms = now_ms
        self.write([("settle", (now_ms, record.id)), ("drop_messages", (record.id,))])

    async def run(self) -> None:
        """Commit what waits, all of it at once, until cancelled; then the rest."""
        attempt = 0
        if self._failing:
            self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if await self._store():
                    attempt = 0
                    continue
                await self._wait_out(pause_s(attempt, first_s=AGAIN_FIRST_S, cap_s=AGAIN_CAP_S))
                attempt += 1
                self._wake.set()
        finally:
            self._thread.shutdown(wait=True)
            try:
                self.file.commit(self.queue)
            except (sqlite3.Error, OSError) as error:
                log.error("journal_not_flushed", writes=len(self.queue), error=describe_error(error))  # noqa: TRY400
            self.file.close()

    async def _store(self) -> bool:
        """Write what waits; return whether it is on disk."""
        loop = asyncio.get_running_loop()
        batch: list[Write] = []
        try:
            if not self.file.is_open:
                found = await loop.run_in_executor(self._thread, self.file.open)
                with self._border.around(Unit("journal", "taking up", fire=True)):
                    self.take_up(found)
            batch, self.queue = self.queue, []
            spoiled = await loop.run_in_executor(self._thread, self.file.commit, batch)
        except (sqlite3.Error, OSError) as error:
            self.queue[:0] = [write for write in batch if not write.done]
            if fault_of(error) is Fault.DAMAGED:
                await self._begin_anew(error)
            else:
                self._note(error)
            self._tell(batch)
            return False
        for write, reason in spoiled:
            self._border.note(Unit("journal", f"write {write.statements[0][0]}", fire=write.first), reason)
        if self._failing:
            self._failing = False
            self._border.over(DISK.kind, DISK.name)
            log.info("journal_writable_again")
        self._tell(batch)
        self._tell_urgent([write for write, _ in spoiled])  # it has been published; it is merely never confirmed
        return True

    async def _begin_anew(self, error: Exception) -> None:
        """Write what is in memory into a new file. It includes everything that still waits to be written."""
        log.error("journal_unreadable", error=describe_error(error))
        statements = statements_of_all(self.remember())
        superseded = list(self.queue)
        for write in superseded:
            write.statements = ()
        self._border.note(Unit("journal", "damaged file", fire=True), error)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.file.begin_anew, statements)
        except (sqlite3.Error, OSError) as again:
            self.file.close()
            self.queue.insert(0, Write(statements))
            self._note(again)
            return
        for write in superseded:
            write.done = True
        self.queue = [write for write in self.queue if not write.done]
        self._tell(superseded)

    def _note(self, error: Exception) -> None:
        if not self._failing:
            log.warning("journal_not_writable", error=describe_error(error), cure="make room on the disk")
        self._failing = True
        self._border.note(DISK, error)

    def _tell(self, batch: list[Write]) -> None:
        for write in sorted(batch, key=lambda write: not write.first):
            if write.done and write.landed is not None:
                with self._border.around(Unit("journal", "landed", fire=write.first)):
                    write.landed()
            if write.done:
                self._call(write)

    def _tell_urgent(self, batch: list[Write]) -> None:
        for write in batch:
            if write.first:
                self._call(write)

    def _call(self, write: Write) -> None:
        if write.then is not None and not write.told:
            write.told = True
            with self._border.around(Unit("journal", "publishing", fire=write.first)):
                write.then()

    async def _wait_out(self, seconds: float) -> None:
        """Wait before the next attempt to write; a fire ends the wait."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left_s := until - loop.time()) > 0:
            self._tell_urgent(self.queue)
            await wait_at_most(self._wake, left_s)
            self._wake.clear()


def _nothing(_: Remembered) -> None:
    return None
