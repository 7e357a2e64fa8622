"""A new state folder as a system was at a moment: belongings, base copy, log, and what must not be used twice.

Called by the command line and by the verification. Promises: nothing is written over; the restored system has an
identity and a timeline of its own; numbers that may be known elsewhere are not given again.
"""

import os
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.core.errors import FiretowerError
from stack import children
from stack.backup.archives import as_of
from stack.backup.belongings import unpack
from stack.backup.copies import Copy, CopyFolder, NoCopy, Until
from stack.backup.sealed import Seal, Unreadable, chunks_of
from stack.backup.segments import Log
from stack.backup.settle import settle
from stack.binaries import PostgresBinaries, find_postgres, numbers
from stack.postgres import Postgres, tool_env
from stack.room import is_full
from stack.state import StartFailed, StateDir, write_private

_LOOK_EVERY_S = 0.5
_STOP_S = 600.0  # the first checkpoint after a recovery writes all that was replayed
_LAST_COMMIT = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_NOT_REACHED = "recovery ended before configured recovery target was reached"
_HBA = """# written by a restoration: as initdb makes it for us
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
local replication all scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """What is to be restored."""

    folder: CopyFolder
    seal: Seal
    copy: Copy
    at: datetime | None  # None: as far as the log goes
    until: Until | None  # how far it goes: read before the log is looked at, which grows meanwhile

    def log(self) -> Log:
        """What is replayed: all that came after the copy; for a moment, all that came before a gap.

        Raises:
            NoCopy: it has a gap where none may be.
        """
        if self.at is None:
            return Log(self.folder.log_after(self.copy, self.until))
        return self.folder.log_up_to_gap(self.copy, self.until)

    def belongings(self) -> Path:
        """The belongings as they were at the moment, or shortly before.

        Raises:
            FiretowerError: there are none.
        """
        found = as_of(self.folder.belongings(), self._moment)
        if found is None:
            raise FiretowerError(f"{self.folder.belongings_path} holds no belongings of that time")
        return found[2]

    def named(self) -> Path | None:
        """What the operator named, as it was at the moment, or the first that was kept; None when there is none."""
        found = as_of(self.folder.named(), self._moment)
        return found[2] if found is not None else None

    @property
    def _moment(self) -> datetime | None:
        """When the archives lay there that belong to the end of what is replayed."""
        if self.at is not None or self.until is None:
            return self.at
        return self.until.shipped_at or self.until.at


@dataclass(frozen=True)
class Restored:
    """What came of it."""

    postgres: Postgres
    notes: Sequence[str]  # what a person has to do


def restore(source: Source, state: StateDir, say: Say) -> Restored:
    """Make an empty state folder into that of the system; the caller holds it.

    Raises:
        FiretowerError, ChildError, OSError: what hinders it; the folder is of no use then.
    """
    _refuse_used(state)
    try:
        return _restore(source, state, say)
    except (FiretowerError, children.ChildError, OSError) as error:
        if not is_full(state.data_folders()):
            raise
        cure = "name one on a disk with more: --state-dir of restore, --scratch of verify"
        raise StartFailed(f"there is no room left for {state.path}: {cure} ({error})") from error


def _restore(source: Source, state: StateDir, say: Say) -> Restored:
    copy = source.copy
    binaries = find_postgres(_major(copy))
    _refuse_other_version(copy, binaries)
    log = source.log()
    say(f"copy {copy.name} ({copy.size_bytes / 2**20:.0f} MiB), {len(log.segments)} segments of the log")
    notes: list[str] = []
    for archive in filter(None, (source.belongings(), source.named())):
        with source.seal.open(archive) as packed:
            notes += unpack(packed, state)
            deque(chunks_of(packed), maxlen=0)  # only at its end is it known whether the file is whole
    server = Postgres(state, binaries=binaries)
    _unpack_base(source, server, say)
    log_path = server.data.with_name("log")
    log = _unpack_log(source, log, log_path, say)
    server.prepare()
    _replay(server, source.at, log, say)
    settle(server, source.copy, source.at, state)
    shutil.rmtree(log_path)
    return Restored(server, notes)


def _refuse_used(state: StateDir) -> None:
    of_every_folder = {"logs", "supervisor.pid", "identity.json", "lost+found"}
    used = sorted({path.name for path in state.path.iterdir()} - of_every_folder)
    if used:
        raise StartFailed(f"{state.path} is not empty ({used[0]} is there): name a folder that does not exist yet")


def _major(copy: Copy) -> str:
    return copy.postgres.split(".")[0]


def _refuse_other_version(copy: Copy, ours: PostgresBinaries) -> None:
    if _major(copy) != ours.major:
        raise StartFailed(
            f"the copy is of PostgreSQL {copy.postgres}, here is {ours.version}: name an installation of its version"
            " in FIRETOWER_STACK_PREFIX; a newer one can take it over with pg_upgrade afterwards"
        )
    if numbers(copy.timescaledb) > numbers(ours.timescaledb):
        raise StartFailed(
            f"the copy is of TimescaleDB {copy.timescaledb}, here is {ours.timescaledb}: name an installation with its"
            " version or a newer one in FIRETOWER_STACK_PREFIX"
        )


def _unpack_base(source: Source, server: Postgres, say: Say) -> None:
    server.data.mkdir(mode=0o700)
    _give_to_server(server.data)
    path = source.folder.base(source.copy)
    user = children.unprivileged()
    told_s = time.monotonic()
    done = 0
    with source.seal.open(path) as content:
        with subprocess.Popen(  # noqa: S603
            ["/bin/tar", "-xf", "-", "-C", str(server.data)],  # as the server's user: what it makes is its own
            stdin=subprocess.PIPE,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            preexec_fn=children.die_with_parent(),  # noqa: PLW1509
        ) as tar:
            assert tar.stdin is not None  # noqa: S101
            with suppress(BrokenPipeError):  # its exit code says it
                for chunk in chunks_of(content):
                    tar.stdin.write(chunk)
                    done += len(chunk)
                    if time.monotonic() - told_s > 5:
                        told_s = time.monotonic()
                        say(f"unpacking: {done / 2**20:.0f} MiB")
                tar.stdin.close()
        if tar.returncode != 0:
            raise Unreadable(f"{path} cannot be unpacked into {server.data}: tar ended with {tar.returncode}")
    say(f"unpacked {done / 2**20:.0f} MiB; comparing every file with the copy's own list")
    command = [server.binaries.program("pg_verifybackup"), "--no-parse-wal", "--quiet", str(server.data)]
    children.run_tool(command, drop_root=True, env=tool_env())


def _unpack_log(source: Source, log: Log, place: Path, say: Say) -> Log:
    """Unpack the log; what of it can be read. For a moment, what cannot be read is a gap like any other."""
    place.mkdir(mode=0o700)
    told_s = time.monotonic()
    for path in source.folder.histories():
        _unpack_one(source, path, place / path.name.partition(".gz")[0])
    for number, segment in enumerate(log.segments):
        try:
            _unpack_one(source, segment.path, place / segment.name)
        except Unreadable as error:
            if source.at is None or segment.number <= source.copy.last_segment:
                raise
            (place / segment.name).unlink(missing_ok=True)
            log = Log(log.segments[:number], str(error))
            break
        if time.monotonic() - told_s > 5:
            told_s = time.monotonic()
            say(f"unpacking the log: {number} of {len(log.segments)}")
    _give_to_server(place)
    return log


def _unpack_one(source: Source, path: Path, target: Path) -> None:
    whole = path.with_name(path.name.replace(".partial", ""))  # what a running system makes of the last one
    with source.seal.open(path if path.exists() else whole) as content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
    _give_to_server(target)


def _give_to_server(path: Path) -> None:
    if user := children.unprivileged():
        os.chown(path, user.pw_uid, user.pw_gid)


def _replay(server: Postgres, at: datetime | None, log: Log, say: Say) -> None:
    """Let the server replay the log, up to the moment or the end, and become a primary on a timeline of its own.

    Raises:
        NoCopy: the moment lies behind a gap.
    """
    names = [segment.name for segment in log.segments]
    for name, text in (("recovery.signal", ""), ("pg_hba.conf", _HBA), ("postgresql.auto.conf", "")):
        write_private(server.data / name, text)
        _give_to_server(server.data / name)
    (server.data / "standby.signal").unlink(missing_ok=True)
    settings = {
        # run in the data folder, so that no name has to be quoted
        "restore_command": "test -f ../log/%f && echo %f >../log/asked && cp ../log/%f %p",
        "hot_standby": "off",  # nobody looks on, and the copied server's limits need not be ours
        "archive_mode": "off",
        "recovery_target_action": "promote",
    }
    say("replaying the log")
    target = {} if at is None else {"recovery_target_time": at.isoformat()}
    try:
        _run_to_the_end(server, settings | target, names, say)
    except children.ChildError as error:
        if _NOT_REACHED not in str(error):
            raise
        if log.gap:
            last = _LAST_COMMIT.search(str(error))
            cure = f"the last commit before it was at {last[1]}" if last else "nothing was committed before it"
            raise NoCopy(f"{log.gap}; it lies before the moment of --at: {cure}") from None
        say("nothing was committed after that moment")
        _run_to_the_end(server, settings, names, say)


def _run_to_the_end(server: Postgres, settings: dict[str, str], names: Sequence[str], say: Say) -> None:
    server.clear_wreck()
    process = server.spawn(settings)
    asked, told = server.data.parent / "log/asked", ""
    while (server.data / "recovery.signal").exists() or not server.is_ready():
        if process.poll() is not None:
            raise children.ChildError(f"the log cannot be replayed: {children.tail(children.read_log(server.log))}")
        time.sleep(_LOOK_EVERY_S)
        with suppress(OSError):
            name = asked.read_text().strip()
            if name != told and name in names:
                told = name
                say(f"replaying: {names.index(name) + 1} of {len(names)}")
    server.stop_process(_STOP_S)
