"""Watches what can run out: space on our disks, connections at the broker. Called by `services.alerts.health`.

Limits are the policy `health`. Promises: an alarm ends only below a second, lower limit; when almost nothing is left it
is critical, because somebody must act at once.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple

from services.core.alarms.policies import Policies
from services.core.errors import FiretowerError
from services.core.log import logger
from services.core.words import Reason, Severity

_MEGABYTE = 1_000_000
PATIENCE_S = 0.5  # once, for a disk that hangs; then it is only seen whether it has answered
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Shortage:
    """One thing that is running out, as an alarm describes it."""

    code: str
    component: str
    severity: Severity
    reason: Reason
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk as it is now. `component` is the folder it was found by; the first folder's has none."""

    component: str
    used_bytes: int
    free_bytes: int
    files: int = 0  # how many it can hold; 0: as many as there is room for
    free_files: int = 0


class Below(NamedTuple):
    """What the system says of the disk below a folder."""

    device: int
    usage: Any
    names: os.statvfs_result


def below(folder: Path) -> Below:
    """Ask the system; a folder that is not there is the one where we are. May hang: a file server that is away does."""
    here = folder if folder.exists() else Path()
    return Below(here.stat().st_dev, shutil.disk_usage(here), os.statvfs(here))


def _try_below(folder: Path) -> Below | OSError:
    try:
        return below(folder)
    except OSError as error:
        return error


class _Look(Thread):
    """One look at one folder, by itself: fires do not wait for a file server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(name=f"disk {folder}", daemon=True)
        self._folder = folder
        self.found: Below | OSError | None = None  # None: not yet

    def run(self) -> None:
        self.found = _try_below(self._folder)


_HANGING: dict[Path, _Look] = {}


def _look_below(folder: Path) -> Below | OSError | None:
    """Look, or see whether an earlier look has come to its end; None while it has not."""
    look = _HANGING.pop(folder, None)
    if look is None:
        look = _Look(folder)
        look.start()
        look.join(PATIENCE_S)
        if look.found is None:
            log.warning("disk_does_not_answer", path=str(folder))
    if look.found is None:
        _HANGING[folder] = look
    return look.found


def look_at(folders: Sequence[Path], unseen: set[str] | None = None) -> list[Disk]:
    """Return the disks below some folders, each once; `unseen` is told of further ones that do not answer.

    Raises:
        FiretowerError: the first disk, which is our own, cannot be looked at.
    """
    seen: set[int] = set()
    found = []
    for number, folder in enumerate(folders):
        component = "" if number == 0 else str(folder)
        # Our own is waited for: nothing of ours works while it hangs, and a busy machine is no lost disk.
        disk = _look_below(folder) if number else _try_below(folder)
        if unseen is not None:
            unseen.discard(component)
        if isinstance(disk, Below):
            if disk.device not in seen:
                seen.add(disk.device)
                usage, names = disk.usage, disk.names
                found.append(Disk(component, usage.used, usage.free, names.f_files, names.f_favail))
        elif number == 0:  # not the database's fault, as which an OSError would count
            raise FiretowerError(f"cannot look at the disk below {folder}: {disk}") from disk
        elif unseen is not None:
            unseen.add(component)
    return found


_NO_OUTLOOK: Mapping[str, float] = MappingProxyType({})


class Disks:
    """The disks below some folders; `full_in_days` says by component which of them will be full, and when."""

    def __init__(self, folders: Sequence[Path], full_in_days: Mapping[str, float] = _NO_OUTLOOK) -> None:
        self._folders = folders
        self._full_in_days = full_in_days
        self._low: set[str] = set()
        self.unseen: set[str] = set()  # components of which nothing is known now: their alarms stay as they are

    def look(self, policies: Policies) -> list[Shortage]:
        """Say which disks are low now. Raises as `look_at`."""
        judged = (self._judge(disk, policies) for disk in look_at(self._folders, self.unseen))
        return [shortage for shortage in judged if shortage is not None]

    def _judge(self, disk: Disk, policies: Policies) -> Shortage | None:
        component, free_mb = disk.component, disk.free_bytes / _MEGABYTE
        bytes_pct = 100 * disk.used_bytes / max(1, disk.used_bytes + disk.free_bytes)
        files_pct = 100 * (1 - disk.free_files / disk.files) if disk.files else 0.0
        used_pct = max(bytes_pct, files_pct)
        low_pct, fine_pct, critical_pct, critical_mb = (
            policies.number("health", f"storage_{name}")
            for name in ("low_pct", "fine_pct", "critical_pct", "critical_mb")
        )
        if used_pct < (min(fine_pct, low_pct) if component in self._low else low_pct):
            self._low.discard(component)
            return None
        self._low.add(component)
        critical = used_pct >= critical_pct or free_mb < critical_mb
        reason = self._say_files(disk, files_pct) if files_pct > bytes_pct else self._say_bytes(disk, bytes_pct)
        severity = Severity.CRITICAL if critical else Severity.MAJOR
        return Shortage("storage_low", component, severity, reason, round(used_pct, 1), low_pct)

    def _say_bytes(self, disk: Disk, used_pct: float) -> Reason:
        component, free_mb, days = disk.component, disk.free_bytes / _MEGABYTE, self._full_in_days.get(disk.component)
        return Reason(
            f"磁盘{component}已用 {used_pct:.0f}%，剩余 {free_mb:.0f} MB"
            + ("" if days is None else f"，按近期增速约 {days:.1f} 天后写满"),
            f"{used_pct:.0f} % of the disk {component} is used, {free_mb:.0f} MB are left".replace("  ", " ")
            + ("" if days is None else f": full in about {days:.1f} days at the pace of the last week"),
        )

    def _say_files(self, disk: Disk, used_pct: float) -> Reason:
        """Say that it is full of files, however small: no further one can be made, whatever room `df` shows."""
        component, left = disk.component, disk.free_files
        return Reason(
            f"磁盘{component}的文件数（inode）已用 {used_pct:.0f}%，还能建 {left} 个文件：请删除无用的小文件",
            f"the disk {component} holds {used_pct:.0f} % of the files (inodes) that it can, {left} more fit in:"
            " remove small files that nobody needs".replace("  ", " "),
        )


class Crowd:
    """Checks the broker's connections against its limit: past it no device is let in, and its fire is not heard."""

    def __init__(self) -> None:
        self._full = False

    def judge(self, now: int, limit: int, policies: Policies) -> Shortage | None:
        """Say whether there is too little room; without a known limit there is no verdict."""
        full_pct, fine_pct, critical_pct = (
            policies.number("health", f"connections_{name}_pct") for name in ("full", "fine", "critical")
        )
        pct = 100 * now / limit if limit > 0 else 0.0
        self._full = limit > 0 and pct >= (min(fine_pct, full_pct) if self._full else full_pct)
        if not self._full:
            return None
        reason = Reason(
            f"消息服务器已有 {now} 个连接，上限 {limit}：超出后设备无法接入",
            f"the broker has {now} of at most {limit} connections: past that no device is let in",
        )
        severity = Severity.CRITICAL if pct >= critical_pct else Severity.MAJOR
        return Shortage("connections_full", "", severity, reason, float(now), float(limit))
