"""The life of one alarm after ISA-18.2: `step(alarm, happening, now, policy)`.

Called by the ledger under the alarm's row lock, and by `fire` for the fires of a site.
Pure: the same arguments give the same alarm, outcome and notices; nothing is read or written.
"""

from __future__ import annotations

from datetime import datetime

from services.core.alarms.happenings import Happening, Situation
from services.core.alarms.model import Alarm, Policy, Step

PLAIN = Situation()


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
    transaction. Fires go through `fire.SiteFires`, which calls this.
    """
    raise NotImplementedError


def due_at(alarm: Alarm) -> datetime | None:
    """When `alarm` needs its next `Tick`, or None. Store it in an indexed column for the clocks to poll."""
    raise NotImplementedError
