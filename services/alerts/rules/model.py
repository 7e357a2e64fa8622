"""What rules look at: a device's readings and its events.

Made by `readings` and `events` from the hypertables; promises no more than the fields that rules read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from services.core.alarms.life.happenings import Evidence, Finding, Reset


class Reading(Protocol):
    """One row of a reading table: a dict or a database record.

    Holds `ts` and `received_at` (aware UTC), `seq`, and the kind's typed columns; an absent field is None or
    missing.
    """

    def __getitem__(self, key: str, /) -> Any: ...

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the field, or `default`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of `event`; `ts` is the device's, or ours where its clock was implausible."""

    type: str
    ts: datetime
    received_at: datetime
    active: bool = True
    component: str = ""
    zone: str | None = None
    system_type: int | None = None
    component_type: int | None = None
    description: str = ""
    event_id: str = ""
    digest: bytes = b""


class Effect(NamedTuple):
    """What one event means: at most one finding, one piece of evidence and one reset.

    Fires, their evidence and resets go to `core.alarms.fires.site.apply`; other findings to `lifecycle.step`; a
    reset also to every open alarm of the device (`Reset` is a happening of `step`) and to
    `DeviceRules.forget_all`.
    """

    finding: Finding | None = None
    evidence: Evidence | None = None
    reset: Reset | None = None
