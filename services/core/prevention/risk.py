"""The graded risk (分级风险) of a site: what is known of it becomes a score, a grade and the reasons. Pure.

Called by alerts. Promises whole points that add up to the score exactly, a score from 0 to 100, and a grade that never
falls when something is added. What lies above 100 is taken from the lightest reasons, which keep their full points
beside those that count.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from services.core.alarms.risk_weights import RiskCode
from services.core.clock import rfc3339
from services.core.prevention.catalogue import KINDS

HIGHEST: Final = 100
MOST_NAMES: Final = 3
"""Named in a reason; of further ones it says that there are more."""
_DAY_S: Final = 86_400.0


class RiskGrade(StrEnum):
    """The four colours of the dual-prevention policy, worst first."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"


class Fact(NamedTuple):
    """What is known of one site: how many of a kind, since when the oldest of them, and the first of their names.

    `since` is None where no row says it. Of a fire that was, it is the time of the last one.
    """

    code: RiskCode
    number: int
    since: datetime | None
    names: tuple[str, ...] = ()


class Part(NamedTuple):
    """One reason of a score. `points` count; `full_points` would, if no score ended at 100."""

    code: RiskCode
    points: int
    full_points: int
    number: int
    zh: str
    en: str
    since: datetime | None

    def document(self) -> dict[str, Any]:
        """Return the reason as it is stored and told."""
        return {
            "code": self.code, "points": self.points, "full_points": self.full_points, "count": self.number,
            "zh": self.zh, "en": self.en, "since": rfc3339(self.since),
        }  # fmt: skip


class Assessment(NamedTuple):
    """The risk of a site at one moment."""

    score: int
    grade: RiskGrade
    reasons: tuple[Part, ...]


class Scale(NamedTuple):
    """The policy `risk`: points of each and most of all by code, from which score a grade begins, and the windows."""

    weights: Mapping[str, tuple[int, int]]
    red_from: int
    orange_from: int
    yellow_from: int
    false_alarms_d: float
    fire_recent_d: float
    guard_d: float
    water_radius_m: float

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Scale":
        """Return the scale of a policy's body with every field, as `parse_policies` reads it."""
        weights: dict[str, tuple[int, int]] = {code: (body[code]["each"], body[code]["most"]) for code in RiskCode}
        return cls(MappingProxyType(weights), **{name: body[name] for name in cls._fields if name != "weights"})

    def grade(self, score: int) -> RiskGrade:
        """Return the grade of a score; where limits cross, the worse grade holds."""
        if score >= self.red_from:
            return RiskGrade.RED
        if score >= self.orange_from:
            return RiskGrade.ORANGE
        return RiskGrade.YELLOW if score >= self.yellow_from else RiskGrade.BLUE


def assess(facts: Iterable[Fact], scale: Scale, now: datetime) -> Assessment:
    """Return the risk that follows from the facts of one site, one of each code; the heaviest reason comes first."""
    full = [(fact, points) for fact in facts if (points := _points(fact, scale, now)) > 0]
    order = list(RiskCode)
    full.sort(key=lambda one: (-one[1], order.index(one[0].code)))
    reasons, left = [], HIGHEST
    for fact, points in full:
        counted = min(points, left)
        left -= counted
        zh, en = _words(fact, scale)
        reasons.append(Part(fact.code, counted, points, fact.number, zh, en, fact.since))
    score = HIGHEST - left
    return Assessment(score, scale.grade(score), tuple(reasons))


def _points(fact: Fact, scale: Scale, now: datetime) -> int:
    each, most = scale.weights[fact.code]
    if fact.code is not RiskCode.FIRE_RECENT or fact.since is None:
        return min(each * fact.number, most)
    # a fire that was weighs less from day to day, and nothing when the window is over
    left = 1 - max(0.0, (now - fact.since).total_seconds()) / (scale.fire_recent_d * _DAY_S)
    return min(ceil(each * left), most)


