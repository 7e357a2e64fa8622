"""`firetower backup`, `backup verify` and `restore`. Called by the command line."""

import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from services.core import db
from services.core.clock import SystemClock, wait_at_most
from services.core.errors import BadSetting, FiretowerError
from services.core.log import configure_log, logger
from services.core.precedence import give_way
from services.core.settings import BackupSettings
from stack.backup.afterwards import next_steps
from stack.backup.copies import Copy, CopyFolder
from stack.backup.follow import ONCE
from stack.backup.keeper import STATUS_FILE, Keeper
from stack.backup.order import (
    BackupOrder,
    ask_for_backup,
    order_at_work,
    read_order,
    standing_order,
    take_back,
    why_not_taken,
)
from stack.backup.place import refuse_inside, refuse_vanished
from stack.backup.restore import Source, restore
from stack.backup.sealed import Seal
from stack.backup.server import Server
from stack.backup.verify import verify
from stack.binaries import BinariesMissingError, find_postgres
from stack.children import ChildError, stop_signals
from stack.postgres import Postgres
from stack.state import StateDir

_FAILURES = (ChildError, BinariesMissingError, OSError)
_LOOK_EVERY_S = 1.0
_AGAIN_S = 10.0  # until a folder or a passphrase is there
_NICENESS = 5  # of a full machine a third of what others get: the log has to keep up
log = logger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the command line asked for."""

    folder: Path
    state_dir: Path | None = None
    passphrase_file: Path | None = None
    follow: bool = False


def backup(asked: Asked) -> int:
    """Make a copy now; `follow`: keep copies until a signal. Under `up`, that goes on keeping them."""
    settings = _settings(asked)
    state = StateDir.open(asked.state_dir or settings.state_dir)
    folder = asked.folder.absolute()
    if any(folder.resolve().is_relative_to(data.resolve()) for data in state.data_folders()):
        _say(f"note: {folder} lies within {state.path} and would be lost with it: a folder on another disk is better")
    configure_log("backup", settings.log_level, settings.log_format)
    if asked.follow:
        kept_on = _with_standing_passphrase(settings, folder, state)
        return _run(lambda: asyncio.run(_follow(kept_on, folder, state)))
    _refuse_another_user(state)
    settings = _with_standing_passphrase(settings, folder, state)
    if _up_runs(state):
        kept = order_at_work(state) or standing_order(state, settings)
        if kept is None or kept.folder == folder:
            return _order(settings, folder, state)
    return _run(lambda: asyncio.run(_copy_once(settings, folder, state)))


def _settings(asked: Asked) -> BackupSettings:
    given, secret = BackupSettings.read(), asked.passphrase_file
    return given.model_copy(update={"backup_passphrase_file": secret.absolute()}) if secret is not None else given


def _with_standing_passphrase(settings: BackupSettings, folder: Path, state: StateDir) -> BackupSettings:
    """Return the settings with the passphrase that copies in this folder have, where none is given.

    Nobody means to have plain text beside what is encrypted.
    """
    standing = read_order(state)
    if settings.backup_passphrase_file is not None or standing is None or standing.folder != folder:
        return settings
    return settings.model_copy(update={"backup_passphrase_file": standing.passphrase_file})


def _server(settings: BackupSettings, state: StateDir) -> Server:
    """The database of the environment, else that of the state folder."""
    own = os.environ.get("FIRETOWER_DATABASE_URL", "")
    if own and settings.backup_database_url:
        return Server(settings.backup_database_url, own, find_postgres())
    kept = state.kept_secret("postgres_copier")
    if kept is not None and (not own or f":{state.known_port('postgres')}/" in own):
        server = Postgres(state, running=True)
        return Server(server.copier_dsn, server.dsn, server.binaries)
    if not own:
        raise BadSetting(
            f"{state.path} has no database: name its state folder in --state-dir, or FIRETOWER_DATABASE_URL"
        )
    return Server(own, own, find_postgres())


def _refuse_another_user(state: StateDir) -> None:
    """Refuse as root what a system that another user runs could not read: it would be waited for without end.

    Raises:
        FiretowerError: the system runs as another user.
    """
    holder = state.holder()
    if holder is None or holder.pid is None:
        return
    with suppress(psutil.Error):
        process = psutil.Process(holder.pid)
        if process.uids().effective != os.geteuid():
            who = process.username()
            raise FiretowerError(
                f"the system in {state.path} runs as {who}, who could neither read what we write there nor write beside"
                f" our copies: run this as {who} (sudo -u {who} …)"
            )


def _up_runs(state: StateDir) -> bool:
    with suppress(OSError, ValueError, KeyError):
        endpoints = json.loads((state.path / "endpoints.json").read_text(encoding="utf-8"))
        return "alerts" in endpoints["processes"] and state.holder() is not None
    return False


async def _follow(settings: BackupSettings, folder: Path, state: StateDir) -> None:
    give_way(_NICENESS)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if settings.ready_file is not None:
        settings.ready_file.touch()
    keeper = await _keeper_when_it_can(settings, folder, state, stopping)
    if keeper is not None:
        await keeper.run(stopping)


async def _keeper_when_it_can(
    settings: BackupSettings, folder: Path, state: StateDir, stopping: asyncio.Event
) -> Keeper | None:
    """The keeper, once folder and passphrase are there; until then the database is told, so that copies are overdue."""
    server, told = _server(settings, state), ""

    def begin() -> Keeper:
        refuse_vanished(state, folder)
        return Keeper(settings, folder, server, state, SystemClock())

    while not stopping.is_set():
        try:
            return await asyncio.to_thread(begin)
        except (FiretowerError, OSError) as error:
            db.pass_on_cancel()
            if told != (told := str(error)):
                log.warning("backup_hindered", work="folder", error=told)
        try:
            await server.note_hindrance(str(CopyFolder.of(folder, state.identity).path), told)
        except db.AWAY:  # nobody can be told; it is said in the log
            db.pass_on_cancel()
        await wait_at_most(stopping, _AGAIN_S)
    return None


async def _copy_once(settings: BackupSettings, folder: Path, state: StateDir) -> None:
    slot = f"{ONCE}{secrets.token_hex(4)}"
    keeper = Keeper(settings, folder, _server(settings, state), state, SystemClock(), slot=slot)
    work = asyncio.create_task(keeper.copy_once(), name="copy")
    for number in stop_signals():  # so that the server keeps no log for us
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    told = -1
    while not work.done():
        await asyncio.wait({work}, timeout=_LOOK_EVERY_S)
        if keeper.status.percent != told:
            told = keeper.status.percent
            _say(f"copying: {told} %")
    if work.cancelled():
        raise FiretowerError("stopped before the copy was whole: nothing was kept")
    _say_finished(keeper.folder, work.result())
    _say("the log is not followed from here: `firetower backup DIR --follow` does, and `up` with FIRETOWER_BACKUP_DIR")


def _order(settings: BackupSettings, folder: Path, state: StateDir) -> int:
    """Have the running system keep copies in `folder`, and wait for the one that begins now."""
    copies = CopyFolder.make(folder, state.identity)
    before, secret = read_order(state), settings.backup_passphrase_file and settings.backup_passphrase_file.absolute()
    Seal(secret)
    order, known = BackupOrder(folder, secret, datetime.now(UTC)), {copy.name for copy in copies.copies()}
    ask_for_backup(state, order)
    said = ""
    while (copy := _finished_since(copies, order, known)) is None:
        time.sleep(_LOOK_EVERY_S)
        if why := why_not_taken(order_at_work(state), order):
            take_back(state, before)
            raise FiretowerError(why)
        if not _up_runs(state):
            _say("the system ended before the copy was whole: it is begun again with the system")
            return 1
        now = _progress(state)
        if now != said:
            said = now
            _say(said)
    _say_finished(copies, copy)
    _say(f"the system in {state.path} goes on with the log every 20 s and makes a new copy every day")
    return 0


def _finished_since(folder: CopyFolder, order: BackupOrder, known: set[str]) -> Copy | None:
    def answers(copy: Copy) -> bool:
        if copy.answers or order.asked_at is None:
            return copy.answers == order.name
        return copy.started_at >= order.asked_at  # an earlier release runs, and says no more

    with suppress(OSError):
        return next((copy for copy in folder.copies() if answers(copy) and copy.name not in known), None)
    return None


def _progress(state: StateDir) -> str:
    with suppress(OSError, ValueError, KeyError):
        status = json.loads((state.path / STATUS_FILE).read_text(encoding="utf-8"))
        return f"{status['phase']}: {status['percent']} %" + (f"; {status['error']}" if status["error"] else "")
    return "waiting for the system to begin"


def verify_copy(folder: Path, passphrase_file: Path | None, scratch: Path | None) -> int:
    """Prove that the newest copy restores; 1 when something is wrong with it."""

    def work() -> int:
        source = _source(folder, passphrase_file, None)
        findings = verify(source, scratch, _say)
        for name, count in findings.counts.items():
            _say(f"  {name:<24} {count}")
        for fault in findings.faults:
            _say(f"FAULT {fault}")
        if not findings.faults:
            end = f", complete up to {source.until.at.astimezone():%F %T %z}" if source.until else ""
            _say(f"the copy {source.copy.name} restores{end}; {findings.chains} chains of evidence fit")
        return 1 if findings.faults else 0

    return _run(work)


def restore_copy(folder: Path, state_dir: Path, at: str | None, passphrase_file: Path | None) -> int:
    """Make a state folder as the system was."""

    def work() -> int:
        refuse_inside(folder, state_dir)
        source = _source(folder, passphrase_file, moment(at))
        state = StateDir.open(state_dir)
        with state.held():
            restored = restore(source, state, _say)
            restored.postgres.stop()
        for line in (*restored.notes, *next_steps(state, folder, source.seal.passphrase_file)):
            _say(line)
        return 0

    return _run(work)


def _source(folder: Path, passphrase_file: Path | None, at: datetime | None) -> Source:
    passphrase_file = passphrase_file or BackupSettings.read().backup_passphrase_file
    found = CopyFolder.find(folder.absolute())
    until = found.until()
    if at is not None and until is not None and at > until.at:
        raise FiretowerError(
            f"the log goes up to {until.at.astimezone():%F %T %z}, what came between that and --at is not in it: leave"
            " out --at to have all there is; while the system runs, more comes every 20 s"
        )
    return Source(found, Seal(passphrase_file), found.choose(at), at, until)


def moment(text: str | None) -> datetime | None:
    """A moment as people write it; without an offset it is this machine's time, and people are told so.

    Raises:
        FiretowerError: it is not a moment.
    """
    if text is None:
        return None
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise FiretowerError(f"--at: {text!r} is not a moment like 2026-11-28T08:30:00+08:00") from None
    if written.tzinfo is None:  # on another machine, or in another container, it is another moment
        read_as = written.astimezone().isoformat(timespec="seconds")
        _say(f"--at has no offset: read in this machine's time zone, as {read_as}")
    return written.astimezone(UTC)


def _run(work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except ConnectionError as error:
        raise FiretowerError(f"the database does not answer: does the system run? ({error})") from None
    except _FAILURES as error:
        raise FiretowerError(str(error)) from None


def _say_finished(folder: CopyFolder, copy: Copy) -> None:
    _say(f"copy {copy.name} is whole: {copy.size_bytes / 2**20:.1f} MiB in {folder.path}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
