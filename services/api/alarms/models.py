"""An alarm as the API gives it (contract 5), and what people may send about one."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from services.api.registry.models import Location
from services.api.request.fields import Moment, Words
from services.core.words import Category, Confidence, Severity, State, Verification

NonEmpty = Annotated[Words, StringConstraints(min_length=1)]


class SiteName(BaseModel):
    """The site of an alarm."""

    id: int
    name: str


class OutOfService(BaseModel):
    """That the device of an alarm is out of service: until when, why, and who said so."""

    until: str
    reason: str | None
    by: str | None


class Alarm(BaseModel):
    """One condition through its whole life."""

    id: int
    code: str = Field(examples=["hydrant_pressure_low"])
    category: Category
    severity: Severity
    state: State
    confidence: Confidence | None
    verification: Verification
    device: str | None
    device_name: str | None
    device_kind: str | None
    component: str
    zone: str
    area: str | None
    site: SiteName | None
    location: Location | None
    value: float | None
    limit: float | None
    reason: str = Field(examples=["静压 0.12 MPa 低于 0.14 MPa"])
    reason_en: str
    late_min: int | None = Field(description="reported so many minutes after it happened")
    opened_at: str
    since: str | None = Field(
        description="since when its condition stands, if it came back or a new fire began here; null: opened_at"
    )
    acknowledged_at: str | None
    acknowledged_by: str | None
    cleared_at: str | None
    closed_at: str | None
    incident_id: int | None
    incident_title: str | None
    shelved_until: str | None
    shelve_reason: str | None
    escalates_at: str | None = Field(description="when the desk hears of it although nobody judged it")
    drill: bool
    test_window: bool
    out_of_service: OutOfService | None = Field(description="null: its device is in service")
    version: int = Field(description="changes with state, severity, confidence, verification or a new fire only")


class Line(BaseModel):
    """One line of an alarm's time line."""

    at: str
    actor: str
    act: str
    outcome: str
    from_state: str | None
    to_state: str
    detail: dict[str, Any]


class EvidenceLine(BaseModel):
    """Something that was reported."""

    at: str
    text: str
    text_en: str | None = None


class EarlyWarning(BaseModel):
    """What a detector saw (contract 11)."""

    members: list[str] = Field(description="codes of the devices it is about, worst first")
    location: Location | None = Field(description="where it most likely is")
    expected: float | None
    seen: float | None
    unit: str
    since: str
    until: str | None
    sure: Literal["high", "fair"]


class AlarmDetail(Alarm):
    """An alarm with everything that a person needs to judge it."""

    site: Any
    timeline: list[Line]
    evidence: list[EvidenceLine]
    early_warning: EarlyWarning | None = Field(description="of codes of early warning only")
    notices: list[Any]
    nearest_water: list[Any]
    siblings: list[Alarm]


class NoteBody(BaseModel):
    """An optional note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "已电话核实"}]})

    note: Words = ""


class VerifyBody(BaseModel):
    """A verdict."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "real", "note": "现场确认"}]})

    outcome: Literal["real", "false", "test"]
    note: Words = ""


class CorrectBody(BaseModel):
    """Another verdict, and why the first one was wrong."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "test", "reason": "维保补报：当时在做联动测试"}]}
    )

    outcome: Literal["real", "false", "test"]
    reason: NonEmpty


class ShelveBody(BaseModel):
    """Until when, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until": "2026-11-23T18:00:00+08:00", "reason": "管道检修"}]}
    )

    until: Moment
    reason: NonEmpty


class TextBody(BaseModel):
    """A line for the time line."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "已通知维保单位"}]})

    text: NonEmpty = Field(validation_alias=AliasChoices("text", "note"))
