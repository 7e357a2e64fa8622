"""The monthly report as tables with words, for paper and for workbooks. Pure.

Used by the routes of reports. A cell is a number or a text; nothing here knows HTML or Excel.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.api.request.fields import Language
from services.core.prevention.hazard import Grade
from services.core.prevention.risk import RiskGrade
from services.core.topics import Kind
from services.core.words import Category

Cell = str | int | float | None


class Table(NamedTuple):
    """One part of the report. `most`: rows that are printed; a workbook has all."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    most: int = 20


Words = tuple[str, str]
_WORDS: Final[Mapping[str, Words]] = {
    Category.FIRE: ("火警", "Fire"),
    Category.WATER: ("水源", "Water"),
    Category.ELECTRICAL: ("电气", "Electrical"),
    Category.DEVICE: ("设备", "Device"),
    Category.SYSTEM: ("系统", "System"),
    Grade.MAJOR: ("重大", "Major"),
    Grade.GENERAL: ("一般", "General"),
    RiskGrade.RED: ("红", "Red"),
    RiskGrade.ORANGE: ("橙", "Orange"),
    RiskGrade.YELLOW: ("黄", "Yellow"),
    RiskGrade.BLUE: ("蓝", "Blue"),
    "report_to_visible": ("报警到显示", "Report to visible"),
    "confirmation_to_dispatch": ("确认到 119 接收", "Confirmation to 119"),
    "event_to_commit": ("收到到入库", "Received to stored"),
    "verification": ("报警到核实", "Alarm to verdict"),
}
_KINDS: Final[Mapping[str, Words]] = {
    Kind.HYDRANT: ("消火栓", "Hydrants"),
    Kind.ELECTRICAL: ("电气监测", "Electrical monitors"),
    Kind.WATER: ("水位监测", "Water levels"),
    Kind.PANEL: ("报警主机", "Alarm panels"),
}
TITLE: Final[Words] = ("消防物联网监测月报", "Monthly report of fire monitoring")
_HEADINGS: Final[Mapping[str, Words]] = {
    "area": ("区域", "Area"), "category": ("类别", "Category"), "total": ("合计", "Total"),
    "critical": ("紧急", "Critical"), "major": ("重要", "Major"), "minor": ("一般", "Minor"), "info": ("提示", "Info"),
    "real": ("真实", "Real"), "false": ("误报", "False"), "test": ("测试", "Test"), "pending": ("未核实", "Unjudged"),
    "site": ("单位", "Site"), "fires": ("火警数", "Fire alarms"), "false_pct": ("误报率（%）", "False (%)"),
    "clock": ("时限", "Clock"), "limit_s": ("限值（秒）", "Limit (s)"), "count": ("次数", "Count"),
    "p50_s": ("中位（秒）", "Median (s)"), "p95_s": ("95 %（秒）", "95 % (s)"), "p99_s": ("99 %（秒）", "99 % (s)"),
    "breaches": ("超时", "Breaches"), "kind": ("类型", "Kind"), "devices": ("设备数", "Devices"),
    "devices_away": ("中断过的设备", "Away at least once"), "times": ("中断次数", "Times"),
    "hours": ("中断时长（小时）", "Away (h)"), "available_pct": ("可用率（%）", "Available (%)"),
    "grade": ("等级", "Grade"), "found": ("新增", "Found"), "rectified": ("整改销案", "Rectified"),
    "unfounded": ("不属实", "Unfounded"), "cause_gone": ("自行消除", "Gone by itself"), "open": ("月末未销案", "Open"),
    "overdue": ("逾期", "Overdue"), "supervised": ("挂牌督办", "Supervised"), "before": ("上月末", "Before"),
    "after": ("本月末", "After"), "score_before": ("上月末分值", "Score before"), "score": ("月末分值", "Score"),
    "mean_score": ("日均最高分", "Mean of days"), "worst_score": ("最高分", "Highest"),
    "red_days": ("红色天数", "Red days"), "orange_days": ("橙色天数", "Orange days"), "alarms": ("告警数", "Alarms"),
    "real_fires": ("火灾", "Fires"), "open_hazards": ("未销案隐患", "Open hazards"),
}  # fmt: skip


