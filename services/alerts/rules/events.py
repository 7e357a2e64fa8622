"""What an event means: contract 8's second table as data.

Called by `alerts.events` for every event row, fires first.
Promises an answer for every type, unknown ones included, and never fails on an event's optional parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from services.alerts.rules.model import Effect, Event
from services.alerts.rules.parts import is_water_flow, tell_part
from services.core.alarms.life.components import is_named
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Finding, Reset
from services.core.rules.profile import DeviceProfile
from services.core.words import FIRE, Category, Confidence, Part, Reason, Severity

FIRE_TYPES: Final = frozenset({"fire", "manual_alarm"})


class EventRule(NamedTuple):
    """One row of contract 8's second table. `panel_severity` is a panel's, where it differs."""

    code: str
    category: Category
    severity: Severity
    zh: str
    panel_severity: Severity | None = None
    support: bool = False


class EvidenceRule(NamedTuple):
    """A type that raises nothing and is told on the open alarms of the site."""

    zh: str
    support: bool = False


_MINOR, _MAJOR = Severity.MINOR, Severity.MAJOR

EVENT_RULES: Final[Mapping[str, EventRule]] = {
    "fire": EventRule(FIRE, Category.FIRE, Severity.CRITICAL, "火警"),
    "manual_alarm": EventRule(FIRE, Category.FIRE, Severity.CRITICAL, "手动报警"),
    "prealarm": EventRule("prealarm", Category.DEVICE, _MAJOR, "预警", support=True),
    "fault": EventRule("fault", Category.DEVICE, _MINOR, "故障"),
    "disabled": EventRule("disabled", Category.DEVICE, _MINOR, "屏蔽"),
    "supervisory": EventRule("supervisory", Category.DEVICE, _MINOR, "监管", support=True),
    "tamper": EventRule("tamper", Category.DEVICE, _MINOR, "防拆"),
    "mains_fault": EventRule("power_fault", Category.DEVICE, _MINOR, "主电故障", _MAJOR),
    "battery_fault": EventRule("power_fault", Category.DEVICE, _MINOR, "备电故障", _MAJOR),
    "power_fault": EventRule("power_fault", Category.DEVICE, _MINOR, "电源故障", _MAJOR),
    "bus_fault": EventRule("link_fault", Category.DEVICE, _MINOR, "总线故障", _MAJOR),
    "link_fault": EventRule("link_fault", Category.DEVICE, _MINOR, "通信故障", _MAJOR),
    "line_fault": EventRule("link_fault", Category.DEVICE, _MINOR, "线路故障", _MAJOR),
    "arc_fault": EventRule("arc_fault", Category.ELECTRICAL, _MAJOR, "故障电弧"),
}

EVIDENCE_RULES: Final[Mapping[str, EvidenceRule]] = {
    "started": EvidenceRule("启动", support=True),
    "feedback": EvidenceRule("反馈", support=True),
    "delay": EvidenceRule("延时"),
    "silence": EvidenceRule("消音"),
    "test": EvidenceRule("测试"),
    "guard_reply": EvidenceRule("查岗应答"),
    "operation": EvidenceRule("操作"),
}

RESET: Final = "reset"
_FLOWING: Final = frozenset({"started", "feedback", "supervisory"})
_UNKNOWN: Final = EventRule("fault", Category.DEVICE, _MINOR, "未知事件")
_LONGEST_TEXT: Final = 200
_MOST_LATE_MIN: Final = 100 * 365 * 24 * 60  # a century: whatever stands in the row, its alarm can be written


def weigh_event(event: Event, device: DeviceProfile, late_after_s: float = 600.0) -> Effect:
    """Say what `event` of `device` raises, clears, proves or resets (contract 8).

    `late_after_s` is how long after its own time a report may come without being marked late; lateness marks,
    it never mutes.
    """
    if not is_named(event.component):
        event = replace(event, component="")
    late_min = _late_min(event, late_after_s)
    if event.type == RESET:
        reason = _say("复位", "reset", event)
        return Effect(reset=Reset(device.code, event.component, reason, event.ts, late_min))
    part = tell_part(event.component, event.component_type, event.system_type, event.description)
    told = EVIDENCE_RULES.get(event.type)
    if told is not None:
        ended = Reason("结束", "over") if not event.active else Reason("", "")
        reason = _say(told.zh + ended.zh, f"{event.type} {ended.en}".rstrip(), event)
        return Effect(evidence=_evidence(event, device, part, reason, support=told.support and event.active))
    rule = EVENT_RULES.get(event.type, _UNKNOWN)
    finding = _finding(event, device, rule, part, late_min)
    if not (rule.support and event.active):
        return Effect(finding)
    return Effect(finding, _evidence(event, device, part, finding.reason, support=True))


def _finding(event: Event, device: DeviceProfile, rule: EventRule, part: Part, late_min: int) -> Finding:
    fire = rule.code == FIRE
    manual = event.type == "manual_alarm" or (fire and part is Part.CALL_POINT)
    severity = rule.panel_severity if rule.panel_severity and device.kind == "panel" else rule.severity
    zh, en = (rule.zh, event.type) if event.active else (f"{rule.zh}恢复", f"{event.type} over")
    if rule is _UNKNOWN:
        zh, en = f"{zh} {event.type[:_LONGEST_TEXT]}", f"unknown event {en[:_LONGEST_TEXT]}"
    confidence = Confidence.CONFIRMED if manual else Confidence.SUSPECTED
    return Finding(
        code=rule.code,
        category=rule.category,
        severity=severity,
        reason=_say(zh, en, event),
        active=event.active,
        device=device.code,
        area=device.area,
        component=event.component,
        zone=event.zone,
        cause=FIRE if fire else event.type,
        ts=event.ts,
        late_min=late_min,
        confidence=confidence if fire else None,
        part=(Part.CALL_POINT if manual and event.component else part) if fire else None,
        manual=manual,
        latched=rule.code == "arc_fault",
    )


def _evidence(event: Event, device: DeviceProfile, part: Part, reason: Reason, *, support: bool) -> Evidence:
    flows = event.active and event.type in _FLOWING
    if flows and is_water_flow(part, event.component, event.system_type):
        part = Part.WATER_FLOW
    elif part is Part.WATER_FLOW:
        part = Part.OTHER  # a fault or a prealarm of a flow switch is no flow
    kind = EvidenceKind.SUPPORT if support else EvidenceKind.NOTE
    return Evidence(event.received_at, kind, device.code, event.component, part, reason)


def _late_min(event: Event, late_after_s: float) -> int:
    late_s = (event.received_at - event.ts).total_seconds()
    return min(round(late_s / 60), _MOST_LATE_MIN) if late_s > late_after_s else 0


def _say(zh: str, en: str, event: Event) -> Reason:
    """Say what and where in words for a duty officer."""
    where = event.component or ""
    zone = f"，分区 {event.zone}" if event.zone else ""
    zone_en = f", zone {event.zone}" if event.zone else ""
    text = event.description.strip()[:_LONGEST_TEXT]
    zh_text, en_text = (f"：{text}", f": {text}") if text else ("", "")
    zh_where, en_where = (f" 部件 {where}", f" at component {where}") if where else ("", "")
    return Reason(f"{zh}{zh_where}{zone}{zh_text}", f"{en}{en_where}{zone_en}{en_text}")
