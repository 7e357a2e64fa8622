"""The monthly report as the API gives it (contract 12)."""

from pydantic import BaseModel, Field

from services.api.prevention.models import HazardSite
from services.api.system.slo import ClockShown
from services.core.prevention.hazard import Grade
from services.core.prevention.risk import RiskGrade
from services.core.topics import Kind
from services.core.words import Category


class Verdicts(BaseModel):
    """How many were judged how. `none`: nobody is asked."""

    none: int
    pending: int
    real: int
    false: int
    test: int


class AlarmsOf(BaseModel):
    """The alarms of one category that were raised in the month."""

    category: Category
    total: int
    critical: int
    major: int
    minor: int
    info: int
    verdicts: Verdicts


class FiresOfSite(BaseModel):
    """The fire alarms of one site."""

    site: HazardSite
    area: str
    fires: int
    real: int
    false: int
    test: int
    pending: int
    false_pct: float | None = Field(description="false ones of those judged real or false; null: none was")


class Availability(BaseModel):
    """How long registered devices of a kind could be counted on, by the alarms that say they could not."""

    kind: Kind
    devices: int
    devices_away: int = Field(description="how many were away at least once")
    times: int
    away_s: float
    available_pct: float | None


class HazardsOf(BaseModel):
    """The hazards of one grade: what came and went in the month, and what was open at its end."""

    grade: Grade
    found: int
    rectified: int
    unfounded: int
    cause_gone: int
    open: int
    overdue: int
    supervised: int


class GradeCount(BaseModel):
    """How many sites had a grade."""

    grade: RiskGrade
    before: int = Field(description="on the last day before the month that has a score")
    after: int


class RiskChange(BaseModel):
    """A site whose grade at the end of the month is another than before it."""

    site: HazardSite
    area: str
    grade_before: RiskGrade
    score_before: int
    grade: RiskGrade
    score: int


class RiskOfMonth(BaseModel):
    """The risk of all sites."""

    sites: int
    grades: list[GradeCount]
    worse: int
    better: int
    changes: list[RiskChange] = Field(description="the worst first, at most 1000")


class WorstSite(BaseModel):
    """One of the ten sites with the highest daily scores."""

    site: HazardSite
    area: str
    score: int = Field(description="at the end of the month")
    grade: RiskGrade
    mean_score: float = Field(description="of each day's worst")
    worst_score: int
    red_days: int
    orange_days: int
    alarms: int
    real_fires: int
    open_hazards: int


class MonthlyReport(BaseModel):
    """A month in numbers."""

    month: str = Field(examples=["2026-11"])
    area: str | None
    begin: str
    until: str = Field(description="the end of the month, or now while it goes on")
    made_at: str
    kept_since: str | None = Field(
        description="alarms closed before it are deleted, so that the month is not whole; null: it is", examples=[None]
    )
    alarms: list[AlarmsOf]
    false_alarms: list[FiresOfSite] = Field(description="the site with most false alarms first, at most 1000")
    clocks: list[ClockShown] = Field(description="without `event_to_commit` where ingest's log lacks part of the month")
    devices: list[Availability]
    water: list[Availability]
    hazards: list[HazardsOf]
    risk: RiskOfMonth
    worst: list[WorstSite]
