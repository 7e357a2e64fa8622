"""Subscriptions and their deliveries as the API shows and takes them (contract 9.3). Used by `subscriptions`."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from services.api.people.users import Areas
from services.api.request.fields import BIGINT, Line, Moment
from services.core.city.cloudevent import EventType
from services.core.receivers import MAX_URL, check_url

SubscriptionId = Annotated[int, Path(alias="id", ge=1, le=BIGINT)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL, strip_whitespace=True)]
# of none it would be told nothing, in silence
SomeAreas = Annotated[Areas, Field(min_length=1)]
Type = EventType | Literal["*"]
Types = Annotated[list[Type], Field(min_length=1, max_length=20, description="`*` is all of them")]
Format = Literal["cloudevents", "cap"]
DeliveryState = Literal["waiting", "delivered", "dead"]


class Subscription(BaseModel):
    """Who is told what, and how that goes."""

    id: int
    name: str
    url: str = Field(description="without what may be a secret in it")
    types: list[str]
    areas: list[str]
    format: Format
    state: Literal["active", "paused", "disabled"] = Field(description="disabled: the receiver answered 410")
    failures: int = Field(description="attempts in a row that were not accepted")
    last_at: str | None = Field(description="the newest attempt")
    last_status: int | None
    last_error: str | None
    delivered_at: str | None = Field(description="the newest that was accepted")
    backlog: int = Field(description="events that wait")
    oldest_waiting_at: str | None
    dead: int = Field(description="events that were given up: `replay` sends them again")
    previous_secret_until: str | None = Field(description="until then the secret before signs, too")
    created_by: str = Field(description="who made it, or set its state to active last; it is paused with their rights")
    created_at: str
    version: int


class NewSubscription(Subscription):
    """A subscription; `secret` is shown this once."""

    secret: str


class SubscriptionPost(BaseModel):
    """A new subscription. Without `areas` it gets events of all areas that its administrator sees."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "智慧城市平台",
                    "url": "https://city.example/hooks/firetower",
                    "types": ["fire.confirmed", "device.status"],
                    "areas": ["140931"],
                    "format": "cloudevents",
                }
            ]
        },
    )

    name: Annotated[Line, Field(min_length=1)]
    url: Url
    types: Types = ["*"]
    areas: SomeAreas | None = None
    format: Format = "cloudevents"

    _check_url = field_validator("url")(check_url)


class SubscriptionPatch(BaseModel):
    """The changed fields. An address that is sent back as it was shown stays unchanged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "paused"}]})

    name: Annotated[Line, Field(min_length=1)] | None = None
    url: Url | None = None
    types: Types | None = None
    areas: SomeAreas | None = None
    format: Format | None = None
    state: Literal["active", "paused"] | None = None


class Secret(BaseModel):
    """The new secret, shown this once."""

    secret: str
    previous_secret_until: str = Field(description="until then both secrets sign")


class TestSent(BaseModel):
    """What was sent: look for it among the deliveries."""

    event_id: str


class ReplayBody(BaseModel):
    """The time of the events that are sent again, under their ids. They are kept for 30 days."""

    model_config = ConfigDict(
        extra="forbid",  # without its end a span reaches to now
        json_schema_extra={"examples": [{"from": "2026-11-28T08:00:00+08:00", "to": "2026-11-28T09:00:00+08:00"}]},
    )

    begin: Moment = Field(alias="from")
    to: Moment | None = Field(default=None, description="null: now")


class Replayed(BaseModel):
    """How many events wait to be sent again."""

    replayed: int


class Delivery(BaseModel):
    """One event for one subscription."""

    event_id: str = Field(description="`webhook-id` and the event's `id`")
    sequence: str
    type: str
    subject: str
    time: str
    state: DeliveryState
    attempts: int
    due_at: str | None = Field(description="when it is tried next")
    last_at: str | None
    last_status: int | None
    last_error: str | None
    took_ms: float | None
    delivered_at: str | None
