"""The place where a system's copies are kept: one program at a time, and only while it is the one that it was.

Called by the keeper and the command line. What is known of the place lies in the state folder, because a disk that is
not mounted leaves an empty folder behind, in which a new copy would fill the system's own disk.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.core.errors import FiretowerError
from stack.backup.copies import CopyFolder, NoCopy
from stack.holding import Hold
from stack.state import StateDir, write_private

_KEPT_IN = "backup/kept_in"


class InUse(FiretowerError):
    """Another program keeps this system's copies in the same folder."""


@contextmanager
def alone(state: StateDir, folder: CopyFolder) -> Iterator[None]:
    """Be the only program that writes into a folder: two of them would remove each other's unfinished files.

    Raises:
        InUse: another one does.
    """
    name = hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:12]
    hold = Hold(state.path / f"backup/{name}.lock")
    holder = hold.take()
    if holder is not None:
        raise InUse(f"{holder} keeps copies in {folder.path} already: stop that one first")
    try:
        yield
    finally:
        hold.release()


def remember(state: StateDir, folder: CopyFolder) -> None:
    """Note that copies are kept in `folder` from now on."""
    write_private(state.path / _KEPT_IN, str(folder.path))


def refuse_inside(root: Path, state_path: Path) -> None:
    """Refuse a state folder in the folder of copies that it would be made from: who clears one loses the other.

    Raises:
        FiretowerError: it lies there.
    """
    if state_path.resolve().is_relative_to(root.resolve()):
        raise FiretowerError(
            f"--state-dir: {state_path} lies within {root}, which holds the copies: name one elsewhere"
        )


def refuse_vanished(state: StateDir, root: Path) -> None:
    """Refuse a folder in which copies were kept and of which nothing is there: its disk may not be mounted.

    Raises:
        NoCopy: it is.
    """
    folder = CopyFolder.of(root, state.identity)
    with suppress(FileNotFoundError):
        if (state.path / _KEPT_IN).read_text(encoding="utf-8") == str(folder.path) and not folder.is_there:
            raise NoCopy(
                f"{folder.path} is gone: mount its disk; to begin anew in what is there now, `firetower backup {root}`"
            )
