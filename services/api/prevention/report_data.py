"""What happened in a month, as numbers: read in the areas of who asks. Used by the routes of reports.

Promises that every statement is bounded by the month, and that a month that goes on is reported up to now.
"""

from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple

from services.api.request.database import Reads, Row
from services.api.request.scope import Scope
from services.api.system.slo import LONGEST, read_clocks
from services.core.clock import COUNTY
from services.core.prevention.hazard import Grade
from services.core.prevention.risk import RiskGrade
from services.core.statements import load_queries
from services.core.topics import Kind
from services.core.water import OUT_CODES
from services.core.words import Category, Severity, Verification

SQL = load_queries(__file__)
MOST_SITES: Final = 1000
"""Sites of each list, the worst first; the counts beside a list are of all."""
WORST: Final = 10
SILENT_CODES: Final = ("device_offline", "device_unreadable")
_DAY: Final = timedelta(days=1)
_RANK: Final = {grade: rank for rank, grade in enumerate(RiskGrade)}  # red is 0


class Month(NamedTuple):
    """A month of the county's calendar, as far as it has gone."""

    name: str
    first: date
    last: date
    begin: datetime
    until: datetime

    @classmethod
    def of(cls, name: str, now: datetime) -> "Month | None":
        """Return the month of `2026-11`; None: it has not begun."""
        year, number = (int(part) for part in name.split("-"))
        first, last = date(year, number, 1), date(year, number, monthrange(year, number)[1])
        begin, end = (_midnight(day) for day in (first, last + timedelta(days=1)))
        today = now.astimezone(COUNTY).date()  # a clock that was ahead has written lines of days to come
        return cls(name, first, min(last, today), begin, min(end, now)) if begin <= now else None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=COUNTY)


async def read_report(reads: Reads, scope: Scope, month: Month, now: datetime) -> dict[str, Any]:
    """Return the report of a month, without what ingest's log alone can tell once it lacks a part of the month."""
    mine = scope.parameters()
    span = {"begin": month.begin, "until": month.until, **mine}
    sites = await reads.rows(SQL["fires_by_site"], most=MOST_SITES, **span)
    silent = {"kinds": list(Kind), "codes": list(SILENT_CODES)}
    dry = {"kinds": [Kind.HYDRANT, Kind.WATER], "codes": list(OUT_CODES)}
    risks = await reads.rows(SQL["risks"], first=month.first, last=month.last, **mine)
    ids = [row["id"] for row in risks[:WORST] if row["mean_score"]]
    troubles = await reads.rows(SQL["troubles_of"], ids=ids, begin=month.begin, until=month.until)
    return {
        "alarms": _alarms(await reads.rows(SQL["alarms"], county=scope.county, **span)),
        "false_alarms": [_site_of_fires(row) for row in sites],
        "clocks": await read_clocks(reads, scope, month.begin, month.until, of_log=month.begin >= now - LONGEST - _DAY),
        "devices": _availability(await reads.rows(SQL["availability"], **silent, **span)),
        "water": _availability(await reads.rows(SQL["availability"], **dry, **span)),
        "hazards": _hazards(await reads.rows(SQL["hazards"], **span)),
        "risk": _risk(risks),
        "worst": _worst(risks, {row["id"]: row for row in troubles}),
    }


def _alarms(rows: Sequence[Row]) -> list[dict[str, Any]]:
    found = []
    for category in Category:
        own = [row for row in rows if row["category"] == category]
        total = sum(row["alarms"] for row in own)
        severities = {str(one): _sum(own, "severity", one) for one in Severity}
        verdicts = {str(one): _sum(own, "verification", one) for one in Verification}
        found.append({"category": category, "total": total, **severities, "verdicts": verdicts})
    return found


def _sum(rows: Sequence[Row], name: str, word: str) -> int:
    return sum(row["alarms"] for row in rows if row[name] == word)


def _site_of_fires(row: Row) -> dict[str, Any]:
    judged = row["real"] + row["false"]
    return {
        "site": {"id": row["id"], "name": row["name"]},
        **{name: row[name] for name in ("area", "fires", "real", "false", "test", "pending")},
        "false_pct": _pct(row["false"], judged),
    }


def _availability(rows: Sequence[Row]) -> list[dict[str, Any]]:
    names = ("kind", "devices", "devices_away", "times", "away_s")
    return [
        {**{name: row[name] for name in names}, "available_pct": _available_pct(row["total_s"], row["away_s"])}
        for row in sorted(rows, key=lambda row: list(Kind).index(row["kind"]))
    ]


def _available_pct(total_s: float, away_s: float) -> float | None:
    """Return the share of a time without gaps; rounded down, so that 100 says that there was none."""
    return round(100 - ceil(100_000 * away_s / total_s) / 1000, 3) if total_s else None


def _pct(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 3) if whole else None


def _hazards(rows: Sequence[Row]) -> list[dict[str, Any]]:
    by_grade = {row["grade"]: row for row in rows}
    counts = ("found", "rectified", "unfounded", "cause_gone", "open", "overdue", "supervised")
    return [
        {"grade": grade, **{name: by_grade[grade][name] if grade in by_grade else 0 for name in counts}}
        for grade in (Grade.MAJOR, Grade.GENERAL)
    ]


def _risk(rows: Sequence[Row]) -> dict[str, Any]:
    before, after = (Counter(row[name] for row in rows) for name in ("grade_before", "grade"))
    compared = [row for row in rows if row["grade_before"] is not None]
    changes = [row for row in compared if row["grade_before"] != row["grade"]]
    changes.sort(key=lambda row: (_RANK[row["grade"]] - _RANK[row["grade_before"]], -row["score"]))
    worse = sum(_RANK[row["grade"]] < _RANK[row["grade_before"]] for row in changes)
    return {
        "sites": len(rows),
        "grades": [{"grade": grade, "before": before[grade], "after": after[grade]} for grade in RiskGrade],
        "worse": worse,
        "better": len(changes) - worse,
        "changes": [_change(row) for row in changes[:MOST_SITES]],
    }


def _change(row: Row) -> dict[str, Any]:
    names = ("area", "grade_before", "score_before", "grade", "score")
    return {"site": {"id": row["id"], "name": row["name"]}, **{name: row[name] for name in names}}


def _worst(rows: Sequence[Row], troubles: dict[int, Row]) -> list[dict[str, Any]]:
    names = ("area", "score", "grade", "worst_score", "red_days", "orange_days")
    return [
        {
            "site": {"id": row["id"], "name": row["name"]},
            **{name: row[name] for name in names},
            "mean_score": round(row["mean_score"], 1),
            **{name: troubles[row["id"]][name] for name in ("alarms", "real_fires", "open_hazards")},
        }
        for row in rows[:WORST]
        if row["id"] in troubles
    ]
