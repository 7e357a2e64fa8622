"""Watches what can run out: space on our disks, connections at the broker. Called by `services.alerts.health`.

Limits are the policy `health`. Promises: an alarm ends only below a second, lower limit; when next to nothing is left
it is critical, because then somebody has to act at once.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.core.alarms.policies import Policies
from services.core.errors import FiretowerError
from services.core.words import Reason, Severity

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Shortage:
    """One thing that is running out, as an alarm describes it."""

    code: str
    component: str
    severity: Severity
    reason: Reason
    value: float
    limit: float


class Disks:
    """The disks below some folders, each looked at once; the first folder's alarm has no component."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._low: set[str] = set()

    def look(self, policies: Policies) -> list[Shortage]:
        """Say which disks are low now.

        Raises:
            FiretowerError: a disk cannot be looked at.
        """
        seen: set[int] = set()
        found = []
        for number, folder in enumerate(self._folders):
            try:
                here = folder if folder.exists() else Path()
                device = here.stat().st_dev
                usage = shutil.disk_usage(here)
            except OSError as error:  # not the database's doing, for which an OSError would be taken
                raise FiretowerError(f"cannot look at the disk below {folder}: {error}") from error
            if device in seen:
                continue
            seen.add(device)
            used_pct = 100 * usage.used / max(1, usage.used + usage.free)
            shortage = self._judge("" if number == 0 else str(folder), used_pct, usage.free / _MEGABYTE, policies)
            if shortage is not None:
                found.append(shortage)
        return found

    def _judge(self, component: str, used_pct: float, free_mb: float, policies: Policies) -> Shortage | None:
        low_pct, fine_pct, critical_pct, critical_mb = (
            policies.number("health", f"storage_{name}")
            for name in ("low_pct", "fine_pct", "critical_pct", "critical_mb")
        )
        if used_pct < (min(fine_pct, low_pct) if component in self._low else low_pct):
            self._low.discard(component)
            return None
        self._low.add(component)
        critical = used_pct >= critical_pct or free_mb < critical_mb
        reason = Reason(
            f"磁盘{component}已用 {used_pct:.0f}%，剩余 {free_mb:.0f} MB",
            f"{used_pct:.0f} % of the disk {component} is used, {free_mb:.0f} MB are left".replace("  ", " "),
        )
        severity = Severity.CRITICAL if critical else Severity.MAJOR
        return Shortage("storage_low", component, severity, reason, round(used_pct, 1), low_pct)


class Crowd:
    """The connections at the broker against its limit: past it no device is let in, and its fire is not heard."""

    def __init__(self) -> None:
        self._full = False

    def judge(self, now: int, limit: int, policies: Policies) -> Shortage | None:
        """Say whether there is too little room; without a known limit nothing is judged."""
        full_pct, fine_pct, critical_pct = (
            policies.number("health", f"connections_{name}_pct") for name in ("full", "fine", "critical")
        )
        pct = 100 * now / limit if limit > 0 else 0.0
        self._full = limit > 0 and pct >= (min(fine_pct, full_pct) if self._full else full_pct)
        if not self._full:
            return None
        reason = Reason(
            f"消息代理已有 {now} 个连接，上限 {limit}：超出后设备无法接入",
            f"the broker has {now} of at most {limit} connections: past that no device is let in",
        )
        severity = Severity.CRITICAL if pct >= critical_pct else Severity.MAJOR
        return Shortage("connections_full", "", severity, reason, float(now), float(limit))
