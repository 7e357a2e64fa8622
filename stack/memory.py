"""How much memory we may use: the machine's, or what a service manager or a container allows. Called by the servers."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_GROUPS = Path("/proc/self/cgroup")
_LIMITS = Path("/sys/fs/cgroup")


def usable_bytes(groups: Path = _GROUPS, limits: Path = _LIMITS) -> int:
    """The least of the machine's memory and the limits of the control groups around us.

    What is sized by the machine alone is killed by the kernel under systemd's MemoryMax or in a container.
    """
    return min(psutil.virtual_memory().total, *_allowed(groups, limits), 2**62)


def _allowed(groups: Path, limits: Path) -> Iterator[int]:
    text = ""
    with suppress(OSError):
        text = groups.read_text(encoding="utf-8", errors="replace")
    for line in text.splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            top, name = limits, "memory.max"
        elif "memory" in kinds.split(","):
            top, name = limits / "memory", "memory.limit_in_bytes"
        else:
            continue
        inner = top / path.lstrip("/")
        for folder in (inner, *inner.parents):
            with suppress(OSError, ValueError):  # "max", or a group that we cannot see from inside
                yield int((folder / name).read_text(encoding="ascii"))
            if folder == top:
                break
