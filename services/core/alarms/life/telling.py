"""What the desk must still be told about an alarm: compares the alarm with what was told last.

Called by `lifecycle.step` after every change, so no path can change an alarm and forget its notice (contract
7). Pure; each notice is due the moment it is returned.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from services.core.alarms.life.escalation import in_test
from services.core.alarms.life.model import Alarm, Notice, Policy, Told
from services.core.words import Confidence, NoticeType, State, Verification

HELD_FOR_GROUPING: Final = frozenset({"device_offline"})
"""Codes whose first notice waits `Policy.offline_hold_s`, so that one incident can speak for many (contract 7)."""


class Telling(NamedTuple):
    """The alarm, remembering what was told, and the notices due now in order."""

    alarm: Alarm
    notices: tuple[Notice, ...]


def tell(alarm: Alarm, now: datetime, policy: Policy, *, covered: bool = False) -> Telling:
    """Return the notices due for `alarm` now. `covered`: another fire of its incident carries `fire.confirmed`."""
    if alarm.fire:
        return _tell_fire(alarm, now, policy, covered=covered)
    told = alarm.memory.told
    spoken_for = alarm.memory.grouped and told is None
    if spoken_for or _quiet(alarm, now):
        return Telling(_remember(alarm), ())
    if told is None:
        return _tell_first(alarm, now, policy)
    return _tell_rest(alarm, told, now, policy)


def tell_correction(alarm: Alarm, now: datetime, policy: Policy) -> Telling:
    """Report another verdict on a closed alarm: to a desk that heard of it, or of a fire that was real after all."""
    heard = alarm.memory.told is not None or (alarm.fire and alarm.verification is Verification.REAL)
    return _say(alarm, (NoticeType.UPDATED,) if heard else (), now, policy)


def _tell_first(alarm: Alarm, now: datetime, policy: Policy) -> Telling:
    if not alarm.active or alarm.severity.rank < policy.notify_from.rank:
        return Telling(_remember(alarm), ())
    if alarm.code in HELD_FOR_GROUPING:
        raise_at = alarm.memory.raise_at or now + timedelta(seconds=policy.offline_hold_s)
        if now < raise_at:
            return Telling(_remember(alarm, raise_at=raise_at), ())
    return _say(_remember(alarm), (NoticeType.RAISED,), now, policy)


def _tell_fire(alarm: Alarm, now: datetime, policy: Policy, *, covered: bool) -> Telling:
    memory = alarm.memory
    if in_test(alarm, now):
        return Telling(_remember(alarm), ())
    spoken_for = memory.covered or NoticeType.FIRE_CONFIRMED in memory.sent or alarm.only_tested
    if alarm.open and not spoken_for and covered:
        alarm = replace(alarm, escalates_at=None, memory=replace(memory, covered=True))
        return _say(_remember(alarm), (NoticeType.UPDATED,), now, policy)
    if alarm.open and not spoken_for and alarm.confidence is Confidence.CONFIRMED:
        alarm = replace(alarm, escalates_at=None)
        return _say(_remember(alarm), (NoticeType.FIRE_CONFIRMED,), now, policy)
    if memory.escalation_due:
        alarm = replace(alarm, memory=replace(memory, escalation_due=False))
        return _say(_remember(alarm), (NoticeType.ESCALATED,), now, policy)
    if memory.told is None:
        return Telling(alarm, ())
    return _tell_rest(alarm, memory.told, now, policy)


def _tell_rest(alarm: Alarm, told: Told, now: datetime, policy: Policy) -> Telling:
    """Report whatever differs from what was last reported; then the end, once."""
    types: list[NoticeType] = []
    retell_at: datetime | None = None
    if _rose_or_judged(alarm, told):
        types.append(NoticeType.UPDATED)
    elif _came_or_went_unsaid(alarm, told):
        retell_at = told.at + timedelta(seconds=policy.flap_hold_s)
        if now >= retell_at or not alarm.open:
            types.append(NoticeType.UPDATED)
            retell_at = None
    if _end_unsaid(alarm, told):
        types.append(NoticeType.CLEARED)
    return _say(_remember(alarm, retell_at=retell_at), tuple(types), now, policy)


def _rose_or_judged(alarm: Alarm, told: Told) -> bool:
    surer = alarm.confidence is not None and (told.confidence is None or alarm.confidence.rank > told.confidence.rank)
    judged = alarm.verification not in (told.verification, Verification.PENDING)
    return surer or judged or alarm.severity.rank > told.severity.rank


def _came_or_went_unsaid(alarm: Alarm, told: Told) -> bool:
    """Whether the condition changed after its end was told: this is an update, because the end is told only once."""
    if told.active == alarm.active:
        return False
    return alarm.active or NoticeType.CLEARED in alarm.memory.sent


def _end_unsaid(alarm: Alarm, told: Told) -> bool:
    if alarm.active or NoticeType.CLEARED in alarm.memory.sent:
        return False
    return told.active or alarm.state is State.CLOSED


def _quiet(alarm: Alarm, now: datetime) -> bool:
    """Whether shelving or maintenance keeps a condition from the desk; what is active when they end is told then."""
    ends = (alarm.shelved_until, alarm.memory.out_of_service_until)
    return any(end is not None and now < end for end in ends)


def _remember(alarm: Alarm, *, raise_at: datetime | None = None, retell_at: datetime | None = None) -> Alarm:
    memory = alarm.memory
    if memory.raise_at == raise_at and memory.retell_at == retell_at:
        return alarm
    return replace(alarm, memory=replace(memory, raise_at=raise_at, retell_at=retell_at))


def _say(alarm: Alarm, types: tuple[NoticeType, ...], now: datetime, policy: Policy) -> Telling:
    if not types:
        return Telling(alarm, ())
    told = Told(alarm.active, alarm.severity, alarm.confidence, alarm.verification, now)
    memory = replace(alarm.memory, sent=alarm.memory.sent | set(types), told=told)
    drill = policy.drilling(now)
    notices = tuple(
        Notice(
            type=kind,
            fire=alarm.fire,
            drill=drill,
            overtakes=_OVERTAKEN if kind is NoticeType.FIRE_CONFIRMED else frozenset(),
        )
        for kind in types
    )
    return Telling(replace(alarm, memory=memory), notices)


_OVERTAKEN: Final = frozenset({NoticeType.ESCALATED})
