"""How sure a fire is by its site's evidence: suspected, probable or confirmed (contract 6).

Called by `site.apply` for every open fire after every report. Pure; always gives the sentence that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.core.alarms.life.components import is_named, normal_component, same_component
from services.core.alarms.life.escalation import in_test
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Judgement
from services.core.alarms.life.model import Alarm
from services.core.words import Confidence, Part, Reason, Verification

_SUSPECTED: Final = Judgement(Confidence.SUSPECTED, Reason("单一报警，待核实", "one report only, to be verified"))


class Scales:
    """A site's evidence, cut by the caller to the last `Policy.evidence_window_s`, ready for one fire after the other.

    Made once for all fires of a site: hundreds of old fires without new reports cost almost nothing.
    """

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        untested = [item for item in evidence if not item.tested]
        self._counted = {True: evidence, False: untested}  # by whether the fire to be weighed is in a test window
        self._reported = {testing: _reported(items) for testing, items in self._counted.items()}

    def judge(self, alarm: Alarm, now: datetime) -> Judgement:
        """Weigh the evidence for one open fire.

        In a test window everything is weighed but nothing confirms except a person or a manual call point;
        outside, a report from a test does not count. Two reports support each other only if the fire itself was
        reported within the evidence window: a fire that has been open for an hour is not confirmed by a new detector.
        """
        by_people = _by_people(alarm)
        if by_people is not None:
            return by_people
        testing = in_test(alarm, now)
        if (alarm.device, normal_component(alarm.component)) not in self._reported[testing]:
            return _refired(alarm) or _SUSPECTED
        counted = self._counted[testing]
        found = _second_witness(alarm, counted)
        if found is not None:
            return found._replace(confidence=Confidence.PROBABLE) if testing else found
        return _support(alarm, counted) or _refired(alarm) or _SUSPECTED


def _reported(evidence: Sequence[Evidence]) -> frozenset[tuple[str | None, str]]:
    """Return where fires were reported."""
    return frozenset(
        (item.device, normal_component(item.component)) for item in evidence if item.kind is EvidenceKind.FIRE
    )


def _by_people(alarm: Alarm) -> Judgement | None:
    if alarm.verification is Verification.REAL:
        return Judgement(Confidence.CONFIRMED, Reason("人工核实为真实", "a person judged it real"))
    if alarm.memory.manual:
        return Judgement(Confidence.CONFIRMED, Reason("人工手动报警", "a person pressed a manual alarm"))
    return None


def _second_witness(alarm: Alarm, evidence: Sequence[Evidence]) -> Judgement | None:
    """Find evidence that confirms: an independent detector or call point, or water flow together with a detector."""
    part = alarm.memory.part
    for item in evidence:
        if _is_of(item, alarm):
            continue
        if (
            _witness(part, alarm.component)
            and item.kind is EvidenceKind.FIRE
            and _witness(item.part, item.component)
            and not same_component(item.component, alarm.component)  # panel and transmitter report the same: one
        ):
            return _confirmed(
                f"另一独立部件报火警：{_name(item)}", f"a second independent component fired: {_name(item)}"
            )
        if _witness(part, alarm.component) and item.part is Part.WATER_FLOW:
            return _confirmed(
                f"探测器报警且水流或喷淋动作：{_name(item)}", f"a detector, and water flow or sprinkler: {_name(item)}"
            )
        if part is Part.WATER_FLOW and item.kind is EvidenceKind.FIRE and _witness(item.part, item.component):
            return _confirmed(
                f"水流或喷淋动作且探测器报警：{_name(item)}", f"water flow or sprinkler, and a detector: {_name(item)}"
            )
    return None


def _support(alarm: Alarm, evidence: Sequence[Evidence]) -> Judgement | None:
    """Find evidence that makes it probable: a supporting report, or panel and component of two devices together."""
    for item in evidence:
        if item.kind is EvidenceKind.SUPPORT:
            return Judgement(
                Confidence.PROBABLE, Reason(f"同一单位另有报告：{item.text.zh}", f"supported by: {item.text.en}")
            )
        if item.device != alarm.device and item.kind is EvidenceKind.FIRE:
            ours, theirs = _panel_level(alarm.memory.part, alarm.component), _panel_level(item.part, item.component)
            if ours != theirs:
                return Judgement(
                    Confidence.PROBABLE,
                    Reason(
                        f"控制器级火警与另一设备的部件火警同时存在：{_name(item)}",
                        f"a panel-level fire and a component of another device: {_name(item)}",
                    ),
                )
    return None


def _refired(alarm: Alarm) -> Judgement | None:
    if not alarm.memory.refired:
        return None
    return Judgement(
        Confidence.PROBABLE, Reason("复位后同一部件再次报警", "the same component fired again after a reset")
    )


def _witness(part: Part | None, component: str) -> bool:
    return is_named(component) and part is not None and part.witness


def _panel_level(part: Part | None, component: str) -> bool:
    return not is_named(component) or part is Part.PANEL


def _is_of(item: Evidence, alarm: Alarm) -> bool:
    return item.device == alarm.device and same_component(item.component, alarm.component)


def _name(item: Evidence) -> str:
    return f"{item.device}/{item.component}" if item.component else item.device


def _confirmed(zh: str, en: str) -> Judgement:
    return Judgement(Confidence.CONFIRMED, Reason(zh, en))
