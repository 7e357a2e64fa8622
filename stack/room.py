"""Room on the disks of a state folder. Called by `stack.up`."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

FULL_BELOW_BYTES = 32 * 2**20  # PostgreSQL cannot start without room for two segments of its log


def free_bytes(folder: Path) -> int | None:
    """What may still be written on the disk of a folder, or None when nobody can say."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def is_full(folders: Iterable[Path]) -> bool:
    """Whether one of the disks has no room for a server to start."""
    return any((free := free_bytes(folder)) is not None and free < FULL_BELOW_BYTES for folder in folders)
