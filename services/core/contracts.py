"""Every payload on the wire as a model: the one place that says what a field is, its unit and what is possible.

Read by ingest (decode), simulators, gateway, API and the AsyncAPI generator. Limits are what is physically possible;
alarm limits are data of the rules.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.core.topics import Kind

MAX_READINGS = 600  # elements of a telemetry array
MAX_EVENTS = 100  # elements of an event array
MAX_PAYLOAD_BYTES = 256 * 1024
SEQ_MODULUS = 2**32
RECEIVED = "firetower-received"
"""User property of what a relay brings late: when its township received it, in microseconds since 1970."""
MISPLACED = "this is an event"
"""Begins what a reject says of an event on a channel where none is heard: alerts tells people of it at once."""

Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Celsius = Annotated[float, Field(ge=-40, le=80, allow_inf_nan=False)]
AirCelsius = Annotated[float, Field(ge=-60, le=60, allow_inf_nan=False)]
CableCelsius = Annotated[float, Field(ge=-50, le=400, allow_inf_nan=False)]
Ampere = Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
Volt = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Dbm = Annotated[float, Field(ge=-160, le=0, allow_inf_nan=False)]
Timestamp = Annotated[
    datetime | int,
    Field(description="RFC 3339 with offset, or integer epoch milliseconds", union_mode="left_to_right"),
]
Sequence = Annotated[int, Field(ge=0, lt=SEQ_MODULUS, description="+1 per message of this channel, wraps at 2^32")]


class Reading(BaseModel):
    """What a device measured at one moment. Unknown fields are kept in `extra`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    ts: Timestamp
    seq: Sequence


class HydrantReading(Reading):
    """A smart hydrant, water crane or draw point."""

    pressure_mpa: Annotated[float, Field(ge=-0.1, le=4, allow_inf_nan=False)] | None = None
    flow_lps: Annotated[float, Field(ge=0, le=200, allow_inf_nan=False)] | None = None
    water_temp_c: Celsius | None = None
    tilt_deg: Annotated[float, Field(ge=0, le=180, allow_inf_nan=False)] | None = None
    cap_open: bool | None = None
    water_present: bool | None = None
    air_temp_c: AirCelsius | None = None
    battery_pct: Percent | None = None
    rsrp_dbm: Dbm | None = None


class ElectricalReading(Reading):
    """An electrical fire monitor on one circuit."""

    residual_current_ma: Annotated[float, Field(ge=0, le=30_000, allow_inf_nan=False)] | None = None
    temp_a_c: CableCelsius | None = None
    temp_b_c: CableCelsius | None = None
    temp_c_c: CableCelsius | None = None
    temp_n_c: CableCelsius | None = None
    current_a_a: Ampere | None = None
    current_b_a: Ampere | None = None
    current_c_a: Ampere | None = None
    voltage_a_v: Volt | None = None
    voltage_b_v: Volt | None = None
    voltage_c_v: Volt | None = None
    power_kw: Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)] | None = None
    power_factor: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] | None = None
    frequency_hz: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    energy_kwh: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    arc_count: (
        Annotated[
            int,
            Field(ge=0, lt=2**63, description="most arc half-cycles in any one second since the last reading"),
        ]
        | None
    ) = None
    relay_closed: bool | None = None


class WaterReading(Reading):
    """A level sensor of a fire pool, tank or natural source."""

    level_m: Annotated[float, Field(ge=-10, le=100, allow_inf_nan=False)] | None = None
    level_pct: Annotated[float, Field(ge=0, le=150, allow_inf_nan=False)] | None = None
    water_temp_c: Celsius | None = None
    air_temp_c: AirCelsius | None = None
    battery_pct: Percent | None = None
    rsrp_dbm: Dbm | None = None


class PanelReading(Reading):
    """A remote alarm panel's own condition."""

    mains_ok: bool | None = None
    battery_ok: bool | None = None
    link_ok: bool | None = None
    battery_v: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None


READING_MODELS: Mapping[Kind, type[Reading]] = MappingProxyType(
    {
        Kind.HYDRANT: HydrantReading,
        Kind.ELECTRICAL: ElectricalReading,
        Kind.WATER: WaterReading,
        Kind.PANEL: PanelReading,
    }
)

# Field names per kind in the order of the columns of reading_<kind>.
READING_FIELDS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        kind: tuple(name for name in model.model_fields if name not in Reading.model_fields)
        for kind, model in READING_MODELS.items()
    }
)


class EventType(StrEnum):
    """The event types with a meaning of their own; any other text is stored and raised as a fault."""

    FIRE = "fire"
    MANUAL_ALARM = "manual_alarm"
    PREALARM = "prealarm"
    FAULT = "fault"
    DISABLED = "disabled"
    SUPERVISORY = "supervisory"
    TAMPER = "tamper"
    MAINS_FAULT = "mains_fault"
    BATTERY_FAULT = "battery_fault"
    POWER_FAULT = "power_fault"
    BUS_FAULT = "bus_fault"
    LINK_FAULT = "link_fault"
    LINE_FAULT = "line_fault"
    ARC_FAULT = "arc_fault"
    STARTED = "started"
    FEEDBACK = "feedback"
    DELAY = "delay"
    SILENCE = "silence"
    TEST = "test"
    GUARD_REPLY = "guard_reply"
    OPERATION = "operation"
    RESET = "reset"


class Event(BaseModel):
    """Something that happened. Kept by the device until `down/ack` names its event_id."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    event_id: Annotated[str, Field(min_length=1, max_length=200)]
    ts: Timestamp
    seq: Sequence | None = None
    type: Annotated[str, Field(min_length=1, max_length=100)]
    active: bool = True
    component: Annotated[str, Field(max_length=200)] = ""
    zone: Annotated[str, Field(max_length=200)] = ""
    system_type: Annotated[int, Field(ge=0, le=255)] | None = None
    component_type: Annotated[int, Field(ge=0, le=255)] | None = None
    description: Annotated[str, Field(max_length=2000)] = ""


class Status(BaseModel):
    """Retained, and the last will: a hint, never a sign of life."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    online: bool
    ts: Timestamp | None = None


class Ack(BaseModel):
    """Names the events whose rows are committed (or kept as rejects)."""

    event_ids: list[str]


class Command(BaseModel):
    """A downlink to a device."""

    model_config = ConfigDict(extra="allow")

    id: str
    command: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    timeout_min: Annotated[int, Field(ge=1, le=255)] | None = None


JsonObject = dict[str, Any]
