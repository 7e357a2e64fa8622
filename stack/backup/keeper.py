"""Keeps the copies of one system: the log all the time, a base copy a day, old ones until they are not wanted any more.

Run by `firetower backup`, under `up` or by itself. Promises: what is away (server, folder, room) is waited for and told
of, in the database for the alarm `backup_overdue` and in the state folder for people; nothing of the running system
waits for it.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from services.core import db
from services.core.clock import Clock, wait_at_most
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.settings import BackupSettings
from services.core.text import describe_error
from stack.backup.belongings import Belongings
from stack.backup.copies import Copy, CopyFolder, NoCopy, Until
from stack.backup.follow import SLOT, Follower, forget_ended
from stack.backup.order import BackupOrder, read_order
from stack.backup.place import alone, remember
from stack.backup.sealed import Seal
from stack.backup.segments import position
from stack.backup.server import Server
from stack.backup.take import BaseCopy, CopyFailed
from stack.children import ChildError
from stack.state import StateDir, write_when_changed

SHIP_EVERY_S = 20.0  # 60 s are promised: a round that fails is made good by the next
STATUS_FILE = "backup/status.json"
_TURN_S = 1.0
_LAST_SHIPMENT_S = 10.0  # at the end; under `up`, which ends within 5 s, it is cut shorter
_COPY_AGAIN_S = 60.0  # after one that failed
_SLOW_AFTER_S = 60.0  # a folder that hangs, as of a file server that is away, raises no error
_CLOCKS_DIFFER = timedelta(hours=1)  # a copy that was begun later than that from now was begun by a wrong clock
_HINDRANCES = (*db.AWAY, FiretowerError, ChildError, sqlite3.Error)
log = logger(__name__)


@dataclass
class Status:
    """What people are shown of a backup at work."""

    folder: str
    phase: str = "starting"
    percent: int = 0
    copy: str = ""  # the newest finished one
    copied_at: str = ""
    logged_until: str = ""
    error: str = ""


class Keeper:
    """Keeps one system's copies in one folder."""

    def __init__(
        self,
        settings: BackupSettings,
        root: Path,
        server: Server,
        state: StateDir,
        clock: Clock,
        *,
        slot: str = SLOT,
        ship_every_s: float = SHIP_EVERY_S,
    ) -> None:
        self.folder = CopyFolder.make(root, state.identity)
        self._settings, self._server, self._state, self._clock = settings, server, state, clock
        self._ship_every_s = ship_every_s
        self._seal = seal = Seal(settings.backup_passphrase_file)
        belongings = Belongings(state, os.environ, settings.also)
        self._follower = Follower(server, self.folder, seal, belongings, slot)
        self._base = BaseCopy(server, self.folder, seal)
        if slot == SLOT:
            remember(state, self.folder)
        self._copies: list[Copy] = []  # as they were found last: looking may take for ever
        self._fitting: tuple[str, str] | None = None  # the copy and the passphrase that fit each other
        self._shipping_since_s: float | None = None
        self._pending: Copy | None = None  # made; it waits for the log to reach its end
        self._until: Until | None = None
        self._errors: dict[str, str] = {}  # by what failed
        self.status = Status(str(self.folder.path))

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep until told to stop.

        Raises:
            InUse: somebody else does.
        """
        with alone(self._state, self.folder):
            await self._run(stopping)

    async def _run(self, stopping: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(work, name=name)
                    for name, work in (
                        ("log", self._keep_log()),
                        ("copies", self._keep_copies()),
                        ("status", self._tell()),
                    )
                ]
                shipping = tasks.create_task(self._keep_shipping(stopping), name="shipping")
                await stopping.wait()
                for task in running:
                    task.cancel()
                await asyncio.wait({shipping}, timeout=_LAST_SHIPMENT_S)
                shipping.cancel()
        finally:
            self._base.stop()
            self._follower.stop()

    async def copy_once(self) -> Copy:
        """Make one copy with the log up to its end, and leave nothing behind in the server.

        Raises:
            FiretowerError, ChildError, OSError, asyncpg.PostgresError: what hinders it.
        """
        with alone(self._state, self.folder):
            return await self._copy_once()

    async def _copy_once(self) -> Copy:
        try:
            await forget_ended(self._server, self._state)
            while not self._follower.receives:
                await self._follower.receive()
                await asyncio.sleep(_TURN_S)
                if self._follower.said and not self._follower.receives:
                    log.warning("backup_log_missing", last_words=self._follower.said)
            copy = await self._base.take(self._clock, self._progress, quick=True)
            while (until := await self._follower.ship(self._clock)) is None or not _reaches(until, copy):
                await self._follower.receive()
            self._base.finish(copy)
            return copy
        finally:
            self._base.stop()
            await self._follower.forget()

    # --- the log ---

    async def _keep_log(self) -> None:
        """Apart from shipping, so that a folder that hangs cannot make what waits for it grow without bound."""
        tidy = False
        while True:
            tidy = tidy or await self._try("slots", forget_ended(self._server, self._state))
            await self._try("log", self._follower.receive())
            await asyncio.sleep(_TURN_S)

    async def _keep_shipping(self, stopping: asyncio.Event) -> None:
        """Ship in turns, and once more at the end: a system that was stopped comes back as it was when it stopped."""
        due_s = 0.0
        while not stopping.is_set():
            now_s = self._clock.monotonic()
            if now_s >= due_s or (self._pending is not None and now_s >= due_s - self._ship_every_s + 2):
                due_s, self._shipping_since_s = now_s + self._ship_every_s, now_s
                await self._try("retention", self._let_go())  # first: in a full folder it makes the room
                await self._try("shipping", self._ship())
                self._shipping_since_s = None
            await wait_at_most(stopping, _TURN_S)
        if self._follower.receives:
            await self._try("shipping", self._ship())

    async def _ship(self) -> None:
        until = await self._follower.ship(self._clock)
        if until is None:
            raise FiretowerError(f"the log does not come in: {self._follower.said}")
        self._until = until
        if self._pending is not None and _reaches(until, self._pending):
            try:
                await asyncio.to_thread(self._base.finish, self._pending)
            except CopyFailed:
                self._pending = None  # another one is made
                raise
            log.info("backup_copy_finished", copy=self._pending.name, size_bytes=self._pending.size_bytes)
            self._pending = None
            self.status.phase, self.status.percent = "following", 100

    async def _let_go(self) -> None:
        gone = await asyncio.to_thread(self.folder.prune, self._settings.backup_keep, self._clock.now())
        for name in gone:
            log.info("backup_copy_removed", copy=name)

    # --- base copies ---

    async def _keep_copies(self) -> None:
        while True:
            await asyncio.sleep(_TURN_S)
            if not await self._try("copies", self._look()):
                continue
            if self._pending is not None or not self._follower.receives:
                continue
            if not await self._try("copy", self._copy_when_due()):
                await asyncio.sleep(_COPY_AGAIN_S)

    async def _look(self) -> None:
        self._copies = await asyncio.to_thread(self.folder.copies)

    def why_due(self, copies: Sequence[Copy]) -> str | None:
        """Why a base copy has to begin now, beside those that are there; None when none has to."""
        newest = copies[-1] if copies else None
        if newest is None:
            return "first"
        if self._clock.now() < newest.started_at - _CLOCKS_DIFFER:
            return "the clock was set back"
        if not self._fits(newest):
            return "the passphrase is another one"
        if self._is_asked_for(newest):
            return "asked for"
        try:
            segments = self.folder.log_after(newest)
        except NoCopy as gap:
            return str(gap)
        if any(segment.timeline != newest.timeline for segment in segments):
            return "another server is the primary"
        age = self._clock.now() - newest.started_at
        return "daily" if age > timedelta(hours=self._settings.backup_every_h) else None

    def _is_asked_for(self, newest: Copy) -> bool:
        order = self._order()
        if order is None or order.asked_at is None or order.name == newest.answers:
            return False
        return bool(newest.answers) or order.asked_at > newest.started_at

    def _order(self) -> BackupOrder | None:
        """What was asked for, if that is of us: `up` may be about to begin anew with another passphrase."""
        order = read_order(self._state)
        if order is None or CopyFolder.of(order.folder, self._state.identity).path != self.folder.path:
            return None
        return order if order.passphrase_file in (None, self._settings.backup_passphrase_file) else None

    def _fits(self, newest: Copy) -> bool:
        """Whether the log after a copy can be read by whoever can read the copy."""
        both = (newest.name, self._seal.passphrase())
        if self._fitting != both and self._seal.fits(self.folder.base(newest)):
            self._fitting = both
        return self._fitting == both

    async def _copy_when_due(self) -> None:
        why = await asyncio.to_thread(self.why_due, self._copies)
        if why is None:
            return
        log.info("backup_copy_begun", why=why)
        await self._copy(quick=why != "daily")

    async def _copy(self, *, quick: bool) -> None:
        self.status.phase, self.status.percent = "copying", 0
        order = self._order()
        answers = order.name if order is not None else ""
        self._pending = await self._base.take(self._clock, self._progress, quick=quick, answers=answers)

    def _progress(self, percent: int) -> None:
        self.status.percent = percent
        log.debug("backup_copying", percent=percent)

    # --- telling ---

    async def _try(self, what: str, work: Coroutine[None, None, None]) -> bool:
        """Do a piece of work; what hinders it is told, and it is done again in its turn."""
        try:
            await work
        except _HINDRANCES as error:
            db.pass_on_cancel()
            said = describe_error(error)
            if self._errors.get(what) != said:
                log.warning("backup_hindered", work=what, error=said)
            self._errors[what] = said
            return False
        self._errors.pop(what, None)
        return True

    async def _tell(self) -> None:
        told_at_s = -SHIP_EVERY_S
        while True:
            newest = self._copies[-1] if self._copies else None
            if newest is not None:
                self.status.copy, self.status.copied_at = newest.name, newest.started_at.isoformat()
            self.status.logged_until = self._until.at.isoformat() if self._until else ""
            since_s, errors = self._shipping_since_s, dict(self._errors)
            if since_s is not None and (for_s := self._clock.monotonic() - since_s) > _SLOW_AFTER_S:
                errors["shipping"] = f"the folder has not answered for {for_s:.0f} s"
            self.status.error = "; ".join(f"{what}: {error}" for what, error in sorted(errors.items()))
            with suppress(OSError):
                write_when_changed(self._state.path / STATUS_FILE, json.dumps(asdict(self.status)))
            if self._clock.monotonic() - told_at_s >= SHIP_EVERY_S / 2:
                told_at_s = self._clock.monotonic()
                await self._try("status", self._note(newest))
            await asyncio.sleep(_TURN_S)

    async def _note(self, newest: Copy | None) -> None:
        await self._server.note(
            str(self.folder.path),
            len(self._copies),
            newest.started_at if newest else None,
            self._until.at if self._until else None,
            self.status.error,
        )


def _reaches(until: Until, copy: Copy) -> bool:
    return position(until.lsn) >= position(copy.end_lsn)
