"""When a device speaks and nothing usable comes: `device_unreadable` (contract 8).

Called once a second for devices whose messages are refused. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.core.alarms.life.happenings import Finding
from services.core.rules.catalog import RULES
from services.core.rules.parameters import DEFAULTS, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason, Severity

CODE: Final = "device_unreadable"

_WHY: Final = {
    "clock_implausible": Reason("设备时钟不可信", "its clock is wrong"),
    "event_on_telemetry": Reason("事件发到了 up/telemetry", "events are sent to up/telemetry"),
    "kind_mismatch": Reason("设备类型与登记不符", "its kind is not the registered one"),
    "no_valid_field": Reason("没有可用的字段", "no field that can be used"),
    "not_json": Reason("不是 JSON", "not JSON"),
    "seq_missing": Reason("没有序号", "no seq"),
    "seq_unreadable": Reason("序号无法解读", "its seq cannot be read"),
    "storage_refused": Reason("数据库拒收", "the database refused it"),
    "too_many_elements": Reason("一条消息内条数过多", "too many elements in a message"),
    "ts_in_seconds": Reason("时间戳是秒，应为毫秒", "ts is in seconds, not milliseconds"),
    "ts_missing": Reason("没有时间戳", "no ts"),
    "ts_unreadable": Reason("时间戳无法解读", "its ts cannot be read"),
    "type_unreadable": Reason("事件类型无法解读", "its event type cannot be read"),
    "wrong_shape": Reason("报文结构不对", "the message has the wrong structure"),
}
_BAD_FIELD: Final = "bad_field: "


class Refused(NamedTuple):
    """The messages of a device that were refused whole since the newest accepted one."""

    messages: int
    since: datetime
    reason: str  # the code of the newest reject


def find_unreadable(
    device: DeviceProfile, refused: Refused, now: datetime, parameters: Parameters = DEFAULTS
) -> Finding | None:
    """Return the finding if nothing usable comes from `device`, else None; one bad message is no reason yet."""
    rule = parameters[CODE]
    if rule["enabled"] == 0 or refused.messages < 2:
        return None
    if refused.messages < rule["messages"] and now - refused.since < timedelta(minutes=rule["minutes"]):
        return None
    why = describe(refused.reason)
    return _finding(
        device,
        Reason(
            f"设备有消息但全部被拒收（{refused.messages} 条）：{why.zh}",
            f"it speaks, but all its messages ({refused.messages}) were refused: {why.en}",
        ),
        value=float(refused.messages),
        limit=rule["messages"],
    )


def find_readable(device: DeviceProfile) -> Finding:
    """Return the finding that ends it: a message was accepted."""
    return _finding(device, Reason("恢复，消息可用", "a message was accepted again"), active=False)


def describe(reason: str) -> Reason:
    """Return the code of a reject in words, with the code itself for whoever mends it."""
    if reason.startswith(_BAD_FIELD):
        name = reason.removeprefix(_BAD_FIELD)
        why = Reason(f"{name} 的值不合格", f"{name} has no possible value")
    else:
        why = _WHY.get(reason, Reason("无法解读", "it cannot be read"))
    return Reason(f"{why.zh}（{reason}）", f"{why.en} ({reason})")


def _finding(
    device: DeviceProfile,
    reason: Reason,
    *,
    value: float | None = None,
    limit: float | None = None,
    active: bool = True,
) -> Finding:
    rule = RULES[CODE]
    return Finding(
        code=CODE,
        category=rule.category,
        severity=Severity.MAJOR if device.kind == "panel" else rule.severity,
        reason=reason,
        active=active,
        device=device.code,
        area=device.area,
        value=value,
        limit=limit,
        cause=CODE,
    )
