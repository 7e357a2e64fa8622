"""When a water source is usable: the one answer for the phone, the map, GIS and the list that 119 gets. Pure.

Three answers: yes, no with reasons, or not known with what is missing. The limits are those of the rules in force.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from services.core.bounds import plain_number
from services.core.levels import full_height_m, is_empty, level_limit, level_pct
from services.core.rules.device_bounds import usable_limits
from services.core.rules.parameters import ParameterBook, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Form

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(NamedTuple):
    """Why a source is not usable, or why that is not known."""

    code: str
    text: str
    text_en: str


class Verdict(NamedTuple):
    """Whether a source is usable; None: it is not known."""

    usable: bool | None
    reasons: list[Reason]


NO_READING: Final = Reason("no_reading", "没有读数，不知能否使用", "no reading: usability not known")
NO_TIME: Final = Reason("no_time", "读数没有时间，不知能否使用", "the reading has no time: usability not known")
NO_PRESSURE: Final = Reason("no_pressure", "没有水压读数，不知能否使用", "it sends no pressure: usability not known")
NO_LEVEL: Final = Reason("no_level", "没有水位读数，不知能否使用", "it sends no level: usability not known")
NO_LIMITS: Final = Reason(
    "no_limits",
    "水位以米计，未配置满水位 level_m_full 或下限 level_m_low，不知能否使用",
    "its level is in metres, with no limit level_m_full or level_m_low: usability not known",
)
UNKNOWN: Final = frozenset({NO_READING, NO_TIME, NO_PRESSURE, NO_LEVEL, NO_LIMITS})

OUT_CODES: Final = (
    "hydrant_pressure_low", "water_level_low", "hydrant_freezing", "hydrant_tilt", "device_offline",
    "device_unreadable",
)  # fmt: skip
"""Alarms while which a source is not usable. Where only alarms are looked at, they stand for `judge`."""

MAIN_FIELDS: Final = {"hydrant": ("pressure_mpa",), "water": ("level_pct", "level_m")}
"""What a source must send to be judged, by kind."""


FORMS_OF: Final = {
    "hydrant": (Form.ABOVEGROUND, Form.UNDERGROUND, Form.CRANE),
    "water": (Form.POOL, Form.TANK, Form.NATURAL),
}
"""Which forms a page offers for a kind. The API takes any of them, as ledgers have them."""


def what_is_missing(kind: str, limits: object, fields: Collection[str]) -> Reason | None:
    """Return what a source must send, or somebody configure, before it can be judged; `fields` are what it sent."""
    if not fields:
        return NO_READING
    if kind == "hydrant":
        return None if "pressure_mpa" in fields else NO_PRESSURE
    if "level_pct" in fields:
        return None
    if "level_m" not in fields:
        return NO_LEVEL
    return None if _metres_tell(usable_limits(limits)) else NO_LIMITS


def _metres_tell(limits: Mapping[str, Any]) -> bool:
    """Whether a level in metres can be judged."""
    return full_height_m(limits) is not None or level_limit(limits, "level_m", "low") is not None


def newer_level(source: Mapping[str, Any], values: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Return the values but a level that is too old to stand beside the other: a gauge may send only one of them now.

    It is where it is stale and the other is not, or older by as much. Metres that cannot be judged take no place: then
    the level is the one in per cent, as old as it is.
    """
    if any(plain_number(values.get(name)) is None for name in MAIN_FIELDS["water"]):
        return values
    pct_at, metres_at = (_time_of(name, source) for name in MAIN_FIELDS["water"])
    device = DeviceProfile.of(source)
    if pct_at is None or metres_at is None:
        return values
    older_at, newer_at = min(pct_at, metres_at), max(pct_at, metres_at)
    is_stale = now - older_at > device.late_after >= now - newer_at
    if not is_stale and newer_at - older_at <= device.late_after:
        return values
    old = "level_pct" if pct_at < metres_at and _metres_tell(device.limits) else "level_m"
    return {name: value for name, value in values.items() if name != old}


def shown_level_pct(source: Mapping[str, Any], values: Mapping[str, Any], now: datetime) -> float | None:
    """Return a level in per cent, worked out from metres where the height of the full tank is known."""
    known = newer_level(source, values, now)
    return level_pct(known.get("level_pct"), known.get("level_m"), full_height_m(usable_limits(source["limits"])))


def main_field(source: Mapping[str, Any], values: Mapping[str, Any], now: datetime) -> str | None:
    """Return the field whose value a source is judged by, and is as old as; None: it sent none."""
    known = newer_level(source, values, now)
    return next((name for name in MAIN_FIELDS[source["kind"]] if plain_number(known.get(name)) is not None), None)


def age_s(source: Mapping[str, Any], values: Mapping[str, Any], now: datetime) -> float | None:
    """Return how old the value is that a source is judged by; None: there is none.

    A value is as old as its reading's time says, or its receive time where the device's clock is behind.
    """
    name = main_field(source, values, now)
    said = None if name is None else _time_of(name, source)
    return None if said is None else max(0.0, (now - said).total_seconds())


def _time_of(name: str, source: Mapping[str, Any]) -> datetime | None:
    """Return the time that a field's newest value is judged by; of a row that says none, that of the newest reading."""
    behind, older = source["clock_behind_s"] is not None, source["state_at"]
    newest: datetime | None = source["state_received_at" if behind else "state_ts"]
    try:
        return _EPOCH + timedelta(microseconds=older[name][1 if behind else 0])
    except (TypeError, LookupError, OverflowError):
        return newest


