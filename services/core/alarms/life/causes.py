"""The causes of one alarm: which of them stand, and what is the newest that is known of each. Pure.

Used by `conditions` and, for findings without a ledger, by `evaluate`. Times are the device's. Promises that a
back-filled report never sets back what is known, and that the end of one cause says nothing of another.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from services.core.alarms.life.components import is_named, normal_component
from services.core.alarms.life.happenings import Finding
from services.core.alarms.life.model import Memory
from services.core.words import FIRE

SAME_CAUSE: Final = {"mains_ok": "mains_fault", "battery_ok": "battery_fault", "link_ok": "link_fault"}
"""Fields of a panel's readings, and the events that report the same."""

ALL_IN_ONE: Final = frozenset({"power_fault", "link_fault"})
"""Alarms whose own name stands for any of their causes."""

MOST_CAUSES: Final = 50
"""Causes of one alarm of which each asks again, and whose newest time is known: a panel may name faults by their time.
"""

MOST_KEPT: Final = 1000
"""Causes whose end is waited for."""


def cause_of(finding: Finding) -> str:
    """Return the cause that a finding speaks of: of a fire without a component its zone, where the panel names one."""
    if finding.code != FIRE or is_named(finding.component) or not is_named(finding.zone or ""):
        return finding.cause
    return f"{FIRE} {normal_component(finding.zone or '')}"


def is_another_cause(causes: frozenset[str], finding: Finding) -> bool:
    """Whether something else has failed than what somebody may have taken: the battery of a panel without mains.

    A panel reports one failure as an event and in its readings. The alarm's own name (`power_fault`) speaks of all.
    """
    if len(causes) >= MOST_CAUSES:
        return False
    if finding.code in ALL_IN_ONE and finding.code in causes | {finding.cause}:
        return False
    return _one_name(finding.cause) not in map(_one_name, causes)


def causes_left(causes: frozenset[str], over: Finding) -> frozenset[str]:
    """Return which causes of an alarm still stand when one is over.

    The end of a battery fault that nobody reported says nothing of a mains fault; the end of the condition under the
    alarm's own name (`power_fault`) speaks of all. So does that of a fire which names no zone, or was reported without.
    """
    cause = cause_of(over)
    if over.code == FIRE:
        return frozenset() if cause == over.cause or causes <= {over.cause} else causes - {cause}
    return frozenset() if cause == over.code and over.code not in causes else causes - {cause}


def is_older(late_min: int, ts: datetime | None, known: datetime | None) -> bool:
    """Whether a back-filled report speaks of a time before what we already know; one in time never does."""
    return late_min > 0 and ts is not None and known is not None and ts < known


def is_old_begin(memory: Memory, began: Finding) -> bool:
    """Whether a back-filled begin says nothing new: its cause was reported since, or all was over since.

    Also by its other name: readings that say that the mains are back say so of the event that begins late.
    """
    cause = _one_name(cause_of(began))
    names = (name for name in memory.known.keys() | memory.causes if _one_name(name) == cause)
    known = (memory.cleared_ts, *(known_of(memory, name) for name in names))
    return any(is_older(began.late_min, began.ts, moment) for moment in known)


def known_of(memory: Memory, cause: str) -> datetime | None:
    """Return the time of the newest report of this cause, or None."""
    return memory.known.get(cause, memory.raised_ts if cause in memory.causes else None)


def newer(late_min: int, ts: datetime | None, known: datetime | None) -> datetime | None:
    """Return the time that is known after a report: its own, unless it is a back-filled one of before."""
    return known if ts is None or is_older(late_min, ts, known) else ts


def begun(memory: Memory, began: Finding) -> Memory:
    """Let one more cause stand, or again: only what stands already may be known by a newer time than this report's.

    Of a fire that an earlier release opened no zone was kept: the first that is named stands for it.
    """
    cause = cause_of(began)
    if began.code == FIRE and cause != began.cause and not memory.known:
        memory = replace(memory, causes=memory.causes - {began.cause})
    if cause not in memory.causes:
        memory = replace(memory, known={name: moment for name, moment in memory.known.items() if name != cause})
    memory = know(memory, frozenset({cause}), began.late_min, began.ts)
    return memory if len(memory.causes) >= MOST_KEPT else replace(memory, causes=memory.causes | {cause})


def know(memory: Memory, causes: frozenset[str], late_min: int, ts: datetime | None) -> Memory:
    """Keep the time of a report of these causes; of more than are kept the oldest are forgotten."""
    found = {cause: newer(late_min, ts, known_of(memory, cause)) for cause in causes}
    known = memory.known | {cause: moment for cause, moment in found.items() if moment is not None}
    newest = sorted(known.items(), key=lambda item: item[1])[-MOST_CAUSES:]
    return replace(memory, known=dict(newest))


def not_over(memory: Memory, causes: frozenset[str], late_min: int, ts: datetime | None) -> frozenset[str]:
    """Return of which of these causes something newer is known than a back-filled end."""
    return frozenset(cause for cause in causes if is_older(late_min, ts, known_of(memory, cause)))


def _one_name(cause: str) -> str:
    return SAME_CAUSE.get(cause, cause)
