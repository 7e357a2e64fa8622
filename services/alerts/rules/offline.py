"""When a silent device is offline: silence counts only while we could have heard the device (contract 8).

Called by `alerts.silence`. Pure; a watermark stands still while ingest's own probes do not come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.core.alarms.life.happenings import Finding
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

GAP: Final = timedelta(seconds=10)
"""After a gap this long in the probes, the silence of every device is counted from its end."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one ingest lane has heard: up to `heard_until`, without a gap since `since`."""

    since: datetime
    heard_until: datetime

    def advance(self, probe_sent_at: datetime) -> Watermark:
        """Return the watermark after the probe sent then came back and was committed; older probes change nothing."""
        if probe_sent_at <= self.heard_until:
            return self
        since = probe_sent_at if probe_sent_at - self.heard_until > GAP else self.since
        return Watermark(since, probe_sent_at)

    def within(self, other: Watermark) -> Watermark:
        """Return what both lanes have heard."""
        return Watermark(max(self.since, other.since), min(self.heard_until, other.heard_until))

    def to_json(self) -> dict[str, Any]:
        """Return the watermark as a JSON value."""
        return {"since": self.since.isoformat(), "heard_until": self.heard_until.isoformat()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Watermark:
        """Return the watermark that `to_json` saved."""
        return cls(datetime.fromisoformat(saved["since"]), datetime.fromisoformat(saved["heard_until"]))


def allowed_silence(device: DeviceProfile, parameters: Parameters = DEFAULTS) -> timedelta:
    """Return how long `device` may be silent (contract 8)."""
    offline = parameters["device_offline"]
    if device.sleepy:
        return timedelta(hours=offline["sleepy_h"])
    return timedelta(seconds=offline["intervals"] * device.expected_interval_s)


def offline_due(
    device: DeviceProfile, last_seen: datetime, mark: Watermark, parameters: Parameters = DEFAULTS
) -> datetime:
    """Return the watermark at which `device` is offline if it stays silent: worth keeping in a heap."""
    return max(last_seen, mark.since) + allowed_silence(device, parameters)


def find_offline(
    device: DeviceProfile, last_seen: datetime | None, mark: Watermark, parameters: Parameters = DEFAULTS
) -> Finding | None:
    """Return the finding if `device` is offline, else None.

    `last_seen` is the receive time of its newest live message, stored or rejected; a device never seen is not
    offline, it has not begun.
    """
    if last_seen is None or parameters["device_offline"]["enabled"] == 0:
        return None
    if mark.heard_until <= offline_due(device, last_seen, mark, parameters):
        return None
    minutes = (mark.heard_until - last_seen).total_seconds() / 60
    limit_min = allowed_silence(device, parameters).total_seconds() / 60
    return _finding(
        device,
        Reason(
            f"已 {minutes:.1f} 分钟没有消息，超过 {limit_min:g} 分钟",
            f"silent for {minutes:.1f} min, more than {limit_min:g} min",
        ),
        value=minutes,
        limit=limit_min,
    )


def find_back(device: DeviceProfile) -> Finding:
    """Return the finding that ends `device_offline`: any live message, stored or rejected."""
    return _finding(device, Reason("恢复通信", "heard from again"), active=False)


def _finding(
    device: DeviceProfile,
    reason: Reason,
    *,
    value: float | None = None,
    limit: float | None = None,
    active: bool = True,
) -> Finding:
    rule = RULES["device_offline"]
    return Finding(
        code=rule.code,
        category=rule.category,
        severity=Severity.MAJOR if device.kind == "panel" else rule.severity,
        reason=reason,
        active=active,
        device=device.code,
        area=device.area,
        value=value,
        limit=limit,
        cause=rule.code,
    )
