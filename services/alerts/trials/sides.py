"""The two sides of a trial: the numbers that were in force at each time, and the same with those that are tried.

Used by `by_cells` and `by_devices`. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.alerts.findings import Findings
from services.core.rules.parameters import ParameterBook, Parameters
from services.core.rules.profile import DeviceProfile
from services.core.words import Reason

MOST_FOUND: Final = 20_000  # of one side: it is kept in memory, and no person reads more


class TooMuchError(Exception):
    """A trial would need more than it may: the text says what to choose instead."""

    def __init__(self, said: Reason) -> None:
        super().__init__(said.en)
        self.said = said


@dataclass(frozen=True, slots=True)
class Trial:
    """What was asked for. `devices` are those looked at, None for all."""

    code: str
    parameters: Mapping[str, float]
    since: datetime
    until: datetime
    devices: frozenset[str] | None


@dataclass(slots=True)
class Side:
    """One walk: its numbers and what it found."""

    code: str
    changes: Mapping[str, float]  # {}: as it was
    book: ParameterBook
    findings: Findings = field(default_factory=lambda: Findings({}))

    def numbers(self, profile: DeviceProfile, at: datetime) -> Parameters:
        """Return all numbers for a device, or for what is watched together, at a time."""
        found = self.book.for_device(profile, at)
        return {**found, self.code: {**found[self.code], **self.changes}} if self.changes else found

    def document(self) -> list[dict[str, Any]]:
        """Return what was found, in order of time."""
        return self.findings.document()

    def check(self) -> None:
        """Refuse to find without end."""
        if len(self.findings) > MOST_FOUND:
            raise TooMuchError(
                Reason(
                    f"按这些数值会产生超过 {MOST_FOUND} 条，无法比较：请放宽数值",
                    f"these numbers raise more than {MOST_FOUND} findings: choose others",
                )
            )
