"""The clock of a fire that nobody has judged: it starts, is shortened, runs out, and then 119 is told (contract 6).

Used by `lifecycle` and `conditions`; `telling` and a verdict stop it. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.core.alarms.life.model import Alarm, Outcome, OutcomeKind, Policy
from services.core.clock import CLOCK_SET_BACK
from services.core.words import Reason, Verification


def start_clock(alarm: Alarm, now: datetime, policy: Policy) -> Alarm:
    """Start an unjudged fire's clock unless it is in a test; a clock already running is only shortened."""
    if alarm.verification is not Verification.PENDING or in_test(alarm, now):
        return alarm
    ends = now + timedelta(seconds=policy.clock_s(alarm.confidence))
    running = alarm.escalates_at
    return replace(alarm, escalates_at=ends if running is None else min(running, ends))


def shorten_clock(alarm: Alarm, now: datetime, policy: Policy) -> Alarm:
    """Let a rise in confidence bring the end of a running clock nearer, never further away."""
    return alarm if alarm.escalates_at is None else start_clock(alarm, now, policy)


def in_test(alarm: Alarm, now: datetime) -> bool:
    """Whether a test window keeps the desk from hearing of this fire: not one that a person pressed or judged."""
    memory = alarm.memory
    if memory.manual or alarm.verification is not Verification.PENDING:
        return False
    return memory.test_until is not None and now < memory.test_until


def has_run_out(alarm: Alarm, now: datetime) -> bool:
    """Whether a fire has waited too long for its verdict.

    A fire that began ahead of `now` has waited nobody knows how long: our own clock was set back since. Its clock
    would run on for as long as that was, perhaps an hour; it counts as run out instead.
    """
    if alarm.escalates_at is None:
        return False
    return alarm.escalates_at <= now or alarm.began_at > now + CLOCK_SET_BACK


def escalate(alarm: Alarm) -> tuple[Alarm, Outcome]:
    """Let 119 be told of a fire that nobody judged in time: `telling` adds the notice to this step."""
    why = Reason(
        "火警未在时限内核实，自动上报 119", "nobody verified the fire in time; 119 is told of it as unverified"
    )
    after = replace(alarm, escalates_at=None, memory=replace(alarm.memory, escalation_due=True))
    return after, Outcome(OutcomeKind.ESCALATED, why)
