"""The content of each policy: fields, units, defaults, and the bounds of every number, with the source.

One place for writing (the API answers 422 by these models) and for reading (`policies` falls back by them).
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from services.core.alarms.codes import CODES
from services.core.alarms.responses import RESPONSES
from services.core.alarms.risk_weights import WEIGHTS
from services.core.receivers import BodyTemplate, Headers, OptionalHttpUrl, SuccessRule
from services.core.words import CallChannel, Severity

SeverityWord = Annotated[Severity, Field(strict=False)]  # as JSON and table have it: a text
Channel = Annotated[CallChannel, Field(strict=False)]
Until = Literal["acknowledged", "judged", "closed"]
MAX_STEPS = 50
MAX_SHIFTS, MAX_EXCEPTIONS, MAX_ON_SHIFT = 50, 200, 20
MAX_RESPONSE = 500  # letters: what is read while an alarm waits
_FIRST_YEAR, _LAST_YEAR = 1970, 2200  # numbers that every part of the program can calculate with


def _between(least: float, most: float, unit: str) -> BeforeValidator:
    """Take a number from `least` to `most`, and no text that only looks like one."""
    wanted = f"must be a number of {unit} from {least:g} to {most:g}"

    def check(value: Any) -> Any:
        if type(value) not in {int, float} or not least <= value <= most:  # NaN compares false
            raise ValueError(wanted)
        return value

    return BeforeValidator(check)


def _listed(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of {', '.join(CallChannel)}")  # noqa: TRY004 - pydantic's word
    return value


def _moment(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise ValueError("must be a time with an offset, as 2026-11-23T18:00:00+08:00, or null")
    return value


def _code(value: str) -> str:
    if value not in CODES:
        raise ValueError(f"must be one of {', '.join(CODES)}")
    return value


class _Policy(BaseModel):
    """Values are taken as they are: a number written as text is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FireClocks(_Policy):
    """Contract 6; `incident_gap_s` is the life cycle's own. An hour is the longest a fire may wait for a verdict."""

    suspected_s: Annotated[int | float, _between(0, 3600, "seconds")] = 180
    probable_s: Annotated[int | float, _between(0, 3600, "seconds")] = 60
    evidence_window_s: Annotated[int | float, _between(0, 3600, "seconds")] = 300
    incident_gap_s: Annotated[int | float, _between(0, 86_400, "seconds")] = 1800


class Drill(_Policy):
    """Until when everything that leaves is marked as a drill."""

    until: Annotated[str | None, AfterValidator(_moment)] = None


class Notices(_Policy):
    """Contract 7. `notify_from`: the least severity of which the desk hears."""

    notify_from: SeverityWord = Severity.MAJOR
    offline_hold_s: Annotated[int | float, _between(0, 3600, "seconds")] = 30
    flap_hold_s: Annotated[int | float, _between(0, 3600, "seconds")] = 60
    shelve_max_s: Annotated[int | float, _between(60, 31 * 86_400, "seconds")] = 604_800
    hold_older_than_s: Annotated[int | float, _between(60, 31 * 86_400, "seconds")] = 3600
    overdue_after_s: Annotated[int | float, _between(0, 3600, "seconds")] = 60
    carried_after_s: Annotated[int | float, _between(0, 3600, "seconds")] = 10


class Grouping(_Policy):
    """Contract 7: mains. The silence figures are ours: fewer devices are reported one by one."""

    mains_members: Annotated[int | float, _between(2, 1000, "devices")] = 3
    mains_window_s: Annotated[int | float, _between(1, 86_400, "seconds")] = 120
    silence_members_gateway: Annotated[int | float, _between(2, 1000, "devices")] = 2
    silence_members_area: Annotated[int | float, _between(2, 10_000, "devices")] = 4
    silence_window_s: Annotated[int | float, _between(1, 86_400, "seconds")] = 300


class Health(_Policy):
    """Our own health: contract 8 (80 %); GB 50440-2007 3.3 (clocks agree within 5 s); the rest is ours.

    101 % is never reached: it turns the alarm off. `storage_fine_pct` above `storage_low_pct` counts as that.
    """

    storage_low_pct: Annotated[int | float, _between(0, 101, "per cent")] = 80
    storage_fine_pct: Annotated[int | float, _between(0, 101, "per cent")] = 78
    storage_critical_pct: Annotated[int | float, _between(0, 101, "per cent")] = 90
    storage_critical_mb: Annotated[int | float, _between(0, 1_000_000, "megabytes left")] = 64
    connections_full_pct: Annotated[int | float, _between(1, 101, "per cent")] = 80
    connections_fine_pct: Annotated[int | float, _between(0, 101, "per cent")] = 75
    connections_critical_pct: Annotated[int | float, _between(1, 101, "per cent")] = 90
    stalled_s: Annotated[int | float, _between(1, 86_400, "seconds")] = 30
    starting_s: Annotated[int | float, _between(0, 3600, "seconds")] = 45
    township_silent_s: Annotated[int | float, _between(5, 86_400, "seconds")] = 60
    drift_s: Annotated[int | float, _between(0, 86_400, "seconds")] = 5
    backup_log_s: Annotated[int | float, _between(60, 31 * 86_400, "seconds")] = 300
    backup_copy_h: Annotated[int | float, _between(1, 31 * 24, "hours")] = 27
    session_lost_for_s: Annotated[int | float, _between(1, 31 * 86_400, "seconds")] = 600


class Step(_Policy):
    """Who is called, after how long, through which channels, until which answer; for a code, or from a severity up."""

    code: Annotated[str, AfterValidator(_code)] | None = None
    severity: SeverityWord | None = None
    after_s: Annotated[int | float, _between(0, 7 * 86_400, "seconds")]
    channels: Annotated[list[Channel], BeforeValidator(_listed), Field(min_length=1, max_length=len(CallChannel))]
    until: Until

    @model_validator(mode="after")
    def _names_alarms(self) -> Self:
        if self.code is None and self.severity is None:
            raise ValueError(f"code or severity: one of both says which alarms; severity is {_CHOICES}")
        return self


