"""What subscribers are told of an alarm's step, and the CloudEvents 1.0 envelope around it (contract 9.3). Pure.

Called by `page` (which events a step makes) and by push (the envelope). Promises names that every CloudEvents library
takes: lower-case extension names, a subject that is never empty, an aware time.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from services.core.alarms.ledger.document import alarm_document, rfc3339
from services.core.alarms.ledger.rows import Entry, document_row
from services.core.alarms.life.model import Alarm, OutcomeKind
from services.core.words import Confidence, State, Verification

CONTENT_TYPE: Final = "application/cloudevents+json"  # CloudEvents HTTP binding 3.2, structured mode
SEQUENCE_DIGITS: Final = 16  # microseconds since 1970: of one length until the year 2286, so texts compare as numbers


class EventType(StrEnum):
    """What can be subscribed to."""

    RAISED = "alarm.raised"
    UPDATED = "alarm.updated"
    ESCALATED = "alarm.escalated"
    CLEARED = "alarm.cleared"
    CLOSED = "alarm.closed"
    FIRE_CONFIRMED = "fire.confirmed"
    DEVICE_STATUS = "device.status"
    HAZARD_CHANGED = "hazard.changed"
    RISK_CHANGED = "risk.changed"


TEST: Final = "subscription.test"
"""What an administrator sends to see whether a receiver takes it; subscribed to by nobody."""


class Event(NamedTuple):
    """One thing that happened, as it is stored in the transaction that made it happen.

    `cap`: a CAP message belongs to it. `subject` is empty for what belongs to the county as a whole.
    """

    type: EventType
    subject: str
    area: str | None
    at: datetime
    data: dict[str, Any]
    device_id: int | None = None
    alarm_id: int | None = None
    cap: bool = False


def step_types(before: Alarm | None, after: Alarm, outcome: OutcomeKind) -> list[EventType]:
    """Return the types of a step from `before` (None: it opened) to `after`, most telling first; none: not told."""
    types: list[EventType] = []
    if before is None:
        types.append(EventType.RAISED)
    if _confirmed(after) and (before is None or not _confirmed(before)):
        types.append(EventType.FIRE_CONFIRMED)
    if before is None:
        return types
    if outcome is OutcomeKind.ESCALATED:
        types.append(EventType.ESCALATED)
    if before.active and not after.active:
        types.append(EventType.CLEARED)
    if before.open and not after.open:
        types.append(EventType.CLOSED)
    if not types and after.version != before.version:
        types.append(EventType.UPDATED)
    return types


def alarm_events(entry: Entry, before: Alarm | None, after: Alarm, outcome: OutcomeKind, now: datetime) -> list[Event]:
    """Return the events of a step of the alarm that `entry` holds."""
    types = step_types(before, after, outcome)
    if not types:
        return []
    data = {"alarm": alarm_document(document_row(entry, after))}
    told = before is None or (after.version != before.version and not (is_over(before) and is_over(after)))
    subject = after.device or (f"site:{entry.site_id}" if entry.site_id is not None else after.area or "")
    return [
        Event(kind, subject, after.area, now, data, entry.device_id, entry.id, cap=told and kind is types[0])
        for kind in types
    ]


def is_over(alarm: Alarm) -> bool:
    """Whether a public warning of it ends (CAP Cancel): a fire's never before a verdict, whatever its panel says."""
    return over(alarm.state, alarm.verification)


def over(state: str, verification: str) -> bool:
    """Say the same of the words that a stored transition holds."""
    return state == State.CLOSED or (state == State.RETURNED and verification != Verification.PENDING)


def _confirmed(alarm: Alarm) -> bool:
    return alarm.fire and alarm.confidence is Confidence.CONFIRMED


def envelope(row: Mapping[str, Any], county: str, data: Mapping[str, Any]) -> bytes:
    """Return the CloudEvent of a numbered event: the same bytes for every subscriber and at every attempt.

    `row` has `uid`, `type`, `subject`, `number` and `at`; `county` is the county's area code. `sequence` grows with
    every event of the source and says nothing of how many there were.
    """
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(row["uid"]),
            "source": f"urn:firetower:{county}",
            "type": f"cn.firetower.{row['type']}.v1",
            "subject": row["subject"] or county,
            "time": rfc3339(row["at"]),
            "datacontenttype": "application/json",
            "sequence": str(row["number"]).zfill(SEQUENCE_DIGITS),
            "data": data,
        }
    )
