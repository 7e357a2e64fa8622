"""An inspection as the API gives it (contract 12), and what people may send of one."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.api.prevention.models import HazardSite
from services.api.request.fields import DeviceCode, Line, Moment, RowId, Words
from services.core.prevention.catalogue import HazardCode

MOST_ANSWERS = 50


class ChecklistItem(BaseModel):
    """One question of a checklist. Yes is good; a no proposes a hazard."""

    item: str = Field(examples=["reachable"])
    title: str
    title_en: str
    hazard: HazardCode = Field(description="what is proposed when the answer is no")
    source: str = Field(description="the law or standard behind it")


class ChecklistShown(BaseModel):
    """What is looked at, for one kind of device or a site."""

    name: str = Field(examples=["hydrant"])
    title: str
    title_en: str
    items: list[ChecklistItem]


class Answer(BaseModel):
    """What was found of one question."""

    item: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$", examples=["reachable"])]
    ok: bool | None = Field(description="null: it does not apply here")
    note: Line = ""


class AnswerShown(Answer):
    """An answer with its question."""

    title: str
    title_en: str


def _as_list(value: Any) -> Any:
    """Take `{"reachable": true}` for a list of answers."""
    return [{"item": item, "ok": ok} for item, ok in value.items()] if isinstance(value, dict) else value


class InspectionPost(BaseModel):
    """What somebody found at a device or site."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": "7d0c4f0e-5d0b-4a57-9a68-6b6f3f1f8a11",
                    "device": "h-0001",
                    "answers": [
                        {"item": "reachable", "ok": False, "note": "被车辆遮挡"},
                        {"item": "flows", "ok": True},
                    ],
                    "note": "已联系车主",
                    "inspected_at": "2026-11-29T09:30:00+08:00",
                }
            ]
        }
    )

    request_id: UUID | None = Field(
        default=None, description="made by the phone: sent again with the same one, it is the same inspection"
    )
    device: DeviceCode | None = None
    site: RowId | None = None
    answers: Annotated[list[Answer], BeforeValidator(_as_list), Field(min_length=1, max_length=MOST_ANSWERS)]
    note: Words = ""
    inspected_at: Moment | None = Field(default=None, description="left out: now; at most 30 days ago")
    photo: str | None = Field(
        default=None,
        description="JPEG, PNG or WebP of at most 2 MiB as base64 or data: URI",
        examples=[None],
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.device is None) == (self.site is None):
            raise ValueError("name a device or a site, one of both")
        return self


class Inspection(BaseModel):
    """What somebody found at a device or site. Never changed."""

    id: int
    request_id: str
    device: str | None
    device_name: str | None
    device_kind: str | None
    site: HazardSite | None
    area: str
    checklist: str = Field(examples=["hydrant"])
    inspected_at: str
    received_at: str
    inspected_by: str
    answers: list[AnswerShown]
    failed: int = Field(description="how many answers are no")
    note: str
    hazards: list[int] = Field(description="of the failed items: proposed by this inspection, or open already")
    photo: str | None = Field(description="where it is", examples=["/api/v1/inspections/5/photo"])
