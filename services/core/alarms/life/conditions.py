"""How a condition moves its alarm: it begins, repeats, grows worse, comes back, ends.

Called by `lifecycle.step`. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.core.alarms.life.causes import (
    MOST_CAUSES,
    begun,
    cause_of,
    causes_left,
    is_another_cause,
    is_old_begin,
    is_older,
    know,
    newer,
    not_over,
)
from services.core.alarms.life.components import is_named, same_component
from services.core.alarms.life.escalation import shorten_clock, start_clock
from services.core.alarms.life.happenings import Finding, Reset, Situation
from services.core.alarms.life.model import Alarm, Memory, Outcome, OutcomeKind, Policy
from services.core.words import FIRE, Confidence, NoticeType, Reason, Severity, State, Verification

OUR_OWN_KNOWLEDGE = frozenset({"device_offline", "device_unreadable", "device_flooding", "clock_wrong"})
"""Conditions that we noticed and the device did not report: its reset does not end them."""


def open_alarm(finding: Finding, now: datetime, policy: Policy, situation: Situation) -> tuple[Alarm, Outcome]:
    """Open the alarm of a condition that began."""
    fire = finding.code == FIRE
    testing = _testing(finding, now, situation)
    alarm = Alarm(
        code=finding.code,
        category=finding.category,
        severity=finding.severity,
        state=State.UNACKNOWLEDGED,
        verification=Verification.PENDING if fire else Verification.NONE,
        reason=finding.reason.with_lateness(finding.late_min),
        opened_at=now,
        late_min=finding.late_min,
        device=finding.device,
        area=finding.area,
        component=finding.component,
        zone=finding.zone,
        confidence=(finding.confidence or Confidence.SUSPECTED) if fire else None,
        value=finding.value,
        limit=finding.limit,
        incident_id=situation.incident_id,
        memory=Memory(
            out_of_service_until=None if fire else situation.out_of_service_until,
            test_until=situation.test_until if testing and fire else None,
            tested=testing,
            grouped=situation.grouped and not fire,
            latched=finding.latched,
            manual=finding.manual,
            refired=situation.refired,
            part=finding.part,
            last_at=now,
            news_at=finding.news_at,
        ),
    )
    alarm = replace(alarm, memory=begun(alarm.memory, finding))
    return start_clock(alarm, now, policy), Outcome(OutcomeKind.OPENED, alarm.reason)


def raise_again(
    alarm: Alarm, finding: Finding, now: datetime, policy: Policy, situation: Situation
) -> tuple[Alarm, Outcome]:
    """Feed another report of the condition into its open alarm."""
    if alarm.fire:
        return _fire_again(alarm, finding, now, policy, situation)
    memory = alarm.memory
    if is_old_begin(memory, finding):
        return alarm, _stale_outcome()
    came_back = not alarm.active
    worse = finding.severity.rank > alarm.severity.rank
    rose = worse or (not came_back and is_another_cause(memory.causes, finding))
    if finding.counted and not rose and not came_back:
        return _count_on(alarm, finding, now)
    memory = replace(
        begun(memory, finding),
        last_at=now,
        news_at=finding.news_at,
        repeats=memory.repeats + 1,
    )
    after = replace(alarm, memory=memory, cleared_at=None)
    if came_back:  # a new occurrence: evidence for the earlier one need not count now
        memory = replace(memory, grouped=situation.grouped, tested=_testing(finding, now, situation), in_earnest=False)
        after = replace(after, memory=memory, incident_id=situation.incident_id or alarm.incident_id, since=now)
    reason = finding.reason.with_lateness(finding.late_min)
    if rose or came_back:
        after = replace(
            ask_again(after),
            severity=finding.severity if came_back else _worse(alarm.severity, finding.severity),
            shelved_until=None if rose else alarm.shelved_until,  # what was put aside was a lesser thing
            reason=reason,
            late_min=finding.late_min,
            value=finding.value,
            limit=finding.limit,
        )
    if came_back:
        return after, Outcome(OutcomeKind.REOPENED, reason)
    return after, Outcome(OutcomeKind.ROSE if rose else OutcomeKind.REPEATED, reason)


def _count_on(alarm: Alarm, finding: Finding, now: datetime) -> tuple[Alarm, Outcome]:
    """Update the count in the reason: not a step of its own, however often the count changes.

    Only news asks again: whoever took the alarm, or put it aside, knew of what it counted then.
    """
    after = replace(alarm, reason=finding.reason, value=finding.value)
    known = alarm.memory.news_at
    if finding.news_at is None or (known is not None and finding.news_at <= known):
        return after, Outcome(OutcomeKind.UNCHANGED, finding.reason)
    after = replace(after, memory=replace(alarm.memory, news_at=finding.news_at))
    if alarm.acknowledged_at is None and alarm.shelved_until is None:
        return after, Outcome(OutcomeKind.UNCHANGED, finding.reason)
    after = replace(ask_again(after), shelved_until=None, memory=replace(after.memory, last_at=now))
    return after, Outcome(OutcomeKind.ROSE, finding.reason)


def end_cause(alarm: Alarm, finding: Finding, now: datetime) -> tuple[Alarm, Outcome]:
    """Say that one cause of the alarm is over; the alarm returns with the last."""
    memory, cause = alarm.memory, cause_of(finding)
    left = causes_left(memory.causes, finding)
    over = (memory.causes - left) or frozenset({cause})
    newer_known = not_over(memory, over, finding.late_min, finding.ts)
    if newer_known == over:
        return alarm, _stale_outcome()
    if memory.latched:
        why = Reason("告警已锁定，须人工关闭", "a latched condition: a person must clear it")
        return alarm, Outcome(OutcomeKind.LATCHED, why)
    memory = know(memory, over | {cause}, finding.late_min, finding.ts)
    return _end(alarm, memory, left | (newer_known & memory.causes), now, finding, of_all=cause == finding.code)


def end_by_reset(alarm: Alarm, reset: Reset, now: datetime) -> tuple[Alarm, Outcome]:
    """End the condition because a person reset its device or component; this ends latched conditions too."""
    if not _bears_on(reset, alarm) or alarm.code in OUR_OWN_KNOWLEDGE:
        return alarm, Outcome(OutcomeKind.IGNORED, Reason("复位与此告警无关", "the reset concerns something else"))
    memory = alarm.memory
    left = not_over(memory, memory.causes, reset.late_min, reset.ts)
    if left == memory.causes and (left or is_older(reset.late_min, reset.ts, memory.cleared_ts)):
        return alarm, _stale_outcome()
    memory = know(memory, memory.causes, reset.late_min, reset.ts)
    return _end(alarm, memory, left, now, reset, of_all=True)


def ask_again(alarm: Alarm) -> Alarm:
    """Ask for somebody to take it: an alarm that got worse must be acknowledged again (ISA-18.2 re-alarm).

    Nobody has taken it as it is now, so that nobody is named, and calls that an answer would have stopped are made.
    """
    state = State.UNACKNOWLEDGED if alarm.active else State.RETURNED
    return replace(alarm, state=state, acknowledged_at=None)


def is_heard(alarm: Alarm) -> bool:
    """Whether 119 has the fire as confirmed, by its own notice or by that of another one of its incident."""
    return alarm.memory.covered or NoticeType.FIRE_CONFIRMED in alarm.memory.sent


def _fire_again(
    alarm: Alarm, finding: Finding, now: datetime, policy: Policy, situation: Situation
) -> tuple[Alarm, Outcome]:
    memory = alarm.memory
    own = finding.confidence or Confidence.SUSPECTED
    reason = finding.reason.with_lateness(finding.late_min)
    if situation.incident_id != alarm.incident_id:
        return _new_onset(alarm, finding, now, policy, situation)
    came_back = not alarm.active
    unsure = alarm.verification is Verification.PENDING and not memory.manual
    tested = came_back and unsure and _testing(finding, now, situation)
    elsewhere = _is_elsewhere(alarm, finding)
    memory = replace(
        begun(memory, finding),
        zones=memory.zones | {finding.zone or ""} if elsewhere else memory.zones,
        last_at=now,
        repeats=memory.repeats + 1,
        manual=memory.manual or finding.manual,
        refired=memory.refired or (came_back and not tested),
        part=memory.part if memory.part is not None else finding.part,
    )
    if tested and alarm.escalates_at is None:  # that of a fire before the test goes on
        memory = replace(memory, test_until=situation.test_until, tested=True, in_earnest=_is_owed(alarm, now))
    elif came_back and not _in_window(memory, now):
        memory = replace(memory, tested=False)
    if finding.manual:  # whoever presses it in a test means it, as if nothing had been tested there
        memory = replace(memory, test_until=None, in_earnest=memory.in_earnest or memory.tested)
    confidence = _surer(alarm.confidence, own)
    if came_back and not tested:
        confidence = _surer(confidence, Confidence.PROBABLE)
    rose = confidence is not alarm.confidence or elsewhere
    after = replace(alarm, memory=memory, confidence=confidence, cleared_at=None)
    if came_back or rose:
        after = replace(ask_again(after), reason=reason, late_min=finding.late_min)
    starts = came_back and not tested and not is_heard(after)
    wind = start_clock if starts else shorten_clock
    after = wind(after, now, policy)
    if came_back:
        return after, Outcome(OutcomeKind.REOPENED, reason)
    return after, Outcome(OutcomeKind.ROSE if rose else OutcomeKind.REPEATED, reason)


def _is_elsewhere(alarm: Alarm, finding: Finding) -> bool:
    """Whether a panel without components reports its fire from another zone: whoever took it knows of the first."""
    known = alarm.memory.zones | {alarm.zone, None, ""}
    return not is_named(finding.component) and finding.zone not in known and len(known) < MOST_CAUSES


def _new_onset(
    alarm: Alarm, finding: Finding, now: datetime, policy: Policy, situation: Situation
) -> tuple[Alarm, Outcome]:
    """A report of a new incident is a new fire even if nobody has closed the old alarm: judge and tell it anew."""
    testing = _testing(finding, now, situation) and alarm.escalates_at is None  # a clock from before the test goes on
    reason = finding.reason.with_lateness(finding.late_min)
    known = alarm.zone if is_named(finding.component) else None  # a detector stays where it is
    still = begun(alarm.memory if alarm.active else Memory(), finding)  # elsewhere it may burn on
    after = replace(
        alarm,
        zone=finding.zone or known,
        since=now,
        state=State.UNACKNOWLEDGED,
        verification=Verification.PENDING,
        confidence=finding.confidence or Confidence.SUSPECTED,
        reason=reason,
        late_min=finding.late_min,
        acknowledged_at=None,
        cleared_at=None,
        incident_id=situation.incident_id,
        memory=Memory(
            causes=still.causes,
            known=still.known,
            test_until=situation.test_until if testing else None,
            tested=testing,
            in_earnest=testing and _is_owed(alarm, now),
            manual=finding.manual,
            part=finding.part,
            last_at=now,
            repeats=alarm.memory.repeats + 1,
        ),
    )
    return start_clock(after, now, policy), Outcome(OutcomeKind.REOPENED, reason)


def _end(
    alarm: Alarm, memory: Memory, left: frozenset[str], now: datetime, over: Finding | Reset, *, of_all: bool
) -> tuple[Alarm, Outcome]:
    """End what is over: `memory` knows of it, `left` still stands, `of_all` says that it ends whatever there is."""
    if of_all:
        memory = replace(memory, cleared_ts=newer(over.late_min, over.ts, memory.cleared_ts))
    after = replace(alarm, memory=replace(memory, causes=left))
    if left:
        kind = OutcomeKind.UNCHANGED if left == alarm.memory.causes else OutcomeKind.NOTED
        return after, Outcome(kind, Reason("部分原因解除", "one of several causes is over"))
    if not alarm.active:
        return after, Outcome(OutcomeKind.UNCHANGED, over.reason)
    after = replace(after, cleared_at=now)
    if alarm.state is State.UNACKNOWLEDGED:
        return replace(after, state=State.RETURNED), Outcome(OutcomeKind.RETURNED, over.reason)
    if alarm.verification is Verification.PENDING:
        return after, Outcome(OutcomeKind.RETURNED, over.reason)
    return close(after, now), Outcome(OutcomeKind.CLOSED, over.reason)


def close(alarm: Alarm, now: datetime) -> Alarm:
    """Close the alarm: only what the desk must still be told is due for it."""
    memory = replace(alarm.memory, test_until=None, raise_at=None, out_of_service_until=None)
    return replace(
        alarm,
        state=State.CLOSED,
        cleared_at=alarm.cleared_at or now,
        closed_at=now,
        shelved_until=None,
        escalates_at=None,
        memory=memory,
    )


def _testing(finding: Finding, now: datetime, situation: Situation) -> bool:
    until = situation.test_until
    return not finding.manual and until is not None and now < until


def _in_window(memory: Memory, now: datetime) -> bool:
    return memory.test_until is not None and now < memory.test_until


def _bears_on(reset: Reset, alarm: Alarm) -> bool:
    return not is_named(reset.component) or same_component(reset.component, alarm.component)


def _is_owed(alarm: Alarm, now: datetime) -> bool:
    """Whether it gets a clock when its test ends though it is over: nobody speaks any more for it as it was before."""
    return alarm.verification is Verification.PENDING and alarm.memory.in_earnest and _in_window(alarm.memory, now)


def _stale_outcome() -> Outcome:
    return Outcome(OutcomeKind.STALE, Reason("补传的旧状态，不改变现状", "a back-filled older state changes nothing"))


def _worse(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=lambda severity: severity.rank)


def _surer(one: Confidence | None, other: Confidence) -> Confidence:
    return other if one is None or other.rank > one.rank else one