def judge(
    source: Mapping[str, Any], values: Mapping[str, Any], now: datetime, alarms: Collection[str], book: ParameterBook
) -> Verdict:
    """Return whether a source can be counted on, every reason worst first.

    `source` is a row of the registry with its newest state, as `state_ts`, `state_received_at`, `state_at`,
    `clock_behind_s`, `unreadable_since` and `status`; `values` are its newest values, `alarms` the codes that stand.
    `book` holds the numbers of the rules: what counts as low, open, frozen or leaning is what raises an alarm.
    """
    device = DeviceProfile.of(source)
    numbers = book.for_device(device, now)
    old_s = age_s(source, values, now)
    reasons = _of_the_device(source, device, old_s, alarms)
    measured = {name for name, value in values.items() if plain_number(value) is not None}
    if source["kind"] == "hydrant":
        reasons += _of_pressure(_still_said(source, values, now, device), alarms, numbers)
    else:
        reasons += _of_level(device.limits, newer_level(source, values, now), alarms, numbers)
    missing = what_is_missing(source["kind"], source["limits"], measured)
    if missing is not None and not any(reason.code == "low_level" for reason in reasons):
        reasons.append(missing)
    elif missing is None and old_s is None:
        reasons.append(NO_TIME)
    if not reasons:
        return Verdict(True, reasons)
    return Verdict(None if UNKNOWN.issuperset(reasons) else False, reasons)


def _of_the_device(
    source: Mapping[str, Any], device: DeviceProfile, old_s: float | None, alarms: Collection[str]
) -> list[Reason]:
    found = []
    if source["status"] == "out_of_service":
        found.append(Reason("out_of_service", "停用检修", "out of service"))
    if source["unreadable_since"] is not None or "device_unreadable" in alarms:
        found.append(Reason("unreadable", "设备数据全部被拒收", "every message of the device is refused"))
    elif source["status"] == "offline" or "device_offline" in alarms:
        found.append(Reason("offline", "设备离线", "the device is offline"))
    if old_s is not None and old_s > device.late_after.total_seconds():
        minutes = round(old_s / 60)
        found.append(Reason("stale", f"读数已过去 {minutes} 分钟", f"the value is {minutes} min old"))
    return found


def _still_said(
    source: Mapping[str, Any], values: Mapping[str, Any], now: datetime, device: DeviceProfile
) -> dict[str, Any]:
    """Return the values but those that are too old to stand beside the newest pressure: a probe may have died.

    Flow and cap count as long as the rules remember them, after which a hydrant is at rest and closed.
    """
    late, day = device.late_after, device.lasts
    lasts = {"flow_lps": late, "cap_open": late, "water_temp_c": day, "tilt_deg": day}
    times = {name: _time_of(name, source) for name in lasts if name in values}
    old = {name for name, at in times.items() if at is not None and now - at > lasts[name]}
    return {name: value for name, value in values.items() if name not in old}


def _of_pressure(values: Mapping[str, Any], alarms: Collection[str], numbers: Parameters) -> list[Reason]:
    found = []
    flow, pressure, temperature, tilt = (
        plain_number(values.get(name)) for name in ("flow_lps", "pressure_mpa", "water_temp_c", "tilt_deg")
    )
    in_use, cap_open = flow is not None and flow > numbers["hydrant_in_use"]["flow_lps"], values.get("cap_open") is True
    limit = numbers["hydrant_pressure_low"]["flowing_mpa" if in_use or cap_open else "static_mpa"]
    if pressure is not None and pressure < limit:
        text = f"{pressure:g} MPa < {limit:g} MPa"
        found.append(Reason("low_pressure", f"水压低：{text}", f"low pressure: {text}"))
    elif "hydrant_pressure_low" in alarms:
        found.append(Reason("low_pressure", "水压低报警未恢复", "a low-pressure alarm is open"))
    cold_c, tilt_deg = numbers["hydrant_freezing"]["cold_c"], numbers["hydrant_tilt"]["tilt_deg"]
    if "hydrant_freezing" in alarms or (temperature is not None and temperature < cold_c):
        found.append(Reason("frozen", "可能结冰", "may be frozen"))
    if "hydrant_tilt" in alarms or (tilt is not None and tilt >= tilt_deg):
        found.append(Reason("tilt", "栓体倾斜", "tilted"))
    if in_use:
        found.append(Reason("in_use", f"正在用水 {flow:g} L/s", f"in use, {flow:g} L/s"))
    elif cap_open:
        found.append(Reason("cap_open", "闷盖打开", "the cap is open"))
    return found


def _of_level(
    limits: Mapping[str, Any], values: Mapping[str, Any], alarms: Collection[str], numbers: Parameters
) -> list[Reason]:
    pct = level_pct(values.get("level_pct"), values.get("level_m"), full_height_m(limits))
    level_m, low_m = plain_number(values.get("level_m")), level_limit(limits, "level_m", "low")
    if is_empty(pct, level_m, low_m):
        text = f"{level_m:g} m" if pct is None else f"{pct:g} %"
        return [Reason("low_level", f"无水：{text}", f"empty: {text}")]
    own_pct, low_pct = level_limit(limits, "level_pct", "low"), numbers["water_level_low"]["low_pct"]
    for value, unit, limit in ((pct, "%", low_pct if own_pct is None else own_pct), (level_m, "m", low_m)):
        if value is not None and limit is not None and value < limit:
            text = f"{value:g} {unit} < {limit:g} {unit}"
            return [Reason("low_level", f"水位低：{text}", f"low level: {text}")]
    if "water_level_low" in alarms:
        return [Reason("low_level", "水位低报警未恢复", "a low-level alarm is open")]
    return []
