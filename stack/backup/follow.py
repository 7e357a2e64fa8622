"""The continuous log: `pg_receivewal` writes it into the state folder, and every 20 s it is shipped from there.

Called by the keeper. Promises: in the backup folder there are whole files only; what was not shipped yet is kept here,
up to a bound past which receiving pauses and the server keeps the log itself; a log with a hole in it is noticed.
"""

import asyncio
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from services.core.clock import Clock
from services.core.errors import FiretowerError
from services.core.log import logger
from stack import children
from stack.backup.archives import as_of
from stack.backup.belongings import Belongings
from stack.backup.copies import STAMP, CopyFolder, Until
from stack.backup.sealed import Seal, Unreadable, compressed
from stack.backup.segments import Segment, cluster_of, position, segment_from
from stack.backup.server import STREAM, Server
from stack.holding import Hold, holder_of
from stack.state import StateDir

SLOT = "firetower_backup"
ONCE = "firetower_once_"  # and a number of its own: the slot of a copy that is made by hand
RECEIVED_WITHIN_S = 10.0  # the end of the log comes to us within this, or the next round takes it
_MOST_WAITING = 32  # segments, 512 MiB: past it the server keeps the log, which it bounds too
_OTHER = ("is ahead of the WAL flush position", "is not in this server's history")  # it never had what we have
_GONE = ("has already been removed", "has been invalidated", "cannot read from")  # what the server says of a lost log
_PAUSES_S = (0.5, 1.0, 2.0, 5.0)
log = logger(__name__)


