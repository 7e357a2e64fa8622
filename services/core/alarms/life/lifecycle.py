"""The life of one alarm after ISA-18.2: `step(alarm, happening, now, policy)`.

Called by the ledger under the alarm's row lock, and by `fires` for the fires of a site.
Pure: the same arguments give the same alarm, outcome and notices; nothing is read or written.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.core.alarms.life import acts, conditions, escalation
from services.core.alarms.life.happenings import (
    Act,
    Finding,
    Grouped,
    Happening,
    Judgement,
    OutOfService,
    Reset,
    SiteWindow,
    Situation,
    Tick,
    Uncovered,
)
from services.core.alarms.life.model import Alarm, Memory, Outcome, OutcomeKind, Policy, Step
from services.core.alarms.life.telling import tell, tell_correction
from services.core.words import Confidence, Reason, Verification

PLAIN = Situation()
_DISMISSED = Reason(
    "同一事件的火警被判为误报或测试，重新判断", "the fire that spoke for this one was dismissed; judged afresh"
)
_MOVED = Reason(
    "同一事件已上报的火警属于另一单位，重新判断", "the fire that spoke for this one is at another site; judged afresh"
)

_Advance = tuple[Alarm, Outcome]


def step(
    alarm: Alarm | None,
    happening: Happening,
    now: datetime,
    policy: Policy,
    situation: Situation = PLAIN,
) -> Step:
    """Take `alarm` (the open one of its place, code and component, or None) one step on.

    `now` is our time: the commit's, never the device's. Store the returned alarm, write a transition row
    unless the outcome is UNCHANGED, IGNORED or REFUSED, and put the notices into the outbox, in one
    transaction. Fires go through `site.apply`, which calls this.
    """
    if alarm is None:
        if not isinstance(happening, Finding) or not happening.active:
            return Step(None, Outcome(OutcomeKind.IGNORED, Reason("没有未关闭的告警", "no open alarm")))
        after, outcome = conditions.open_alarm(happening, now, policy, situation)
    elif not alarm.open:
        return _after_the_end(alarm, happening, now, policy)
    else:
        after, outcome = _advance(alarm, happening, now, policy, situation)
        if outcome.kind in (OutcomeKind.REFUSED, OutcomeKind.IGNORED, OutcomeKind.STALE):
            return Step(alarm, outcome)
    after, notices = tell(after, now, policy, covered=situation.covered)
    if alarm is not None and _shows_change(alarm, after):
        after = replace(after, version=alarm.version + 1)
    if outcome.kind is OutcomeKind.UNCHANGED and notices:
        outcome = Outcome(OutcomeKind.TOLD, Reason("通知 119", "the desk is told"))
    return Step(after, outcome, notices)


def due_at(alarm: Alarm) -> datetime | None:
    """When `alarm` needs its next `Tick`, or None. Store it in an indexed column for the clocks to poll."""
    if not alarm.open:
        return None
    memory = alarm.memory
    moments = (
        alarm.escalates_at,
        alarm.shelved_until,
        memory.out_of_service_until,
        memory.test_until,
        memory.raise_at,
        memory.retell_at,
    )
    return min((moment for moment in moments if moment is not None), default=None)


def _shows_change(before: Alarm, after: Alarm) -> bool:
    """Whether anything changed that `version` speaks for (contract 5). Who judges a fire names the one they saw."""
    if after.fire and after.since != before.since:
        return True
    return (before.state, before.severity, before.confidence, before.verification) != (
        after.state,
        after.severity,
        after.confidence,
        after.verification,
    )


def _after_the_end(alarm: Alarm, happening: Happening, now: datetime, policy: Policy) -> Step:
    if isinstance(happening, Act):
        after, outcome = acts.on_closed(alarm, happening)
        if outcome.kind is not OutcomeKind.CORRECTED:
            return Step(after, outcome)
        told = tell_correction(replace(after, version=alarm.version + 1), now, policy)
        return Step(told.alarm, outcome, told.notices)
    return Step(alarm, Outcome(OutcomeKind.IGNORED, Reason("告警已关闭", "the alarm is closed")))


def _advance(alarm: Alarm, happening: Happening, now: datetime, policy: Policy, situation: Situation) -> _Advance:
    match happening:
        case Finding(active=True):
            return conditions.raise_again(alarm, happening, now, policy, situation)
        case Finding():
            return conditions.end_cause(alarm, happening, now)
        case Reset():
            return conditions.end_by_reset(alarm, happening, now)
        case Act():
            return acts.act(alarm, happening, now, policy)
        case Tick():
            return _tick(alarm, now, policy)
        case SiteWindow():
            return _set_window(alarm, happening, now, policy)
        case OutOfService():
            return _set_out_of_service(alarm, happening, now)
        case Grouped():
            return _group(alarm, happening)
        case Judgement():
            return _judge(alarm, happening, now, policy)
    return _uncover(alarm, happening, now, policy)


def _tick(alarm: Alarm, now: datetime, policy: Policy) -> _Advance:
    memory = alarm.memory
    if memory.test_until is not None and memory.test_until <= now:
        return _end_test(alarm, now, policy)
    if escalation.has_run_out(alarm, now):
        return escalation.escalate(alarm)
    if alarm.shelved_until is not None and alarm.shelved_until <= now:
        return replace(alarm, shelved_until=None), Outcome(
            OutcomeKind.UNSHELVED, Reason("搁置到期", "shelving has ended")
        )
    if memory.out_of_service_until is not None and memory.out_of_service_until <= now:
        memory = replace(memory, out_of_service_until=None)
        return replace(alarm, memory=memory), Outcome(
            OutcomeKind.UNCHANGED, Reason("停用到期", "the maintenance time is over")
        )
    return alarm, Outcome(OutcomeKind.UNCHANGED, Reason("时间到", "time passed"))


def _end_test(alarm: Alarm, now: datetime, policy: Policy) -> _Advance:
    """A fire that is still active when the window ends starts a fresh clock (contract 6).

    So does one from before the test for which another spoke that was dismissed in the window, though it is over.
    Not one that 119 has as confirmed from before the test: no clock can tell more, and that it burns again is told.
    """
    after = replace(alarm, memory=replace(alarm.memory, test_until=None))
    if alarm.active and conditions.is_heard(alarm):
        after = acts.in_earnest(after)
        why = Reason("测试窗口结束时火警仍在，119 已接报", "still in alarm when the test window ended: 119 has it")
    elif alarm.active:
        after = escalation.start_clock(acts.in_earnest(after), now, policy)
        why = Reason("测试窗口结束时火警仍在，重新计时", "still in alarm when the test window ended: a fresh clock")
    elif not alarm.only_tested and not conditions.is_heard(alarm):
        after = escalation.start_clock(after, now, policy)
        why = Reason("测试前的火警未核实，重新计时", "a fire of before the test that nobody judged: a fresh clock")
    else:
        why = Reason("测试窗口结束，火警已恢复，待核实", "the test window ended, the fire is over, a verdict is due")
    return after, Outcome(OutcomeKind.TEST_ENDED, why)


def _set_window(alarm: Alarm, window: SiteWindow, now: datetime, policy: Policy) -> _Advance:
    """Move the end of the test for a fire in test; a fire with a running clock is never put into a test.

    Of another alarm a test is a mark only, which goes when it is still active as the window ends. None waited for it.
    """
    is_over = window.until is None or window.until <= now
    if not alarm.fire and alarm.marked_test and alarm.active and is_over:
        why = Reason("测试窗口结束时告警仍在", "still active when the test window ended: no test any more")
        return acts.in_earnest(alarm), Outcome(OutcomeKind.TEST_ENDED, why)
    known = alarm.memory.test_until
    if known is None:
        return alarm, Outcome(OutcomeKind.IGNORED, Reason("不在测试中", "not in a test"))
    if is_over or known <= now:  # the window in which it fired is over, though another one has begun
        return _end_test(alarm, now, policy)
    memory = replace(alarm.memory, test_until=window.until)
    return replace(alarm, memory=memory), Outcome(
        OutcomeKind.UNCHANGED, Reason("测试窗口变更", "the test window moved")
    )


def _set_out_of_service(alarm: Alarm, service: OutOfService, now: datetime) -> _Advance:
    if alarm.fire:
        return alarm, Outcome(OutcomeKind.IGNORED, Reason("停用不影响火警", "maintenance never mutes a fire"))
    until = service.until if service.until is not None and service.until > now else None
    memory = replace(alarm.memory, out_of_service_until=until)
    return replace(alarm, memory=memory), Outcome(
        OutcomeKind.UNCHANGED, Reason("停用时段变更", "the maintenance time changed")
    )


def _group(alarm: Alarm, grouped: Grouped) -> _Advance:
    if alarm.fire:
        return alarm, Outcome(OutcomeKind.IGNORED, Reason("归并不影响火警", "grouping never mutes a fire"))
    memory = replace(alarm.memory, grouped=True, raise_at=None, retell_at=None)
    after = replace(alarm, incident_id=grouped.incident_id, memory=memory)
    return after, Outcome(OutcomeKind.GROUPED, Reason("并入同一事件", "part of one incident"))


def _judge(alarm: Alarm, judgement: Judgement, now: datetime, policy: Policy) -> _Advance:
    if alarm.confidence is not None and judgement.confidence.rank <= alarm.confidence.rank:
        return alarm, Outcome(OutcomeKind.UNCHANGED, judgement.reason)
    confirmed = judgement.confidence is Confidence.CONFIRMED
    after = replace(conditions.ask_again(alarm), confidence=judgement.confidence)
    after = escalation.shorten_clock(after, now, policy)
    return after, Outcome(OutcomeKind.CONFIRMED if confirmed else OutcomeKind.ROSE, judgement.reason)


def _uncover(alarm: Alarm, uncovered: Uncovered, now: datetime, policy: Policy) -> _Advance:
    """Give a fire an incident of its own; judge it again if the one that spoke for it was false or is elsewhere."""
    if not uncovered.afresh:
        why = Reason(
            "同一事件已上报的火警已结束，本火警另立事件",
            "the fire that spoke for the incident is over; this one is its own",
        )
        return replace(alarm, incident_id=uncovered.incident_id), Outcome(OutcomeKind.UNCOVERED, why)
    meant = acts.in_earnest(alarm) if alarm.memory.covered else alarm  # nobody speaks for what was only tested
    memory: Memory = replace(meant.memory, covered=False)
    judged_real = alarm.verification is Verification.REAL
    after = replace(
        alarm if judged_real else conditions.ask_again(alarm),  # whoever judged it has seen it
        incident_id=uncovered.incident_id,
        confidence=Confidence.CONFIRMED if memory.manual or judged_real else Confidence.SUSPECTED,
        memory=memory,
    )
    why = _MOVED if uncovered.moved else _DISMISSED
    return escalation.start_clock(after, now, policy), Outcome(OutcomeKind.UNCOVERED, why)
