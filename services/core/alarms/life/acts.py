"""People's acts on an alarm, and which of them are refused.

Called by `lifecycle.step` for the API's requests. Pure; a refusal says what to do instead.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from services.core.alarms.life.conditions import close
from services.core.alarms.life.happenings import Act, ActKind
from services.core.alarms.life.model import Alarm, Outcome, OutcomeKind, Policy
from services.core.words import Confidence, Reason, State, Verification

_Result = tuple[Alarm, Outcome]
_VERDICTS: Final = {
    Verification.REAL: Reason("真实", "real"),
    Verification.FALSE: Reason("误报", "a false alarm"),
    Verification.TEST: Reason("测试", "a test"),
}


def act(alarm: Alarm, wanted: Act, now: datetime, policy: Policy) -> _Result:
    """Do a person's act on an open alarm, or refuse it with a sentence for that person."""
    match wanted.kind:
        case ActKind.ACKNOWLEDGE:
            return _acknowledge(alarm, now)
        case ActKind.VERIFY:
            return _verify(alarm, wanted, now)
        case ActKind.CLEAR:
            return _clear(alarm, now)
        case ActKind.SHELVE:
            return _shelve(alarm, wanted, now, policy)
        case ActKind.UNSHELVE:
            return _unshelve(alarm)
        case ActKind.CORRECT:
            return _refuse(alarm, "告警未关闭，请直接核实", "the alarm is open: give the right verdict")
    return alarm, _note(wanted)


def on_closed(alarm: Alarm, wanted: Act) -> _Result:
    """Answer an act on a closed alarm: a note may still be added and a verdict corrected, nothing else."""
    if wanted.kind is ActKind.NOTE:
        return alarm, _note(wanted)
    if wanted.kind is ActKind.CORRECT:
        return _correct(alarm, wanted)
    return _refuse(alarm, "告警已关闭", "the alarm is closed; a new one opens if it comes back")


def _refuse(alarm: Alarm, zh: str, en: str) -> _Result:
    return alarm, Outcome(OutcomeKind.REFUSED, Reason(zh, en))


def _acknowledge(alarm: Alarm, now: datetime) -> _Result:
    if alarm.state is State.ACKNOWLEDGED:
        return alarm, Outcome(OutcomeKind.UNCHANGED, Reason("已接过警", "acknowledged before"))
    seen = _seen(alarm, now)
    if alarm.active or alarm.fire:
        return seen, Outcome(OutcomeKind.ACKNOWLEDGED, Reason("已接警", "acknowledged"))
    return close(seen, now), Outcome(
        OutcomeKind.CLOSED, Reason("已恢复并接警", "the condition is over and was acknowledged")
    )


def _verify(alarm: Alarm, wanted: Act, now: datetime) -> _Result:
    verdict = wanted.verdict
    if verdict is Verification.REAL:
        return _verify_real(alarm, now)
    if verdict in (Verification.FALSE, Verification.TEST):
        after = replace(close(_seen(alarm, now), now), verification=verdict)
        word = _VERDICTS[verdict]
        return after, Outcome(OutcomeKind.VERIFIED, Reason(f"核实为{word.zh}", f"judged {word.en}"))
    return _refuse(
        alarm, "核实结果须为真实火警、误报或测试（real、false 或 test）", "the verdict must be real, false or test"
    )


def _verify_real(alarm: Alarm, now: datetime) -> _Result:
    """A real fire stays open even if its panel was reset before, because a person says that there is a fire."""
    if alarm.verification is Verification.REAL:
        return alarm, Outcome(OutcomeKind.UNCHANGED, Reason("已核实为真实", "judged real before"))
    why = Reason("核实为真实", "judged real")
    after = in_earnest(replace(_seen(alarm, now), verification=Verification.REAL, escalates_at=None))
    if alarm.fire:
        return replace(after, confidence=Confidence.CONFIRMED), Outcome(OutcomeKind.VERIFIED, why)
    return (after if alarm.active else close(after, now)), Outcome(OutcomeKind.VERIFIED, why)


def _correct(alarm: Alarm, wanted: Act) -> _Result:
    was, verdict = alarm.verification, wanted.verdict
    if was not in _VERDICTS or verdict is None or verdict not in _VERDICTS:
        return _refuse(alarm, "没有可更正的核实结果", "there is no verdict to correct")
    if verdict is was:
        return _refuse(alarm, f"核实结果已是{_VERDICTS[was].zh}", f"the verdict is {was} already")
    if not wanted.note.strip():
        return _refuse(alarm, "reason：更正须写明原因", "reason: a correction needs one")
    why = Reason(
        f"核实结果由{_VERDICTS[was].zh}更正为{_VERDICTS[verdict].zh}",
        f"the verdict is corrected from {_VERDICTS[was].en} to {_VERDICTS[verdict].en}",
    )
    after = in_earnest(alarm) if verdict is Verification.REAL else alarm
    return replace(after, verification=verdict), Outcome(OutcomeKind.CORRECTED, why)


def _clear(alarm: Alarm, now: datetime) -> _Result:
    if alarm.verification is Verification.PENDING:
        return _refuse(
            alarm,
            "火警须先核实（真实、误报或测试）才能关闭",
            "a fire is cleared only after a verdict: verify it as real, false or test first",
        )
    after = close(_seen(alarm, now), now)
    return after, Outcome(OutcomeKind.CLOSED, Reason("人工关闭", "cleared by a person"))


def _shelve(alarm: Alarm, wanted: Act, now: datetime, policy: Policy) -> _Result:
    until = wanted.until
    if alarm.fire:
        return _refuse(alarm, "火警不能搁置，请核实", "a fire cannot be shelved; give a verdict instead")
    if until is None or until <= now:
        return _refuse(alarm, "until：搁置须有将来的结束时间", "until: shelving needs an end in the future")
    if until - now > timedelta(seconds=policy.shelve_max_s):
        hours = policy.shelve_max_s / 3600
        return _refuse(alarm, f"until：最长搁置 {hours:g} 小时", f"until: at most {hours:g} hours from now")
    return replace(alarm, shelved_until=until), Outcome(
        OutcomeKind.SHELVED, Reason(f"搁置：{wanted.note}", f"shelved: {wanted.note}")
    )


def _unshelve(alarm: Alarm) -> _Result:
    if alarm.shelved_until is None:
        return alarm, Outcome(OutcomeKind.UNCHANGED, Reason("未搁置", "not shelved"))
    return replace(alarm, shelved_until=None), Outcome(OutcomeKind.UNSHELVED, Reason("取消搁置", "unshelved"))


def in_earnest(alarm: Alarm) -> Alarm:
    """Take an alarm out of the test in which it began: whoever takes a test for what it says disregards it."""
    return replace(alarm, memory=replace(alarm.memory, in_earnest=True)) if alarm.memory.tested else alarm


def _note(wanted: Act) -> Outcome:
    if not wanted.note.strip():
        return Outcome(OutcomeKind.REFUSED, Reason("note：不能为空", "note: must not be empty"))
    return Outcome(OutcomeKind.NOTED, Reason(wanted.note, wanted.note))


def _seen(alarm: Alarm, now: datetime) -> Alarm:
    return replace(alarm, state=State.ACKNOWLEDGED, acknowledged_at=alarm.acknowledged_at or now)
