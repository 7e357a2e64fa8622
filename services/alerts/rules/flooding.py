"""When a device sends more than its share: `device_flooding` (contract 8).

Called once a second for devices that ingest counted, or whose fires are too many to be an alarm each. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.core.alarms.life.happenings import Finding
from services.core.clock import CLOCK_SET_BACK
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason

CODE: Final = "device_flooding"


class Flood(NamedTuple):
    """What a device sent beyond its share."""

    elements: int  # readings, events and rejects
    fires: int  # of these, fires that are no alarm of their own
    others: int  # and other conditions
    began_at: datetime
    last_at: datetime


def find_flooding(
    device: DeviceProfile, flood: Flood, now: datetime, parameters: Parameters = DEFAULTS
) -> Finding | None:
    """Return the finding if `device` floods now, else None."""
    rule = parameters[CODE]
    quiet = not _is_of_late(flood, now, rule["quiet_min"])
    if rule["enabled"] == 0 or quiet or (flood.elements < rule["elements"] and not (flood.fires or flood.others)):
        return None
    return _finding(device, _say("设备上报过量", "it sends more than its share", flood), flood, rule["elements"])


def find_quiet(device: DeviceProfile, flood: Flood, now: datetime, parameters: Parameters = DEFAULTS) -> Finding | None:
    """Return the finding that ends it once nothing beyond its share came for `quiet_min`."""
    rule = parameters[CODE]
    if rule["enabled"] != 0 and _is_of_late(flood, now, rule["quiet_min"]):
        return None
    return _finding(device, _say("上报已恢复正常", "the flood is over", flood), flood, rule["elements"], active=False)


def _is_of_late(flood: Flood, now: datetime, quiet_min: float) -> bool:
    """Whether something came lately. What lies ahead came before the clock was set back, nobody knows when."""
    return -CLOCK_SET_BACK <= now - flood.last_at < timedelta(minutes=quiet_min)


def _say(zh: str, en: str, flood: Flood) -> Reason:
    zh, en = f"{zh}：超出 {flood.elements} 条", f"{en}: {flood.elements} readings, events or rejects beyond it"
    if flood.fires:
        zh += f"，其中 {flood.fires} 条火警不再单独列出"
        en += f"; {flood.fires} of its fires are stored and no alarms of their own"
    if flood.others:
        zh += f"，其中 {flood.others} 条故障等不再单独列出"
        en += f"; {flood.others} of its faults and other conditions are stored and no alarms of their own"
    return Reason(zh, en)


def _finding(device: DeviceProfile, reason: Reason, flood: Flood, limit: float, *, active: bool = True) -> Finding:
    rule = RULES[CODE]
    return Finding(
        code=CODE,
        category=rule.category,
        severity=rule.severity,
        reason=reason,
        active=active,
        device=device.code,
        area=device.area,
        value=float(flood.elements),
        limit=limit,
        cause=CODE,
    )
