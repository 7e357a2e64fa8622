"""`firetower stack prune`: data of servers whose state folder is gone. Shows it, and deletes it only when told to.

Called by the command line. Promises: nothing that is in use or that a state folder points to is touched; without a
terminal and without --yes nothing at all.
"""

import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from stack.holding import holder_of
from stack.places import SERVERS, Orphan, orphans

_DAY_S = 86_400


def prune(*, yes: bool = False, ask: Callable[[str], str] = input) -> int:
    """List the orphans; delete those that a person says yes to, or all with `yes`. 1 when one could not be deleted."""
    found = list(orphans())
    if not found:
        _say("no data without a state folder")
        return 0
    may_ask = sys.stdin is not None and sys.stdin.isatty()
    code = 0
    for orphan in found:
        _say(describe(orphan, now_s=time.time()))
        if in_use(orphan.path):
            _say("  in use: left alone")
        elif yes or (may_ask and _asked(ask)):
            try:
                shutil.rmtree(orphan.path)
                _say("  deleted")
            except OSError as error:
                _say(f"  not deleted: {error}")
                code = 1
        else:
            _say("  kept")
    if not yes and not may_ask:
        _say("nothing was deleted: run it on a terminal, or with --yes to delete all of them")
    return code


def describe(orphan: Orphan, *, now_s: float) -> str:
    """One line: where, how large, when last used, whose it was."""
    size_bytes, used_s = _measure(orphan.path)
    owner = f"belonged to {orphan.belonged_to}, which does not point here" if orphan.belonged_to else "of nobody known"
    moved = " (moved? start it once where it is now)" if orphan.belonged_to else ""
    age_days = max(0.0, now_s - used_s) / _DAY_S
    return f"{orphan.path}  {size_bytes / 2**20:.0f} MiB, last written {age_days:.1f} days ago, {owner}{moved}"


def in_use(path: Path) -> bool:
    """Whether a system holds these data, or any process works in them."""
    if any(holder_of(path / name / "lock") is not None for name in SERVERS):
        return True
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(path):
                return True
    return False


def _asked(ask: Callable[[str], str]) -> bool:
    try:
        return ask("  delete it for good? type yes: ").strip().lower() == "yes"
    except EOFError:
        return False


def _measure(path: Path) -> tuple[int, float]:
    size_bytes, newest_s = 0, path.stat().st_mtime
    for file in path.rglob("*"):
        with suppress(OSError):
            seen = file.lstat()
            size_bytes += seen.st_blocks * 512
            newest_s = max(newest_s, seen.st_mtime)
    return size_bytes, newest_s


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
