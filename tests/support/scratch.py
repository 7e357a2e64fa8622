"""Folders for servers and state: in memory where there is room, because a test database is 700 small files.

Used by `tests.support.servers` and `tests.conftest`. On the ext4 disk of a busy machine a clone costs half a
second of system time, in memory a twentieth of that. What a killed run left is removed when the next one starts.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108 - folders below it have random names and belong to us
NEEDED_BYTES = 8 * 1024**3  # of memory and of the file system: containers often give it 64 MB
_NAME = re.compile(r"firetower-test-(\d+)-")


def scratch_dir() -> Path:
    """A folder that an unprivileged server can reach too (pytest's own are closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix=f"firetower-test-{os.getpid()}-", dir=_place()))
    folder.chmod(0o755)
    return folder


def remove_leftovers() -> None:
    """Remove the folders of test processes that have ended."""
    for folder in (*MEMORY.glob("firetower-test-*"), *Path(tempfile.gettempdir()).glob("firetower-test-*")):
        made_by = _NAME.match(folder.name)
        if made_by is not None and not psutil.pid_exists(int(made_by[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        room = min(psutil.virtual_memory().available, psutil.disk_usage(str(MEMORY)).free)
        if room >= NEEDED_BYTES:
            return MEMORY
    return Path(tempfile.gettempdir())
