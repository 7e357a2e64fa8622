"""What the system proposes as hazards, and what it no longer sees. Pure; alerts reads the rows and takes the steps.

Promises one hazard of each cause, and none anew for a condition that a person has judged since it began.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.core.bounds import plain_number
from services.core.levels import full_height_m, is_empty, level_limit, level_pct
from services.core.prevention.catalogue import KINDS, HazardCode
from services.core.prevention.thresholds import threshold
from services.core.words import Reason, county_time

MOST_AT_ONCE: Final = 200
"""Steps of one turn; what is left waits for the next."""


class Seen(NamedTuple):
    """A condition that stands, since when, and what an alarm says of it."""

    code: HazardCode
    device_id: int
    component: str
    key: str  # the component as it is compared
    since: datetime
    reason: Reason
    is_out_of_service: bool = False  # the device, or lately: nothing new is proposed of it

    @property
    def cause(self) -> str:
        """Return what makes it the same hazard."""
        return f"{self.code}:{self.device_id}:{self.key}"


class Standing(NamedTuple):
    """An open hazard that the system proposed."""

    id: int
    cause: str
    gone: bool  # it was noted that the cause is gone


class Plan(NamedTuple):
    """The steps of one turn."""

    new: list[Seen]
    gone: list[Standing]
    back: list[Standing]


def plan(seen: Iterable[Seen], standing: Iterable[Standing], judged: Mapping[str, datetime]) -> Plan:
    """Return what has to be done. `judged`: when a person last closed a hazard of a cause."""
    causes = {one.cause: one for one in seen}
    open_ = {one.cause: one for one in standing}
    new = [
        one
        for cause, one in causes.items()
        if cause not in open_ and not one.is_out_of_service and not (cause in judged and judged[cause] >= one.since)
    ]
    gone = [one for one in open_.values() if not one.gone and one.cause not in causes]
    back = [
        one for one in open_.values() if one.gone and one.cause in causes and not causes[one.cause].is_out_of_service
    ]
    return Plan(new[:MOST_AT_ONCE], gone[:MOST_AT_ONCE], back[:MOST_AT_ONCE])


def is_dry(kind: str, limits: object, state: object) -> bool:
    """Whether the newest values of a source say that no water comes, whatever else they hold."""
    values = state if isinstance(state, Mapping) else {}
    if kind == "hydrant":
        pressure = plain_number(values.get("pressure_mpa"))
        return pressure is not None and pressure < threshold("dry_mpa")
    own: Mapping[str, Any] = limits if isinstance(limits, Mapping) else {}
    pct = level_pct(values.get("level_pct"), values.get("level_m"), full_height_m(own))
    return is_empty(pct, plain_number(values.get("level_m")), level_limit(own, "level_m", "low"))


_HOW_LONG: Final = {
    HazardCode.PANEL_FAULT: ("panel_fault_h", "小时", "h"),
    HazardCode.DEVICE_OFFLINE: ("offline_d", "天", "d"),
    HazardCode.WATER_DRY: ("dry_h", "小时", "h"),
}


def words_of(seen: Seen) -> Reason:
    """Return why it is proposed, for people."""
    at, kind = county_time(seen.since), KINDS[seen.code]
    if seen.code is HazardCode.FALSE_ALARMS:
        days, count = threshold("false_alarms_d"), threshold("false_alarms")
        return Reason(
            f"{days:g} 天内误报不少于 {count:g} 次（自{at.zh}）",
            f"{count:g} false alarms or more in {days:g} d (since {at.en})",
        )
    if seen.code not in _HOW_LONG:
        return Reason(f"{seen.reason.zh}（自{at.zh}）", f"{seen.reason.en} (since {at.en})")
    name, zh, en = _HOW_LONG[seen.code]
    number = threshold(name)
    return Reason(
        f"{kind.zh}，已超过 {number:g} {zh}（自{at.zh}）：{seen.reason.zh}",
        f"{kind.en} for more than {number:g} {en} (since {at.en}): {seen.reason.en}",
    )