_CHOICES: Final = ", ".join(Severity)
_CALLS: Final = [CallChannel.VOICE, CallChannel.SMS, CallChannel.WEBHOOK]


class Escalation(_Policy):
    """The steps; later steps of an alarm are still due when the first ones have called nobody."""

    steps: Annotated[list[Step], Field(max_length=MAX_STEPS)] = [
        Step(code="dispatch_failed", after_s=0, channels=_CALLS, until="closed"),
        Step(code="dispatch_failed", after_s=300, channels=_CALLS, until="acknowledged"),
        Step(code="fire", after_s=120, channels=[CallChannel.SMS, CallChannel.WEBHOOK], until="acknowledged"),
        Step(code="fire", after_s=300, channels=[CallChannel.VOICE], until="judged"),
        Step(
            severity=Severity.CRITICAL,
            after_s=300,
            channels=[CallChannel.SMS, CallChannel.WEBHOOK],
            until="acknowledged",
        ),
    ]


def _clock_time(value: str) -> str:
    try:
        at = time.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or value != at.strftime("%H:%M"):
        raise ValueError("must be a time of the day, as 08:00")
    return value


def _day(value: str) -> str:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or value != found.isoformat() or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError("must be a day, as 2026-12-01")
    return value


ClockTime = Annotated[str, AfterValidator(_clock_time)]
ContactId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Shift(_Policy):
    """Who is on call between two times of the county's clock; over midnight where `end` is not after `begin`."""

    contacts: Annotated[list[ContactId], Field(min_length=1, max_length=MAX_ON_SHIFT)]
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1, max_length=7)]  # 1: Monday
    begin: ClockTime
    end: ClockTime


class RotaException(_Policy):
    """One day with other people on call than the shifts say; an empty list: nobody of the rota."""

    day: Annotated[str, AfterValidator(_day)]
    begin: ClockTime = "00:00"
    end: ClockTime = "00:00"
    contacts: Annotated[list[ContactId], Field(max_length=MAX_ON_SHIFT)] = []


class Rota(_Policy):
    """Which contacts are on call, and when. A contact that is not in the rota always is."""

    shifts: Annotated[list[Shift], Field(max_length=MAX_SHIFTS)] = []
    exceptions: Annotated[list[RotaException], Field(max_length=MAX_EXCEPTIONS)] = []


class Response(_Policy):
    """What an officer does about an alarm, in both languages."""

    zh: Annotated[str, Field(max_length=MAX_RESPONSE)] = ""
    en: Annotated[str, Field(max_length=MAX_RESPONSE)] = ""


class Gateway(_Policy):
    """The HTTP interface of the operator's own gateway. An empty address: the channel reaches nobody."""

    url: OptionalHttpUrl = ""
    headers: Headers = {}
    body: BodyTemplate = {}
    success: SuccessRule | None = None


class SmsGateway(Gateway):
    """Text messages."""

    body: BodyTemplate = {"phone": "{address}", "content": "{text}"}


class VoiceGateway(Gateway):
    """Calls that read a text aloud."""

    body: BodyTemplate = {"called": "{address}", "tts": "{text}"}


_WORDS: Final[dict[str, Any]] = {code: (Response, Response(zh=zh, en=en)) for code, (zh, en) in RESPONSES.items()}
Responses: Final = create_model(
    "Responses",
    __base__=_Policy,
    __doc__="What is to be done about an alarm, by its code: our words until the brigade writes its own.",
    **_WORDS,
)


class Weight(_Policy):
    """How many points each of a kind adds to the risk of a site, and how many all of them do at the most."""

    each: Annotated[int, _between(0, 100, "whole points")]
    most: Annotated[int, _between(0, 100, "whole points")]


class _RiskScale(_Policy):
    """Contract 12. Grades at 15, 30 and 40 of 100: the common safety scores of 85, 70 and 60, seen from the other end.

    150 m is how far a hydrant reaches (GB 50974-2014); the other windows are ours.
    """

    yellow_from: Annotated[int, _between(1, 101, "whole points")] = 15
    orange_from: Annotated[int, _between(1, 101, "whole points")] = 30
    red_from: Annotated[int, _between(1, 101, "whole points")] = 40
    water_radius_m: Annotated[int | float, _between(0, 2000, "metres")] = 150
    false_alarms_d: Annotated[int | float, _between(1, 365, "days")] = 30
    fire_recent_d: Annotated[int | float, _between(1, 365, "days")] = 90
    guard_d: Annotated[int | float, _between(1, 365, "days")] = 30


_WEIGHTS: Final[dict[str, Any]] = {
    str(code): (Weight, Weight(each=each, most=most)) for code, (each, most) in WEIGHTS.items()
}
Risk: Final = create_model("Risk", __base__=_RiskScale, __doc__=_RiskScale.__doc__, **_WEIGHTS)

MODELS: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "fire_clocks": FireClocks,
        "drill": Drill,
        "notices": Notices,
        "grouping": Grouping,
        "health": Health,
        "escalation": Escalation,
        "rota": Rota,
        "responses": Responses,
        "risk": Risk,
        "sms_gateway": SmsGateway,
        "voice_gateway": VoiceGateway,
    }
)


def plain(policy: BaseModel) -> dict[str, Any]:
    """Return a policy as JSON has it: numbers as they were written, no empty choice of a step."""
    return {name: _plain(getattr(policy, name)) for name in type(policy).model_fields}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [_plain(one) for one in value] if isinstance(value, list) else value