class Follower:
    """Receives the log of one server and ships it into one folder."""

    def __init__(self, server: Server, folder: CopyFolder, seal: Seal, belongings: Belongings, slot: str) -> None:
        self._server, self._folder, self._seal, self._belongings = server, folder, seal, belongings
        self._slot = slot
        self._spool = belongings.state.path / "backup" / slot
        self._hold = Hold(_lock_of(self._spool))
        self._log = belongings.state.log("receivewal")
        self._process: subprocess.Popen[bytes] | None = None
        self._falls, self._again_at_s = 0, 0.0
        self._digest, self._belongings_at = "", folder.belongings_path
        self._at_work = asyncio.Lock()
        self._cluster: int | None = None
        self.segment_bytes = 2**24
        self._spool.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if slot != SLOT:
            self._hold.take()  # until we end, however that is: what is left is known by nobody's holding it
        self._spool.mkdir(exist_ok=True, mode=0o700)

    # --- receiving ---

    @property
    def receives(self) -> bool:
        """Whether the log comes in, and something of it is there."""
        return self._runs() and bool(self._kept())

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def receive(self) -> None:
        """Have the log come in: start the tool, or start it again after a pause.

        Raises:
            OSError, asyncpg.PostgresError, ChildError: the server does not answer, or refuses.
        """
        too_much = len(self._kept()) > _MOST_WAITING
        if self._runs():
            if too_much:
                self.stop()
            return
        if too_much or time.monotonic() < self._again_at_s:
            return
        self._again_at_s = time.monotonic() + _PAUSES_S[min(self._falls, len(_PAUSES_S) - 1)]
        self._falls += 1
        said = children.read_log(self._log) if self._process is not None else ""
        if any(word in said for word in (*_GONE, *_OTHER)):
            await self._begin_anew(said)
        await self._mend_slot()
        self._log.unlink(missing_ok=True)
        command, env = self._server.tool("pg_receivewal", *self._options("--no-loop"), application=STREAM)
        self._process = children.spawn(command, log=self._log, env=env)

    def _options(self, *more: str) -> list[str]:
        return ["-D", str(self._spool), "-S", self._slot, "--status-interval=1", "--no-password", *more]

    def _kept(self) -> list[Path]:
        return list(self._spool.iterdir())

    async def _begin_anew(self, said: str) -> None:
        """The server no longer has what comes next: go on at its present end. Only a new copy closes the gap.

        What is kept of a log that the server never had, or has lost, is of no use to anybody.
        """
        log.warning("backup_log_lost", last_words=children.tail(said))
        async with self._at_work:
            if any(word in said for word in _GONE):
                await asyncio.to_thread(self._ship_log)
            else:
                await self._refuse_put_back()
            for path in self._kept():
                path.unlink()

    async def _refuse_put_back(self) -> None:
        timeline, lsn = await self._server.place_in_log()
        here = position(lsn) // self.segment_bytes
        kept = await asyncio.to_thread(self._folder.segments, self.segment_bytes)
        if any(one.number > here and one.timeline >= timeline for one in kept):
            raise self._put_back(f"the database is at {lsn}, and its copies go further")

    def _put_back(self, found: str) -> FiretowerError:
        return FiretowerError(
            f"{found}: it was put back to an earlier state. Move {self._folder.path} away and run `firetower backup`"
            " again; what was lost is in it"
        )

    async def _mend_slot(self) -> None:
        """Make the slot that has the server keep the log for us, unless it is there and of use."""
        if await self._server.has_slot(self._slot):
            return
        options = self._options("--create-slot", "--if-not-exists")
        command, env = self._server.tool("pg_receivewal", *options, application=STREAM)
        await asyncio.to_thread(children.run_tool, command, env=env)

    @property
    def said(self) -> str:
        """What the tool wrote last."""
        return children.tail(children.read_log(self._log))

    def stop(self) -> None:
        """Stop receiving."""
        if self._process is not None:
            children.stop(self._process, patience_s=1)
            self._process = None

    async def forget(self) -> None:
        """Stop for good: the server keeps nothing more for us."""
        self.stop()
        await self._server.drop_slot(self._slot)
        for path in self._kept():
            path.unlink()
        self._spool.rmdir()
        _lock_of(self._spool).unlink(missing_ok=True)
        self._hold.release()

    # --- shipping ---

    async def ship(self, clock: Clock) -> Until | None:
        """Bring the folder to what is acknowledged now; how far it goes, or None when the log did not come in time.

        The belongings are read first and put in place last, so that they are never newer than the log beside them.

        Raises:
            OSError, asyncpg.PostgresError, FiretowerError: something does not answer or has no room.
        """
        async with self._at_work:
            with tempfile.TemporaryFile(dir=self._spool.parent) as packed:
                return await self._ship(packed, clock.now())

    async def _ship(self, packed: IO[bytes], began: datetime) -> Until | None:
        spoiled: Exception | None = None
        try:
            digest = await asyncio.to_thread(self._belongings.pack, packed)
        except (OSError, sqlite3.Error) as error:  # a damaged journal is told, and holds up no row
            spoiled, digest = error, self._digest
        at, lsn, writers = await self._server.written()
        try:
            came = await self._server.receives_up_to(self._slot, lsn, RECEIVED_WITHIN_S)
        except TimeoutError:
            came = False
        if came or self._runs():  # else it may be of a log that this server never had
            await asyncio.to_thread(self._ship_log)
        if spoiled is not None:
            raise FiretowerError(f"the belongings cannot be copied, the log is: {spoiled}") from spoiled
        if not came:
            return None
        lying = await asyncio.to_thread(self._folder.belongings)
        now_there = as_of(lying, began)  # another disk may be in its place, or the clock was set
        if digest != self._digest or now_there is None or now_there[2] != self._belongings_at:
            await asyncio.to_thread(self._ship_belongings, packed, began)
            self._digest = digest
        await asyncio.to_thread(self._ship_named, began)
        self._falls = 0
        until = Until(at, lsn, writers, began)
        await asyncio.to_thread(self._folder.write_until, until)
        return until

    def _ship_log(self) -> None:
        while not self._ship_round():
            pass

    def _ship_round(self) -> bool:
        """Ship what is there; False when a segment became whole meanwhile, and has another name."""
        log_path = self._folder.log_path
        for path in sorted(self._spool.glob("*.history")):
            self._seal.write(log_path / self._seal.name(f"{path.name}.gz"), path.read_bytes())
        for segment in self._waiting():
            try:
                content = segment.path.read_bytes()
            except FileNotFoundError:
                return False
            self._refuse_other(content)
            self._refuse_other_past(log_path / self._seal.name(f"{segment.name}.gz"), content)
            self._seal.write(log_path / self._seal.name(f"{segment.path.name}.gz"), content)
            if not segment.partial:
                for part in log_path.glob(f"{segment.name}.partial.gz*"):
                    part.unlink()
                segment.path.unlink()
        return True

    def _refuse_other(self, content: bytes) -> None:
        cluster = cluster_of(content)
        if cluster is None or cluster == self._cluster:
            return
        if not self._folder.belongs_to(cluster):
            raise FiretowerError(
                f"the log is of another database (system {cluster}) than the copies in {self._folder.path}: move that"
                " folder away and run `firetower backup` again, so that the two do not mix"
            )
        self._cluster = cluster

    def _refuse_other_past(self, kept: Path, content: bytes) -> None:
        """A segment that lies there whole can come again, but never with other records.

        One that cannot be read any more, because it is damaged or of an earlier passphrase, is replaced.
        """
        if not kept.exists():
            return
        whole = content
        with suppress(Unreadable):
            with self._seal.open(kept) as stream:
                found = stream.read()
            whole = found  # known to be whole only now
        if not whole.startswith(content.rstrip(b"\0")):
            raise self._put_back(f"the database writes {kept.name} a second time, with other records")

    def _waiting(self) -> Iterator[Segment]:
        # A segment is named without `.partial` once it is full and on our disk.
        found = (segment_from(path.with_name(f"{path.name}.gz"), self.segment_bytes) for path in self._spool.iterdir())
        for segment in sorted(one for one in found if one is not None):
            path = self._spool / segment.path.name.removesuffix(".gz")
            yield Segment(segment.number, segment.timeline, segment.partial, path)

    def _ship_belongings(self, packed: IO[bytes], at: datetime) -> None:
        packed.seek(0)
        name = self._seal.name(f"{at.strftime(STAMP)}.tar.gz")
        self._belongings_at = self._folder.belongings_path / name
        self._seal.write_packed(self._belongings_at, compressed(packed))

    def _ship_named(self, at: datetime) -> None:
        """Ship what the operator named, where it looks other than what lies there."""
        look = self._belongings.look_of_named()[:16]
        lying = as_of(self._folder.named(), at)
        if not look or (lying is not None and lying[1] == look):
            return
        with tempfile.TemporaryFile(dir=self._spool.parent) as packed:
            self._belongings.pack_named(packed)
            packed.seek(0)
            name = self._seal.name(f"{at.strftime(STAMP)}-{look}.tar.gz")
            self._seal.write_packed(self._folder.named_path / name, compressed(packed))


async def forget_ended(server: Server, state: StateDir) -> None:
    """Drop what copies by hand that were killed have left: a slot, for which the server keeps its log, and a spool.

    Raises:
        OSError, asyncpg.PostgresError: the server does not answer.
    """
    for spool in (state.path / "backup").glob(f"{ONCE}*"):
        # Its number may be that of another process by now, or of one in a container that we do not see.
        if spool.is_dir() and holder_of(_lock_of(spool)) is None:
            await server.drop_slot(spool.name)
            shutil.rmtree(spool)
            _lock_of(spool).unlink(missing_ok=True)


def _lock_of(spool: Path) -> Path:
    return spool.with_name(f"{spool.name}.lock")
