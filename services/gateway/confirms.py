"""Who waits for which confirm: command 3 is sent once a record is stored by ingest and on our own disk, never before.

Used by intake.py. The newest link that a frame came on gets it.
"""

from dataclasses import dataclass

from services.core.clock import Clock
from services.core.metrics import CONFIRM_SECONDS, FRAMES
from services.gateway.frames import CONFIRM, SEND, Frame
from services.gateway.link import Link
from services.gateway.records import Record


@dataclass(slots=True)
class Asker:
    """A frame to be confirmed, and when it came first."""

    link: Link
    frame: Frame
    arrived: float


class Confirms:
    """Askers by record."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._askers: dict[int, Asker] = {}

    def wait(self, record: Record, asker: Asker) -> None:
        """Confirm `asker` when all of the record is stored, at once if it is."""
        if asker.frame.command != SEND:
            return
        if record.stored and record.on_disk:
            asker.link.reply(asker.frame, CONFIRM)
            return
        before = self._askers.get(record.id)
        if before is not None:
            before.link.awaited -= 1
            asker.arrived = before.arrived
        asker.link.awaited += 1
        self._askers[record.id] = asker

    def may_go(self, record: Record) -> None:
        """Confirm a record if nothing is missing any more."""
        if not (record.stored and record.on_disk):
            return
        asker = self._askers.pop(record.id, None)
        if asker is None:
            return
        asker.link.awaited -= 1
        asker.link.reply(asker.frame, CONFIRM)
        FRAMES.labels("confirmed").inc()
        if record.urgent:
            CONFIRM_SECONDS.observe(self._clock.monotonic() - asker.arrived)
