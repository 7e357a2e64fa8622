"""A hazard as the API gives it (contract 12), and what people may send about one."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.api.registry.models import Location
from services.api.request.fields import DeviceCode, Line, Moment, RowId, Words
from services.api.request.known_fields import KnownFields
from services.core.prevention.catalogue import HazardCode
from services.core.prevention.hazard import Act, ClosedAs, Grade, HazardState, Source

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _end_of_day(value: object) -> object:
    """Take a day as its last second by the county's clock: whoever names a day means all of it."""
    return f"{value}T23:59:59+08:00" if isinstance(value, str) and _DAY.fullmatch(value) else value


Due = Annotated[Moment, BeforeValidator(_end_of_day)]
Component = Annotated[Line, Field(description="the part of the device; empty: the device as a whole")]


class HazardKind(BaseModel):
    """A kind of hazard of the catalogue."""

    code: HazardCode
    title: str
    title_en: str
    grade: Grade = Field(description="of a hazard of which nobody says another")
    source: str = Field(description="the law or standard behind it")
    proposed: bool = Field(description="whether the system finds it in its data")


class HazardSite(BaseModel):
    """The site of a hazard."""

    id: int
    name: str


class Hazard(BaseModel):
    """Something that may cause a fire or hinder fighting it, and how far it is mended."""

    id: int
    code: str = Field(examples=["hydrant_blocked"])
    title: str
    title_en: str
    device: str | None
    device_name: str | None
    device_kind: str | None
    component: str
    site: HazardSite | None
    area: str
    location: Location | None
    grade: Grade
    source: Source
    state: HazardState
    owner: str = Field(description="who has to rectify it; empty: nobody was named")
    due: str | None
    overdue: bool = Field(description="found or assigned, and past `due`")
    description: str
    description_en: str
    found_at: str
    found_by: str
    assigned_at: str | None
    assigned_by: str | None
    rectified_at: str | None
    rectified_by: str | None
    closed_at: str | None
    closed_by: str | None
    closed_as: ClosedAs | None
    supervised: bool
    supervised_at: str | None
    supervised_by: str | None
    authority: str = Field(description="who supervises")
    cause_gone_at: str | None = Field(description="since when the system no longer sees what made it propose this")
    updated_at: str
    version: int


class HazardStep(BaseModel):
    """One line of a hazard's time line."""

    number: int
    at: str
    actor: str
    act: Act
    from_state: HazardState | None
    to_state: HazardState
    note: str
    detail: dict[str, Any] = Field(description="what the step changed")


class HazardDetail(Hazard):
    """A hazard with everything that was done about it."""

    timeline: list[HazardStep]


class HazardPost(KnownFields):
    """A hazard that somebody found, of a device or of a site."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "device": "h-0001",
                    "code": "hydrant_blocked",
                    "source": "inspection",
                    "description": "被车辆遮挡",
                    "owner": "东关镇综合执法队",
                    "due": "2026-12-10",
                }
            ]
        }
    )

    device: DeviceCode | None = None
    site: RowId | None = None
    component: Component = ""
    code: HazardCode
    grade: Grade | None = Field(default=None, description="left out: that of the catalogue")
    source: Literal[Source.INSPECTION, Source.REPORT] = Source.REPORT
    owner: Line = ""
    due: Due | None = Field(default=None, description="a moment, or a day by the county's clock")
    description: Words = ""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.device is None) == (self.site is None):
            raise ValueError("name a device or a site, one of both")
        return self


class HazardPatch(KnownFields):
    """What is said of it instead. Fields left out keep their value; `due` null takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grade": "major", "description": "整条街的消火栓被埋"}]})

    code: HazardCode | None = None
    grade: Grade | None = None
    owner: Line | None = None
    due: Due | None = None
    description: Words | None = None
    note: Words = ""


class AssignBody(KnownFields):
    """Who rectifies it until when. What is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"owner": "保德县供水公司", "due": "2026-12-10"}]})

    owner: Annotated[Line, Field(min_length=1)] | None = None
    due: Due | None = Field(default=None, description="a moment, or a day by the county's clock")
    note: Words = ""


class StepBody(KnownFields):
    """A note to the step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"note": "已清理，现场照片存档"}]})

    note: Words = ""


class CloseBody(KnownFields):
    """Why it ends: it was rectified, or it was none, which needs a note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "unfounded", "note": "现场核实无遮挡"}]})

    outcome: Literal[ClosedAs.RECTIFIED, ClosedAs.UNFOUNDED] = ClosedAs.RECTIFIED
    note: Words = ""


class SuperviseBody(KnownFields):
    """Who supervises, and until when it has to be rectified."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"authority": "保德县消防救援大队", "due": "2026-12-31", "note": "挂牌督办"}]}
    )

    authority: Line | None = None
    due: Due | None = None
    note: Words = ""
