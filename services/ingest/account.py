"""Sequence accounting: gaps, restarts, fills, per device and channel. Pure; the store calls it per stored row.

Right counts whatever the order of arrival: a number that was skipped counts as missing until it comes late.
"""

from dataclasses import dataclass
from typing import NamedTuple

from services.core.contracts import SEQ_MODULUS
from services.ingest.reading import Reading

WRAP_WINDOW = 100_000  # a lower number this close past 2^32 is the wrap, any other is a restart


class Head(NamedTuple):
    """How far a channel of a device has come. `missing` are numbers skipped and not seen yet.

    `low` is the number this count began with, None where it began before this process: older ones fill no gap.
    `since_us` is when it began or this process took it over: what is older may be from before a restart.
    `back_us` is the time under which `seq` came where that is older than `ts_us`: a clock that went back has said it.
    """

    ts_us: int | None = None
    seq: int | None = None
    missing: int = 0
    low: int | None = None
    since_us: int | None = None
    back_us: int | None = None


@dataclass(slots=True)
class Tally:
    """What one batch adds to a device's loss accounting. `gaps` is negative where late rows filled more than opened."""

    gaps: int = 0
    restarts: int = 0
    duplicates: int = 0
    late: int = 0
    rejects: int = 0
    flood: int = 0  # elements beyond the device's share

    def is_empty(self) -> bool:
        """Tell whether there is nothing to write about its quality."""
        return not (self.gaps or self.restarts or self.duplicates or self.late or self.rejects)


def follow_next(head: Head, ts_us: int, seq: int) -> Head | None:
    """Return the head after the very next number, as nearly always; None: only `advance` can tell."""
    if head.ts_us is None or head.seq is None or seq != head.seq + 1 or ts_us <= head.ts_us:
        return None
    return Head(ts_us, seq, head.missing, head.low, head.since_us)


def advance(head: Head, ts_us: int, seq: int, tally: Tally) -> Head:
    """Return the head after a row that was not stored before, and count into `tally` (contract 3: `seq`)."""
    if head.ts_us is None or head.seq is None:
        return Head(ts_us, seq, head.missing, seq, ts_us)
    step = (seq - head.seq) % SEQ_MODULUS
    if ts_us > head.ts_us or (ts_us == head.ts_us and seq > head.seq):
        if step == 0 or (seq < head.seq and step > WRAP_WINDOW):
            tally.restarts += 1
            return Head(ts_us, seq, 0, seq, ts_us)
        tally.gaps += step - 1
        return Head(ts_us, seq, head.missing + step - 1, head.low, head.since_us)
    if step == 1 or (1 < step <= WRAP_WINDOW and _went_back(head, ts_us)):
        tally.gaps += step - 1
        return Head(head.ts_us, seq, head.missing + step - 1, head.low, head.since_us, ts_us)
    if head.missing and _lies_between(head.low, seq, head.seq):  # it came late and fills a gap
        tally.gaps -= 1
        return head._replace(missing=head.missing - 1)
    return head


def _went_back(head: Head, ts_us: int) -> bool:
    """Tell whether a higher number under an older time is of a clock that went back, not from before a restart.

    A right clock gives no higher number an older time within one count, nor after what this clock has just said.
    """
    if head.since_us is not None and ts_us >= head.since_us:
        return True
    return head.back_us is not None and ts_us >= head.back_us


def is_newest(head: Head | Reading, ts_us: int, seq: int) -> bool:
    """Tell whether a reading is the newest of its channel: by its time, or by its number where a clock went back."""
    if head.ts_us is None or head.seq is None:
        return True
    if ts_us > head.ts_us or (ts_us == head.ts_us and seq > head.seq):
        return True
    return 0 < (seq - head.seq) % SEQ_MODULUS <= WRAP_WINDOW


def _lies_between(low: int | None, seq: int, high: int) -> bool:
    return low is None or (seq - low) % SEQ_MODULUS < (high - low) % SEQ_MODULUS
