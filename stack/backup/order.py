"""What `firetower backup DIR` asks of the system that runs in a state folder: keep copies in DIR, and make one now.

Written by the command, read by `up` and the keeper. It lasts: `up` keeps copies there at every later start too. What
`up` itself keeps to is noted for the command, which cannot see the environment of `up`.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from services.core.settings import BackupSettings
from stack.state import StateDir, write_private, write_when_changed

_FILE = "backup.json"
_AT_WORK = "backup/at_work.json"


@dataclass(frozen=True)
class BackupOrder:
    """Where copies are kept, and after which moment one has to begin."""

    folder: Path
    passphrase_file: Path | None = None
    asked_at: datetime | None = None

    @property
    def name(self) -> str:
        """What a copy that answers it repeats; the order of two moments says nothing once a clock was set."""
        return self.asked_at.isoformat() if self.asked_at is not None else ""

    def keeps_as(self, other: "BackupOrder") -> bool:
        """Whether who keeps to the other one need not begin anew for this one."""
        return (self.folder, self.passphrase_file) == (other.folder, other.passphrase_file)


def read_order(state: StateDir) -> BackupOrder | None:
    """What was last asked for in this state folder."""
    return _read(state.path / _FILE)


def standing_order(state: StateDir, settings: BackupSettings) -> BackupOrder | None:
    """Where copies are to be kept: what the environment says comes before what was asked for."""
    asked, secret = read_order(state), _absolute(settings.backup_passphrase_file)
    if settings.backup_dir is None:
        return replace(asked, passphrase_file=asked.passphrase_file or secret) if asked is not None else None
    folder = settings.backup_dir.absolute()
    if asked is None or asked.folder != folder:
        return BackupOrder(folder, secret)
    return replace(asked, passphrase_file=secret or asked.passphrase_file)


def ask_for_backup(state: StateDir, order: BackupOrder) -> None:
    """Ask the running system, and every later one, for copies.

    Raises:
        OSError: it cannot be written.
    """
    write_private(state.path / _FILE, _written(order))


def take_back(state: StateDir, before: BackupOrder | None) -> None:
    """Put back what was asked for before an order that the running system does not take."""
    if before is not None:
        ask_for_backup(state, before)
    else:
        (state.path / _FILE).unlink(missing_ok=True)


def note_at_work(state: StateDir, order: BackupOrder | None) -> None:
    """Note what `up` keeps to; None: nothing yet. Without room for it only the refusal of another order is missing."""
    path = state.path / _AT_WORK
    with suppress(OSError):
        if order is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(exist_ok=True, mode=0o700)
            write_when_changed(path, _written(order))


def order_at_work(state: StateDir) -> BackupOrder | None:
    """What the running `up` keeps to; None while it keeps no copies."""
    return _read(state.path / _AT_WORK)


def why_not_taken(at_work: BackupOrder | None, order: BackupOrder) -> str | None:
    """Why what runs will never do what was asked for, and the cure; None when it may."""
    if at_work is None:
        return None
    if at_work.folder != order.folder:
        return (
            f"the system keeps its copies in {at_work.folder}, as its environment says (FIRETOWER_BACKUP_DIR). The same"
            " command again makes a single copy here; to keep them here, change that setting and start it anew"
        )
    if at_work.name == order.name and order.passphrase_file not in (None, at_work.passphrase_file):
        return (
            f"the system encrypts its copies with {at_work.passphrase_file}, as its environment says"
            " (FIRETOWER_BACKUP_PASSPHRASE_FILE): change that setting and start it anew"
        )
    return None


def _read(path: Path) -> BackupOrder | None:
    with suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        secret, at = told["passphrase_file"], told["at"]
        asked_at = datetime.fromisoformat(at) if at else None
        return BackupOrder(Path(told["folder"]), Path(secret) if secret else None, asked_at)
    return None


def _written(order: BackupOrder) -> str:
    told = {"folder": str(order.folder), "passphrase_file": str(order.passphrase_file or ""), "at": order.name}
    return json.dumps(told)


def _absolute(path: Path | None) -> Path | None:
    return path.absolute() if path is not None else None
