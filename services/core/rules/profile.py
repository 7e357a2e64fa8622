"""What the rules know of a device: the part of its registry row that they look at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol, Self

from services.core.rules.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A, usable_limits
from services.core.rules.lateness import SLEEPY_LATE_S, late_after_s

SPARSE_AFTER_S: Final = 3600.0
"""Above this expected interval "in 2" means one reading (contract 8)."""


class RegistryRow(Protocol):
    """A row of `device`, or a document of it: a mapping, or a record of the database."""

    def __getitem__(self, name: str, /) -> Any: ...


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

    @classmethod
    def of(cls, row: RegistryRow) -> Self:
        """Return the profile of a row of `device`; figures out of bounds count as the nearest that can be used."""
        return cls(
            code=row["code"],
            kind=row["kind"],
            area=row["area"],
            expected_interval_s=EXPECTED_INTERVAL_S.clamp(row["expected_interval_s"]) or EXPECTED_INTERVAL_S.least,
            sleepy=row["sleepy"],
            rated_current_a=RATED_CURRENT_A.clamp(row["rated_current_a"]),
            limits=usable_limits(row["limits"]),
        )

    @property
    def late_after(self) -> timedelta:
        """How old a reading may be when received without being late (contract 8)."""
        return timedelta(seconds=late_after_s(self.expected_interval_s, self.sleepy))

    @property
    def lasts(self) -> timedelta:
        """How long a temperature or tilt counts that newer readings leave out: some devices say it once a day."""
        return max(self.late_after, timedelta(seconds=SLEEPY_LATE_S))

    @property
    def readings_in_two(self) -> int:
        """What "in 2" means for this device (contract 8)."""
        return 1 if self.expected_interval_s > SPARSE_AFTER_S else 2
