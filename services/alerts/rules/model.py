"""What rules look at: a device's profile, its readings and its events.

Filled by the feed from registry and hypertables; promises no more than the fields rules read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from services.core.alarms.life.happenings import Evidence, Finding, Reset
from services.core.lateness import late_after_s

SPARSE_AFTER_S: Final = 3600.0
"""Above this expected interval "in 2" means one reading (contract 8)."""


class Reading(Protocol):
    """One row of a reading table: a dict or a database record.

    Holds `ts` and `received_at` (aware UTC), `seq`, and the kind's typed columns; an absent field is None or
    missing.
    """

    def __getitem__(self, key: str, /) -> Any: ...

    def get(self, key: str, default: Any = None, /) -> Any:
        """Return the field, or `default`."""


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """What the registry says of a device, as far as rules care; `limits` is its free-form object."""

    code: str
    kind: str
    area: str
    expected_interval_s: float = 60.0
    sleepy: bool = False
    rated_current_a: float | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def late_after(self) -> timedelta:
        """How old a reading may be when received without being late (contract 8)."""
        return timedelta(seconds=late_after_s(self.expected_interval_s, self.sleepy))

    @property
    def readings_in_two(self) -> int:
        """What "in 2" means for this device (contract 8)."""
        return 1 if self.expected_interval_s > SPARSE_AFTER_S else 2


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

    Fires, their evidence and resets go to `core.alarms.fire.apply`; other findings to `lifecycle.step`; a
    reset also to every open alarm of the device (`Reset` is a happening of `step`) and to
    `DeviceRules.forget_all`.
    """

    finding: Finding | None = None
    evidence: Evidence | None = None
    reset: Reset | None = None
