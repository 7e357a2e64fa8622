"""When the steps of the escalation policy begin to run for an alarm: at its start, and whenever it asks anew. Pure.

Used by the ledger. Promises that an alarm which nobody has taken as it is now has steps ahead of it: whom an earlier
occurrence called, and who took that one, does not count for this one.
"""

from datetime import datetime

from services.core.alarms.life.model import Alarm


def steps_begin(before: Alarm | None, after: Alarm) -> bool:
    """Whether the step from `before` to `after` is one from which on people are to be called."""
    if before is None or after.severity.rank > before.severity.rank:
        return True
    another_fire = after.fire and after.incident_id != before.incident_id
    if not after.active:  # one that has returned still waits for its verdict
        return another_fire or (before.acknowledged_at is not None and after.acknowledged_at is None)
    came_back = not before.active
    asks_again = before.acknowledged_at is not None and after.acknowledged_at is None
    heard_again = bool(_quiet_ends(before)) and not _quiet_ends(after)
    return came_back or asks_again or another_fire or heard_again


def _quiet_ends(alarm: Alarm) -> list[datetime]:
    """Return the ends of what keeps it quiet: a shelf, maintenance, a test."""
    memory = alarm.memory
    ends = (alarm.shelved_until, memory.out_of_service_until, None if memory.manual else memory.test_until)
    return [end for end in ends if end is not None]