class _Writer:
    """Makes tables in one language."""

    def __init__(self, lang: Language, areas: Mapping[str, str]) -> None:
        self._at = 0 if lang is Language.ZH else 1
        self._areas = areas

    def area(self, code: str) -> str:
        return self._areas.get(code, code)

    def word(self, words: Words) -> str:
        return words[self._at]

    def name(self, value: str | None) -> str:
        return "" if value is None else self.word(_WORDS[value])

    def kind(self, value: str) -> str:
        return self.word(_KINDS[value])

    def table(self, title: Words, columns: Sequence[str], rows: Sequence[Sequence[Cell]], most: int = 20) -> Table:
        headings = tuple(self.word(_HEADINGS[name]) for name in columns)
        return Table(self.word(title), headings, [tuple(row) for row in rows], most)


def title_of(report: Mapping[str, Any], lang: Language) -> str:
    """Return the heading of the whole report."""
    return f"{TITLE[0 if lang is Language.ZH else 1]} {report['month']}"


def tables_of(report: Mapping[str, Any], lang: Language, areas: Mapping[str, str]) -> list[Table]:
    """Return the parts of a report in their order; `areas` are the names of areas by their codes."""
    write = _Writer(lang, areas)
    verdicts, severities = ("real", "false", "test", "pending"), ("critical", "major", "minor", "info")
    clocks = ("limit_s", "count", "p50_s", "p95_s", "p99_s", "breaches")
    hazards = ("found", "rectified", "unfounded", "cause_gone", "open", "overdue", "supervised")
    worst = ("mean_score", "worst_score", "red_days", "orange_days", "alarms", "real_fires", "open_hazards")
    fires = ("fires", *verdicts, "false_pct")
    risk = report["risk"]
    return [
        write.table(
            ("告警", "Alarms"), ("category", "total", *severities, *verdicts),
            [[write.name(one["category"]), one["total"], *(one[name] for name in severities),
              *(one["verdicts"][name] for name in verdicts)] for one in report["alarms"]],
        ),
        write.table(
            ("误报率", "False alarms"), ("site", "area", *fires),
            [[one["site"]["name"], write.area(one["area"]), *(one[name] for name in fires)]
             for one in report["false_alarms"]],
        ),
        write.table(
            ("法定时限", "Legal clocks"), ("clock", *clocks),
            [[write.name(one["name"]), *(_round(one[name]) for name in clocks)] for one in report["clocks"]],
        ),
        _available(write, ("设备可用率", "Devices"), report["devices"]),
        _available(write, ("消防水源可用率", "Water"), report["water"]),
        write.table(
            ("隐患", "Hazards"), ("grade", *hazards),
            [[write.name(one["grade"]), *(one[name] for name in hazards)] for one in report["hazards"]],
        ),
        write.table(
            ("风险等级", "Risk"), ("grade", "before", "after"),
            [[write.name(one["grade"]), one["before"], one["after"]] for one in risk["grades"]],
        ),
        write.table(
            ("风险变化", "Risk changes"), ("site", "area", "before", "score_before", "after", "score"),
            [[one["site"]["name"], write.area(one["area"]), write.name(one["grade_before"]), one["score_before"],
              write.name(one["grade"]), one["score"]] for one in risk["changes"]],
        ),
        write.table(
            ("风险最高的十个单位", "Worst ten"), ("site", "area", "grade", "score", *worst),
            [[one["site"]["name"], write.area(one["area"]), write.name(one["grade"]), one["score"],
              *(one[name] for name in worst)] for one in report["worst"]],
        ),
    ]  # fmt: skip


def _available(write: _Writer, title: Words, rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = ("kind", "devices", "devices_away", "times", "hours", "available_pct")
    return write.table(
        title, columns,
        [[write.kind(one["kind"]), one["devices"], one["devices_away"], one["times"], round(one["away_s"] / 3600, 1),
          one["available_pct"]] for one in rows],
    )  # fmt: skip


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
