"""Who uses a state folder and the data of its servers: one process each, by locks that the kernel keeps.

Called by `stack.state`, the servers and `stack.control`. Promises: a lock ends with its process, however that ends; a
pid is believed only together with the start time of its process, so that a reused one is never signalled.
"""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_LOOKS = 10  # whoever only asks holds the lock for a moment, which must not make a start fail
_LOOK_PAUSE_S = 0.02


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, as far as its file says."""

    pid: int | None  # None: not told, or not a process that we can see (another container's)

    def __str__(self) -> str:
        return f"process {self.pid}" if self.pid is not None else "a process that cannot be seen from here"


class Hold:
    """The lock of one file, free until `take`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def take(self) -> Holder | None:
        """Take it, or say who has it. The object that has it may take it again.

        Raises:
            OSError: the file cannot be opened.
        """
        if self._file is not None:
            return None
        file = self.path.open("a+", encoding="ascii")
        for look in range(_LOOKS):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if look == _LOOKS - 1:
                    file.close()
                    return holder_of(self.path) or Holder(None)
                time.sleep(_LOOK_PAUSE_S)
            else:
                break
        self._file = file
        self._sign(f"{os.getpid()}\n{_started(os.getpid())}\n")
        return None

    def release(self) -> None:
        """Give it back; does nothing when it is not held."""
        if self._file is not None:
            self._sign("")
            with suppress(OSError):
                self._file.close()
            self._file = None

    def __del__(self) -> None:
        """Give it back with the object that took it."""
        with suppress(OSError):
            self.release()

    def _sign(self, text: str) -> None:
        if self._file is not None:
            with suppress(OSError):  # on a full disk the lock holds without a name in it
                self._file.truncate(0)
                self._file.write(text)
                self._file.flush()


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock of this file, or None."""
    try:
        file = path.open(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, started = file.read().strip().partition("\n")
            lives = pid.isdigit() and started != "" and _started(int(pid)) == started
            return Holder(int(pid) if lives else None)
    return None


def _started(pid: int) -> str | None:
    """When the process started, in ticks since the machine did: two processes of one pid differ in it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return text.rpartition(b")")[2].split()[19].decode()
