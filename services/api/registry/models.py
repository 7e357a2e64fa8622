"""A device as the API takes and gives it (contract 5): models for bodies and for OpenAPI."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.api.registry.datum import Datum, convert
from services.api.request.fields import LONGEST_LINE, AreaCode, DeviceCode, Line, RowId
from services.api.request.known_fields import KnownFields
from services.core.topics import Kind
from services.core.words import DeviceStatus, Form, Severity

MOST_NUMBER = 1e9
Number = Annotated[float, Field(strict=True, ge=-MOST_NUMBER, le=MOST_NUMBER, allow_inf_nan=False)]
_Whole = Annotated[int, Field(strict=True, ge=-MOST_NUMBER, le=MOST_NUMBER)]


def _no_switch(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - what pydantic collects
    return value


def _simple(value: object) -> object:
    """Refuse what is none of the kinds of an attribute: their union would name each kind beside the field."""
    fits = value is None or (
        len(value.strip()) <= LONGEST_LINE if isinstance(value, str)
        else isinstance(value, int | float) and -MOST_NUMBER <= value <= MOST_NUMBER
    )  # fmt: skip
    if not fits:
        raise ValueError(
            "must be a text of up to 200 characters, a number up to 10^9 (a longer one as text) or a switch"
        )
    return value


_Simple = Annotated[Line | _Whole | Number | bool | None, BeforeValidator(_simple)]
_NotSwitch = BeforeValidator(_no_switch)  # text is read as a number here: ledgers are text
GatewayAddress = Annotated[
    str,
    BeforeValidator(lambda given: given.lower() if isinstance(given, str) else given),
    Field(
        pattern=r"^[0-9a-f]{12}$",
        examples=["921000000000"],
        description="source address of a panel, six bytes in wire order as hex digits: 4242 is 921000000000",
    ),
]


class Location(BaseModel):
    """A place, WGS 84."""

    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[111.0911]), _NotSwitch]
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[39.0202]), _NotSwitch]


class GivenLocation(KnownFields, Location):
    """A place in the `datum` named; WGS 84 when none is. Stored as WGS 84."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lon": 111.0911, "lat": 39.0202}]})

    datum: Datum | None = None

    def wgs84(self) -> tuple[float, float]:
        """Return longitude and latitude in WGS 84."""
        return convert(self.lon, self.lat, self.datum or Datum.WGS84)


def _site_id(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


class Newest(BaseModel):
    """The newest value of a field, and its time."""

    value: Any = Field(examples=[0.33])
    ts: str = Field(examples=["2026-11-23T08:00:00Z"])


class Counts(BaseModel):
    """Loss accounting of a device."""

    gaps: int
    duplicates: int
    late: int
    rejects: int
    restarts: int


class Quality(Counts):
    """Loss accounting in all, and of the last 24 h."""

    last_24h: Counts


class RuleLimit(BaseModel):
    """A limit that a rule holds the device to, for its charts."""

    model_config = ConfigDict(populate_by_name=True)

    field: str = Field(examples=["pressure_mpa"])
    code: str = Field(examples=["hydrant_pressure_low"])
    op: Literal["<", ">"]
    raises: float = Field(alias="raise", examples=[0.14])
    clear: float
    critical: float | None


class Device(BaseModel):
    """A device with its newest state."""

    id: int
    code: str = Field(examples=["h-0001"])
    kind: Kind
    area: str = Field(examples=["140931100"])
    name: str
    site: int | None = Field(description="the site's id")
    site_name: str | None
    form: Form | None
    location: Location | None
    source_datum: Datum | None
    address: str
    owner: str
    maintainer: str
    expected_interval_s: int
    sleepy: bool
    rated_current_a: float | None
    limits: dict[str, Any]
    gateway: str | None
    gateway_address: str | None
    gateway_profile: str | None
    attributes: dict[str, Any]
    registered: bool
    status: DeviceStatus
    last_seen: str | None
    state: dict[str, Newest]
    quality: Quality
    clock_behind_s: float | None = Field(
        description="how far its clock is behind by a constant: its readings are judged by the time they were received"
    )
    unreadable_since: str | None = Field(
        description="since when it is known that nothing usable comes (alarm device_unreadable): it is not online"
    )
    alarm: Severity | None = Field(description="worst open alarm")
    out_of_service_until: str | None
    out_of_service_reason: str | None
    version: int


class LastInspection(BaseModel):
    """When somebody last looked at a device (巡查), and when it is due again."""

    id: int | None
    inspected_at: str | None = Field(description="null: never")
    failed: int | None = Field(description="how many items were not as they should be")
    interval_d: float | None = Field(description="null: it has no interval; water sources have one")
    due_at: str | None = Field(description="null for a source that was never inspected: it is due now")


class DeviceDetail(Device):
    """A device with the limits of its rules, the grids it lies in, and its last inspection."""

    rule_limits: list[RuleLimit]
    grids: list[str] = Field(description="by its position")
    inspection: LastInspection


class DevicePut(KnownFields):
    """What a person registers. Fields left out keep their value; null clears one, what is only read is passed over."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "hydrant",
                    "area": "140931100",
                    "name": "府前街 12 号",
                    "form": "aboveground",
                    "location": {"lon": 111.0911, "lat": 39.0202},
                    "source_datum": "wgs84",
                    "expected_interval_s": 300,
                }
            ]
        },
    )

    answered: ClassVar = frozenset(DeviceDetail.model_fields)

    kind: Kind | None = None
    area: AreaCode | None = None
    name: Line | None = None
    site: Annotated[RowId | None, _NotSwitch, BeforeValidator(_site_id)] = None
    form: Form | None = None
    location: GivenLocation | None = None
    source_datum: Datum | None = None
    address: Line | None = None
    owner: Line | None = None
    maintainer: Line | None = None
    expected_interval_s: Annotated[int, Field(ge=1, le=604_800), _NotSwitch] | None = None
    sleepy: bool | None = None
    rated_current_a: Annotated[float, Field(ge=0.001, le=100_000, allow_inf_nan=False), _NotSwitch] | None = None
    limits: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")], Number] | None = Field(
        default=None, max_length=50, examples=[{"level_pct_low": 40}]
    )
    gateway: DeviceCode | None = None
    gateway_address: GatewayAddress | None = None
    gateway_profile: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    attributes: dict[Line, _Simple] | None = Field(default=None, max_length=100)
