"""`firetower stack prune`: data of servers whose state folder is gone. Shows it, and deletes it only when told to.

Called by the command line. Promises: nothing that is in use or that a state folder points to is touched, and nothing is
deleted that nobody looked at: a folder that was moved and not started since looks just like one that is gone, so a
person says yes to each on a terminal, or names each.
"""

import shutil
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import psutil

from stack.holding import holder_of
from stack.places import SERVERS, Orphan, orphans

_DAY_S = 86_400


def prune(names: Collection[str] = (), *, yes: bool = False, ask: Callable[[str], str] = input) -> int:
    """List the orphans (all, or those of `names`); delete those that a person says yes to, or with `yes` the named.

    Returns 1 when one that was to be deleted is still there. Nothing is deleted when a name belongs to no orphan.
    """
    found = {orphan.path.name: orphan for orphan in orphans()}
    unknown = sorted(set(names) - found.keys())
    if unknown:
        _say(f"no data without a state folder has this name: {', '.join(unknown)}; nothing was deleted")
        return 1
    if not found:
        _say("no data without a state folder")
        return 0
    may_ask = not yes and sys.stdin is not None and sys.stdin.isatty()
    chosen = [found[name] for name in sorted(names)] or list(found.values())
    left = 0
    for orphan in chosen:
        _say(describe(orphan, now_s=time.time()))
        if in_use(orphan.path):
            _say("  in use: left alone")
            left += yes
        elif (yes and names) or (may_ask and _asked(ask)):
            left += not _delete(orphan.path)
        else:
            _say("  kept")
    if yes and not names:
        _say(f"nothing was deleted: --yes deletes what is named, as in `prune --yes {chosen[0].path.name}`")
        return 1
    if not yes and not may_ask:
        _say("nothing was deleted: run it on a terminal, or with --yes and the names of those to delete")
    return int(left > 0)


def describe(orphan: Orphan, *, now_s: float) -> str:
    """One line: where, how large, when last used, whose it was."""
    size_bytes, used_s = _measure(orphan.path)
    owner = f"belonged to {orphan.belonged_to}, which does not point here" if orphan.belonged_to else "owner unknown"
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


def _delete(path: Path) -> bool:
    try:
        shutil.rmtree(path)
    except OSError as error:
        _say(f"  not deleted: {error}")
        return False
    _say("  deleted")
    return True


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
