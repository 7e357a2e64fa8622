"""Which phases were beyond their limit when they were last heard of: a reading that leaves one out says nothing of it.

Used by the electrical walker. Devices that send what has changed, or one message for each phase, would else end what
another phase raised, or never bring as many readings in a row together as a rule asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta


class Held:
    """The phases that are not fine, and when a reading said so; each counts for as long as a reading may be old."""

    __slots__ = ("_keep_for", "at")

    def __init__(self, keep_for: timedelta) -> None:
        self._keep_for = keep_for
        self.at: dict[str, datetime] = {}

    def by_others(self, named: Collection[str], bad: Collection[str], ts: datetime) -> bool:
        """Take the phases that a reading names, and which of them are not fine; return whether another one is not."""
        for phase in named:
            self.at.pop(phase, None)
        others = list(self.at)
        self.at.update(dict.fromkeys(bad, ts))
        for phase in others:
            if ts - self.at[phase] <= self._keep_for:
                return True
            del self.at[phase]
        return False

    def forget(self, since: datetime) -> None:
        """Forget what was said from `since` on: it comes again."""
        self.at = {phase: at for phase, at in self.at.items() if at < since}

    def to_json(self) -> dict[str, str]:
        """Return the phases as a JSON value."""
        return {phase: at.isoformat() for phase, at in self.at.items()}

    def load(self, saved: Mapping[str, str]) -> None:
        """Take over what `to_json` saved."""
        self.at = {phase: datetime.fromisoformat(at) for phase, at in saved.items()}