_TEXTS: Final[Mapping[RiskCode, tuple[str, str]]] = MappingProxyType(
    {
        RiskCode.FIRE_OPEN: ("未了结的火警 {n} 起", "open fires: {n}"),
        RiskCode.ALARM_CRITICAL: ("未恢复的紧急告警 {n} 条", "critical alarms that stand: {n}"),
        RiskCode.ALARM_MAJOR: ("未恢复的重要告警 {n} 条", "major alarms that stand: {n}"),
        RiskCode.ALARM_MINOR: ("未恢复的一般告警 {n} 条", "minor alarms that stand: {n}"),
        RiskCode.EARLY_WARNING: ("预警 {n} 条", "early warnings: {n}"),
        RiskCode.HAZARD_MAJOR: ("未销案的重大隐患 {n} 项", "open major hazards: {n}"),
        RiskCode.HAZARD_GENERAL: ("未销案的一般隐患 {n} 项", "open general hazards: {n}"),
        RiskCode.HAZARD_OVERDUE: ("逾期未整改的隐患 {n} 项", "hazards past their due time: {n}"),
        RiskCode.PANEL_SILENT: ("失去联系的报警主机 {n} 台", "silent alarm panels: {n}"),
        RiskCode.DEVICE_SILENT: ("离线的监测设备 {n} 台", "silent monitoring devices: {n}"),
        RiskCode.OUT_OF_SERVICE: ("停用检修的设备 {n} 台", "devices out of service: {n}"),
        RiskCode.FACILITY_DISABLED: ("屏蔽的部位 {n} 处", "disabled components: {n}"),
        RiskCode.WATER_UNUSABLE: (
            "本单位或 {radius_m:g} 米内不能使用的消防水源 {n} 处",
            "unusable water sources of the site or within {radius_m:g} m: {n}",
        ),
        RiskCode.WATER_NONE: (
            "本单位和 {radius_m:g} 米内的消防水源都不能使用",
            "no usable water source at the site or within {radius_m:g} m",
        ),
        RiskCode.FALSE_ALARMS: ("{false_d:g} 天内误报 {n} 次", "false alarms in {false_d:g} d: {n}"),
        RiskCode.FIRE_RECENT: ("{fire_d:g} 天内发生过火灾", "a real fire within {fire_d:g} d"),
        RiskCode.GUARD_UNANSWERED: (
            "{guard_d:g} 天内查岗未按时应答 {n} 次",
            "guard checks not answered in time in {guard_d:g} d: {n}",
        ),
        RiskCode.INSPECTION_OVERDUE: ("逾期未巡查的消防水源 {n} 处", "water sources not inspected in time: {n}"),
    }
)
_KINDS: Final = {str(code): kind for code, kind in KINDS.items()}
_HAZARDS: Final = frozenset({RiskCode.HAZARD_MAJOR, RiskCode.HAZARD_GENERAL, RiskCode.HAZARD_OVERDUE})


def _words(fact: Fact, scale: Scale) -> tuple[str, str]:
    numbers = {
        "n": fact.number, "radius_m": scale.water_radius_m, "false_d": scale.false_alarms_d,
        "fire_d": scale.fire_recent_d, "guard_d": scale.guard_d,
    }  # fmt: skip
    zh, en = (text.format(**numbers) for text in _TEXTS[fact.code])
    if not fact.names:
        return zh, en
    kinds = [_KINDS.get(name) if fact.code in _HAZARDS else None for name in fact.names]
    zh_names = [kind.zh if kind else name for kind, name in zip(kinds, fact.names, strict=True)]
    en_names = [kind.en if kind else name for kind, name in zip(kinds, fact.names, strict=True)]
    more = len(fact.names) > MOST_NAMES
    return (
        f"{zh}（{'、'.join(zh_names[:MOST_NAMES])}{'等' if more else ''}）",
        f"{en} ({', '.join(en_names[:MOST_NAMES])}{' …' if more else ''})",
    )
