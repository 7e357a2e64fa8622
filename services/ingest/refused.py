"""Counts the messages of a device that were refused as a whole: it speaks, and nothing usable comes. Pure.

The plan counts per batch, the store adds up in `device_state` over both lanes, alerts judges (`device_unreadable`).
"""

from collections.abc import Sequence
from typing import NamedTuple

from services.ingest.decode import Message
from services.ingest.reject import Reject


class Columns(NamedTuple):
    """What goes to the state row; None is the usual: something usable came, nothing was refused after it."""

    nothing_usable: bool | None
    messages: int | None
    since_us: int | None
    reason: str | None


USUAL = Columns(None, None, None, None)


class Refused(NamedTuple):
    """The messages of a device in a batch that were refused whole, after the newest that brought something."""

    messages: int = 0
    since_us: int | None = None
    reason: str | None = None  # of the newest
    accepted: bool = False  # something usable came before these

    def and_message(self, message: Message, rejects: Sequence[Reject], *, stored: bool) -> "Refused":
        """Count a message; `stored` says that a row came of it, `rejects` what was refused.

        A status is neither: it says that the device lives and nothing of what it measures. A part of a message that
        was cut says by its rows that something came, and nothing by its rejects: other parts may have rows.
        """
        if not message.alive or message.replay_of is not None:
            return self
        if stored:
            return ACCEPTED
        if not rejects or not message.whole:
            return self
        since_us = message.received_us if self.since_us is None else self.since_us
        return Refused(self.messages + 1, since_us, rejects[0].reason, self.accepted)

    def after(self, earlier: "Refused") -> "Refused":
        """Return what both batches say together, `earlier` the first."""
        if self.accepted:
            return self
        since_us = self.since_us if earlier.since_us is None else earlier.since_us
        return Refused(
            earlier.messages + self.messages, since_us, self.reason or earlier.reason, accepted=earlier.accepted
        )

    def columns(self) -> Columns:
        """Return what the state row must learn."""
        if self.accepted and not self.messages:
            return USUAL
        return Columns(None if self.accepted else True, self.messages or None, self.since_us, self.reason)


NONE, ACCEPTED = Refused(), Refused(accepted=True)  # nearly all there are
