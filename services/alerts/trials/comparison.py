"""Two walks over the same past, compared: what both raised, what only one did, and which alarms of the time they are.

Used by `work`. Pure. Promises a bounded answer: at most `LISTED` findings in each list; all are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from services.core.rules.trials import LISTED

SAME: Final = timedelta(hours=1)  # two findings of one device are one event when no more than this lies between them
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
Found = Mapping[str, Any]
"""One finding as `firetower evaluate` writes it."""


class Alarm(NamedTuple):
    """An alarm of the time, for its link and for what people found."""

    id: int
    device: str | None
    area: str | None
    opened_at: datetime
    cleared_at: datetime | None
    verification: str


def compare(before: Sequence[Found], after: Sequence[Found], alarms: Sequence[Alarm]) -> dict[str, Any]:
    """Return the counts of both walks and three lists; `before` is by the numbers that were in force."""
    both, missed, new = [], [], []
    free = list(after)
    for one in before:
        same = next((other for other in free if _same(one, other)), None)
        if same is None:
            missed.append(one)
        else:
            free.remove(same)
            both.append(one)
    new = free
    shown = {
        name: [_show(one, alarms) for one in found]
        for name, found in (("both", both), ("missed", missed), ("new", new))
    }
    return {
        "before": len(before),
        "after": len(after),
        "counts": {name: len(found) for name, found in shown.items()},
        "real_missed": _real(shown["missed"]),
        "real_kept": _real(shown["both"]),
        **{name: found[:LISTED] for name, found in shown.items()},
    }


def inside(found: Iterable[Found], devices: frozenset[str] | None) -> list[Found]:
    """Return the findings about these devices, or about a network with some of them; None: all.

    Of the members of a network only those devices are left: others may belong to somebody else.
    """
    if devices is None:
        return list(found)
    kept = ({**one, "members": [member for member in one["members"] if member in devices]} for one in found)
    return [one for one in kept if one["members"]]


def _same(one: Found, other: Found) -> bool:
    if (one["device"], one["device"] or one["area"]) != (other["device"], other["device"] or other["area"]):
        return False
    return _meet(one["raised_at"], one["cleared_at"], other["raised_at"], other["cleared_at"])


def _meet(begin: datetime, end: datetime | None, other_begin: datetime, other_end: datetime | None) -> bool:
    return begin - SAME <= (other_end or _NEVER) and other_begin - SAME <= (end or _NEVER)


def _show(one: Found, alarms: Sequence[Alarm]) -> dict[str, Any]:
    alarm = _alarm_of(one, alarms)
    return {
        "device": one["device"],
        "area": one["area"],
        "members": len(one["members"]),
        "severity": one["severity"],
        "raised_at": one["raised_at"],
        "cleared_at": one["cleared_at"],
        "reason": one["reason"],
        "reason_en": one["reason_en"],
        "alarm": None if alarm is None else alarm.id,
        "verification": None if alarm is None else alarm.verification,
    }


def _alarm_of(one: Found, alarms: Sequence[Alarm]) -> Alarm | None:
    """Return the alarm of the time that this finding is: the one that was opened next to it."""
    mine = [
        alarm
        for alarm in alarms
        if alarm.device == one["device"]
        and (alarm.device is not None or alarm.area == one["area"])
        and _meet(one["raised_at"], one["cleared_at"], alarm.opened_at, alarm.cleared_at)
    ]
    return min(mine, key=lambda alarm: abs(alarm.opened_at - one["raised_at"]), default=None)


def _real(shown: Iterable[Mapping[str, Any]]) -> int:
    """Return how many of these people found to be real."""
    return sum(one["verification"] == "real" for one in shown)
