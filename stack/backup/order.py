"""What `firetower backup DIR` asks of the system that runs in a state folder: keep copies in DIR, and make one now.

Written by the command, read by `up` and the keeper. It lasts: `up` keeps copies there at every later start too.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stack.state import StateDir, write_private

_FILE = "backup.json"


@dataclass(frozen=True)
class BackupOrder:
    """Where copies are kept, and after which moment one has to begin."""

    folder: Path
    passphrase_file: Path | None = None
    asked_at: datetime | None = None


def read_order(state: StateDir) -> BackupOrder | None:
    """What was last asked for in this state folder."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        told = json.loads((state.path / _FILE).read_text(encoding="utf-8", errors="surrogateescape"))
        secret = told["passphrase_file"]
        return BackupOrder(Path(told["folder"]), Path(secret) if secret else None, datetime.fromisoformat(told["at"]))
    return None


def standing_order(state: StateDir, given: Path | None) -> BackupOrder | None:
    """Where copies are to be kept: what the environment says comes before what was asked for."""
    return BackupOrder(given.absolute()) if given is not None else read_order(state)


def ask_for_backup(state: StateDir, order: BackupOrder) -> None:
    """Ask the running system, and every later one, for copies.

    Raises:
        OSError: it cannot be written.
    """
    told = {
        "folder": str(order.folder),
        "passphrase_file": str(order.passphrase_file or ""),
        "at": order.asked_at.isoformat() if order.asked_at else "",
    }
    write_private(state.path / _FILE, json.dumps(told))
