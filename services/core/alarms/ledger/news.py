"""The events that an alarm's step makes for subscribers (contract 9.3), with their data. Pure."""

from datetime import datetime

from services.core.alarms.ledger.document import alarm_document
from services.core.alarms.ledger.rows import Entry, document_row
from services.core.alarms.life.model import Alarm, OutcomeKind
from services.core.city.cloudevent import Event, EventType, over
from services.core.words import Confidence


def step_types(before: Alarm | None, after: Alarm, outcome: OutcomeKind) -> list[EventType]:
    """Return the types of a step from `before` (None: it opened) to `after`, most important first; none: no event.

    What comes back on the row of an open alarm is raised as what opens is: to whoever hears only of raised and cleared,
    it would be over. It is an update as well, for whoever follows the record.
    """
    types: list[EventType] = []
    anew = before is not None and after.fire and after.since != before.since  # a new fire on the row of an older one
    if before is None or anew or (after.active and not before.active):
        types.append(EventType.RAISED)
    if _confirmed(after) and (before is None or anew or not _confirmed(before)):
        types.append(EventType.FIRE_CONFIRMED)
    if before is None:
        return types
    if outcome is OutcomeKind.ESCALATED:
        types.append(EventType.ESCALATED)
    if before.active and not after.active:
        types.append(EventType.CLEARED)
    if before.open and not after.open:
        types.append(EventType.CLOSED)
    if set(types) <= {EventType.RAISED} and (after.version != before.version or after.outlasted_test(before)):
        types.append(EventType.UPDATED)
    return types


def alarm_events(entry: Entry, before: Alarm | None, after: Alarm, outcome: OutcomeKind, now: datetime) -> list[Event]:
    """Return the events of a step of the alarm that `entry` holds."""
    types = step_types(before, after, outcome)
    if not types:
        return []
    data = {"alarm": alarm_document(document_row(entry, after))}
    changed = before is None or after.version != before.version or after.outlasted_test(before)
    told = before is None or (changed and not (is_over(before) and is_over(after)))
    subject = after.device or (f"site:{entry.site_id}" if entry.site_id is not None else after.area or "")
    return [Event(kind, subject, after.area, now, data, entry.device_id, entry.id, cap=told) for kind in types]


def is_over(alarm: Alarm) -> bool:
    """Whether a public warning of it ends (CAP Cancel): a fire's never before a verdict, whatever its panel says."""
    return over(alarm.state, alarm.verification)


def _confirmed(alarm: Alarm) -> bool:
    return alarm.fire and alarm.confidence is Confidence.CONFIRMED
