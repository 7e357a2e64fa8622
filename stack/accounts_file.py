"""The broker's file of accounts, and the copy beside it: the broker alone knows what the devices sign in with.

Called by `stack.mosquitto` at every start, and by the supervisor meanwhile. Promises: a file that cannot be read is put
aside, never overwritten; the devices in the copy get in as before; `found` says in one line what happened.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.core.log import logger
from stack import children
from stack.accounts import SERVICES, accounts_file
from stack.state import write_private

log = logger(__name__)


class AccountsFile:
    """`accounts.json` in the broker's folder. `found`: what was wrong with it at this start; empty when nothing was."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "accounts.json"
        self.found = ""
        self._copy = folder / "accounts-copy.json"
        self._copied: tuple[int, int] | None = None  # when the file was last changed and how large it was, as copied

    def write(self, ours: Mapping[str, str]) -> None:
        """Write it for a start: our own accounts with these passwords, and every device's that is known.

        Raises:
            OSError: there is no room, and no file of the last run that would do.
        """
        known = self._read()
        stands = known is not None and not self.found
        try:
            write_private(self.path, json.dumps(accounts_file(ours, known or self._read_copy()), indent=1))
        except OSError:
            if not stands:
                raise  # else the file of the last run will do, as on a full disk
        if user := children.unprivileged():
            os.chown(self.path, user.pw_uid, user.pw_gid)

    def is_whole(self) -> bool:
        """Whether the broker can start with it."""
        try:
            _parse(self.path)
        except (OSError, ValueError):
            return False
        return True

    def devices(self) -> set[str]:
        """The devices that have an account now.

        Raises:
            OSError, ValueError: it cannot be read.
        """
        return {client["username"] for client in _parse(self.path)["clients"] if "." not in client["username"]}

    def has(self, username: str) -> bool:
        """Whether it holds this account now; not when it cannot be read."""
        with suppress(OSError, ValueError):
            return any(client["username"] == username for client in _parse(self.path)["clients"])
        return False

    def keep_copy(self) -> None:
        """Copy it when it has changed; a file that cannot be read, or a disk without room, leaves the copy as it is."""
        with suppress(OSError, ValueError):
            look = self.path.stat()
            if (look.st_mtime_ns, look.st_size) != self._copied:
                write_private(self._copy, json.dumps(_parse(self.path), indent=1))
                self._copied = (look.st_mtime_ns, look.st_size)

    def _read(self) -> dict[str, Any] | None:
        """What stands in the file; None when there is none, or none that can be read."""
        try:
            with suppress(PermissionError):
                return _parse(self.path)
            self.path.chmod(0o600)  # it is ours: somebody took the right to read it away
            return _parse(self.path)
        except FileNotFoundError:
            if self._copy.exists():
                self._say("the file is missing")
        except (OSError, ValueError) as error:
            aside = self.path.with_name(f"accounts-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.json")
            self.path.rename(aside)
            self._say(f"{error}; put aside as {aside}")
        return None

    def _read_copy(self) -> dict[str, Any] | None:
        if not self.found:
            return None
        try:
            copy = _parse(self._copy)
        except (OSError, ValueError) as error:
            self._say(f"there is no copy to bring the devices' accounts back from ({error})")
            return None
        at = datetime.fromtimestamp(self._copy.stat().st_mtime, UTC)
        count = sum("." not in client["username"] for client in copy["clients"])
        self._say(f"{count} devices' accounts are back from the copy of {at:%F %T} UTC")
        return copy

    def _say(self, text: str) -> None:
        self.found = f"{self.found}; {text}" if self.found else f"the broker's accounts in {self.path}: {text}"
        log.error("broker_accounts_damaged", found=self.found)


def _parse(path: Path) -> dict[str, Any]:
    """What the file says.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is not what the broker's plug-in writes.
    """
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no whole JSON document: {error}") from None
    clients = found.get("clients") if isinstance(found, dict) else None
    if not isinstance(clients, list):
        raise ValueError("it has no list of clients")  # noqa: TRY004 - what is wrong is the file, not the program
    if not all(isinstance(client, dict) and isinstance(client.get("username"), str) for client in clients):
        raise ValueError("one of its clients has no username")
    if not any(client["username"] == SERVICES for client in clients):
        raise ValueError("our own account is not in it")
    whole: dict[str, Any] = found
    return whole
