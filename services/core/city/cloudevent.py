"""What can be told to subscribers, and the CloudEvents 1.0 envelope around it (contract 9.3). Pure.

Used by whoever has news, and by push (the envelope). Promises names that every CloudEvents library
takes: lower-case extension names, a subject that is never empty, an aware time.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from services.core.clock import rfc3339
from services.core.words import State, Verification

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

    `cap`: a CAP message belongs to it; events of one step share theirs. `subject` is empty for what belongs to the
    county as a whole.
    """

    type: EventType
    subject: str
    area: str | None
    at: datetime
    data: dict[str, Any]
    device_id: int | None = None
    alarm_id: int | None = None
    cap: bool = False


def over(state: str, verification: str) -> bool:
    """Whether a public warning of an alarm with these words ends (CAP Cancel), as a stored transition holds them."""
    return state == State.CLOSED or (state == State.RETURNED and verification != Verification.PENDING)


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
