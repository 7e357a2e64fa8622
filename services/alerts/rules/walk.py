"""One device's rules walking its readings in (ts, seq) order.

Held by the feed, one per device; fed every stored reading once, in any order.
Promises findings only at the device's newest reading and only when that one is not late (contract 8).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.alerts.rules.model import DeviceProfile, Reading
from services.core.alarms.happenings import Finding


class DeviceRules:
    """All reading rules of one device with their state."""

    def __init__(self, device: DeviceProfile, params: Mapping[str, float] | None = None) -> None:
        raise NotImplementedError

    def walk(self, readings: Iterable[Reading]) -> list[Finding]:
        """Feed readings; return what began, grew worse or ended. A standing condition is not repeated."""
        raise NotImplementedError

    def forget(self, code: str) -> None:
        """A person cleared or dismissed the alarm of `code`: the next readings may raise it anew."""
        raise NotImplementedError

    def forget_all(self) -> None:
        """The device was reset: every standing condition is over until readings show it again."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The state as a JSON value, to be kept across restarts."""
        raise NotImplementedError

    @classmethod
    def from_json(
        cls, device: DeviceProfile, params: Mapping[str, float] | None, saved: Mapping[str, Any]
    ) -> DeviceRules:
        """The rules as they were; a state of another shape (an older release) starts fresh."""
        raise NotImplementedError
