"""A file that keeps part of the database's disk free for fires. Called by `stack.up`, watched by ingest.

While the disk is nearly full the file is empty: what it held is free for events, alarms and notices, and ingest stores
no readings (they wait in the broker) until it has its size again. Promises: it is filled again by itself; a disk that
never had room for it has none, and nothing waits for it then.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from services.core.log import logger
from stack.room import free_bytes

SIZE_BYTES = 128 * 2**20
FREED_BELOW_BYTES = 48 * 2**20  # PostgreSQL still starts with that: two segments of its log, and what is at work
_PART_BYTES = 2**20
AGAIN_ABOVE_BYTES = SIZE_BYTES + 3 * FREED_BELOW_BYTES  # far enough apart that it is not freed at once again

log = logger(__name__)


class Reserve:
    """The reserve on the disk of one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "reserve"
        self._told = ""

    @property
    def is_spent(self) -> bool:
        """Whether what it kept back is free for fires."""
        with suppress(OSError):
            return self.path.stat().st_size == 0
        return False

    def look(self) -> None:
        """Free it when the disk is nearly full, fill it when there is room; what the disk refuses is tried again."""
        free = free_bytes(self.path.parent)
        if free is None:
            return
        try:
            if free < FREED_BELOW_BYTES:
                self._free(free)
            elif free > AGAIN_ABOVE_BYTES and not self._is_whole():
                self._fill()
            self._told = ""
        except OSError as error:
            if self._told != (told := str(error)):  # looked at every second
                log.warning("reserve_not_kept", error=told)
            self._told = told

    def _is_whole(self) -> bool:
        with suppress(OSError):
            return self.path.stat().st_size >= SIZE_BYTES
        return False

    def _free(self, free: int) -> None:
        with suppress(FileNotFoundError):
            if self.path.stat().st_size:
                os.truncate(self.path, 0)  # needs no room, as a new name in the folder would
                log.error("reserve_freed", free_bytes=free, cure="make room on the disk: readings wait meanwhile")

    def _fill(self) -> None:
        """Fill a new file and put it in the place of the old one, so that a refusal leaves no empty one behind."""
        was_spent, new = self.is_spent, self.path.with_suffix(".new")
        try:
            with new.open("w+b") as file:  # readable: else it cannot be imitated where fallocate(2) is missing
                os.posix_fallocate(file.fileno(), 0, SIZE_BYTES)
                if os.fstat(file.fileno()).st_blocks * 512 < SIZE_BYTES:  # a file system that compresses zeros
                    _write_noise(file)
            new.replace(self.path)
        except OSError as error:
            new.unlink(missing_ok=True)
            if error.errno != errno.ENOSPC:  # a quota, say: there can be no reserve here, so nothing may wait for one
                self.path.unlink(missing_ok=True)
            raise
        if was_spent:
            log.info("reserve_kept_again", size_bytes=SIZE_BYTES)


def _write_noise(file: IO[bytes]) -> None:
    file.truncate(0)
    for _ in range(SIZE_BYTES // _PART_BYTES):
        file.write(os.urandom(_PART_BYTES))
    file.flush()
    os.fsync(file.fileno())
