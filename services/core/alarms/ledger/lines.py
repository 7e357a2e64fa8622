"""The line that a step leaves in an alarm's chain: who, what, why, and the figures of the moment.

Called by `page`. Pure, except that it advances the head and count of the given entry.
"""

from datetime import datetime
from typing import Any

from services.core.alarms.fires.site import FireAct, FireHappening
from services.core.alarms.ledger.chain import Transition, seal
from services.core.alarms.ledger.rows import Entry
from services.core.alarms.life.happenings import Act, ActKind, Dismissed, Finding, Happening
from services.core.alarms.life.model import Alarm, Step


def next_line(
    entry: Entry, before: Alarm | None, done: Step, happening: FireHappening | Happening, *, actor: str, now: datetime
) -> tuple[Any, ...]:
    """Append the step's line to the chain of `entry` and return it as arguments of `insert_transition`."""
    alarm = entry.alarm
    entry.transitions += 1
    entry.changed = True
    detail: dict[str, Any] = {
        "reason": list(done.outcome.reason),
        "severity": alarm.severity,
        "confidence": alarm.confidence,
        "verification": alarm.verification,
        "value": alarm.value,
        "limit": alarm.limit,
        "version": alarm.version,
        "incident_id": alarm.incident_id,
        "notices": [notice.type for notice in done.notices],
    }
    if alarm.outlasted_test(before):
        detail["in_earnest"] = True
    if isinstance(happening, Act) and happening.note:
        detail["note"] = happening.note
    if isinstance(happening, Finding) and happening.ts is not None:
        detail["device_ts"] = happening.ts.isoformat()
    line = Transition(
        entry.id,
        entry.transitions,
        now,
        actor,
        _word(happening),
        done.outcome.kind,
        None if before is None else before.state,
        alarm.state,
        detail,
    )
    previous, entry.head = entry.head, seal(entry.head, line)
    return (*line, previous, entry.head)


def remember_actor(entry: Entry, happening: FireHappening | Happening) -> None:
    """Record who did it, beside the columns that say when."""
    if isinstance(happening, Act):
        if happening.kind is ActKind.SHELVE:
            entry.shelved_by, entry.shelve_reason = happening.actor, happening.note
        elif happening.kind is ActKind.UNSHELVE:
            entry.shelved_by = entry.shelve_reason = None
        if entry.acknowledged_by is None:
            entry.acknowledged_by = happening.actor
    if entry.alarm.acknowledged_at is None:
        entry.acknowledged_by = None


def came_in_drill(entry: Entry, before: Alarm | None, *, drilling: bool) -> bool:
    """Whether what has come back on its row is of a drill: only while one lasts, and no fire that began before it."""
    same_fire = entry.alarm.fire and before is not None and before.incident_id == entry.alarm.incident_id
    return drilling and (entry.drill or not same_fire)


def _word(happening: FireHappening | Happening) -> str:
    if isinstance(happening, Act):
        return str(happening.kind)
    if isinstance(happening, Finding):
        return "report" if happening.active else "return"
    # what follows for a fire when a person acts on another one of its site
    return "judgement" if isinstance(happening, FireAct | Dismissed) else type(happening).__name__.lower()
