"""Whether a device's clock can be believed: `clock_wrong` (contract 8).

Fed by `walk.DeviceRules` with old readings and with implausible clocks. Tells a clock that is an hour behind, message
after message, from a back-fill, whose readings get younger with every message. A clock that ingest found to be behind
by a constant, however small, is a condition of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

_JITTER: Final = timedelta(seconds=0.2)


class ClockWatch:
    """The wrong clocks of the last day."""

    __slots__ = ("_before", "_behind_at", "_count", "_counted", "_latest", "_marks", "_within", "active", "skew")

    def __init__(self, count: float, skew_h: float, within_h: float) -> None:
        self.active = False
        self.skew = timedelta(hours=skew_h)
        self._count = int(count)
        self._within = timedelta(hours=within_h)
        self._marks: list[datetime] = []
        self._before: _Message | None = None
        self._latest: _Message | None = None
        self._counted = False
        self._behind_at: datetime | None = None

    def note_behind(self, at: datetime) -> bool:
        """Take a message of a clock that is behind by a constant; return whether that begins the condition."""
        begins = self._behind_at is None
        self._behind_at = at
        return begins

    def note_right(self) -> bool:
        """Take a newest reading of the right age; return whether that ends a clock that was behind."""
        ends = self._behind_at is not None
        self._behind_at = None
        return ends

    def end_behind(self, now: datetime, *, at_once: bool = False) -> bool:
        """Return whether a clock that was behind counts no longer: a day without such a message, or `at_once`."""
        if self._behind_at is None or not (at_once or now - self._behind_at >= self._within):
            return False
        return self.note_right()

    def note_bad(self, at: datetime) -> bool:
        """Count a wrong clock seen at our time `at`; return whether that begins the condition."""
        self._marks = [mark for mark in self._marks if at - mark < self._within][-self._count :]
        self._marks.append(at)
        if self.active or len(self._marks) < self._count:
            return False
        self.active = True
        return True

    def note_old(self, ts: datetime, received_at: datetime) -> bool:
        """Look at a reading older than the skew; return whether it begins the condition.

        A message counts if its newest reading is as far behind as that of the message before: a clock that
        runs wrong keeps its distance, a back-fill catches up. One measurement in several messages counts once.
        """
        lag = received_at - ts
        latest = self._latest
        if latest is None or (latest.received_at != received_at and latest.received_at - latest.lag != ts):
            self._before, self._latest, self._counted = latest, _Message(received_at, lag, counted=False), False
        elif lag < latest.lag:
            self._latest = latest._replace(lag=lag)
        before = self._before
        if self._counted or before is None:
            return False
        if abs(lag - before.lag) > _JITTER + (received_at - before.received_at) / 4:
            return False
        self._counted = True
        self._latest = _Message(received_at, lag, counted=True)
        first = not before.counted and self.note_bad(before.received_at)
        return self.note_bad(received_at) or first

    def note_fine(self) -> None:
        """A reading of the right age: whatever is compared begins anew."""
        if self._latest is not None:
            self._latest = self._before = None

    def end(self, now: datetime, *, at_once: bool = False) -> bool:
        """Return whether the condition is over: a day without a wrong clock, or `at_once`."""
        if not self.active or not (at_once or now - self._marks[-1] >= self._within):
            return False
        self.active = False
        self._marks = []
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON value."""
        return {
            "active": self.active,
            "marks": [mark.isoformat() for mark in self._marks],
            "messages": [
                None
                if message is None
                else [message.received_at.isoformat(), message.lag.total_seconds(), message.counted]
                for message in (self._before, self._latest)
            ],
            "counted": self._counted,
            "behind_at": None if self._behind_at is None else self._behind_at.isoformat(),
        }

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take over a state that `to_json` saved."""
        self.active = saved["active"]
        self._marks = [datetime.fromisoformat(mark) for mark in saved["marks"]]
        self._counted = saved["counted"]
        behind_at = saved.get("behind_at")  # a state of an older release has none
        self._behind_at = None if behind_at is None else datetime.fromisoformat(behind_at)
        self._before, self._latest = (
            None
            if message is None
            else _Message(datetime.fromisoformat(message[0]), timedelta(seconds=message[1]), counted=message[2])
            for message in saved["messages"]
        )

    def forget(self) -> None:
        """Count from nothing."""
        self.active = self._counted = False
        self._marks = []
        self._before = self._latest = self._behind_at = None


class _Message(NamedTuple):
    received_at: datetime
    lag: timedelta
    counted: bool
