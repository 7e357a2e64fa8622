"""The write-ahead log as files: how PostgreSQL numbers them, and how far a row of them goes.

Called by everything that writes, reads or lets go of the log in a backup folder.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?\.gz(\.gpg)?")

_LONG_HEADER = struct.Struct("<HH20xQ")
_IS_LONG = 0x0002


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the log. `number` counts segments since the cluster was made, whatever the timeline."""

    number: int
    timeline: int
    partial: bool
    path: Path

    @property
    def name(self) -> str:
        """As PostgreSQL asks for it."""
        return self.path.name[:24]


@dataclass(frozen=True)
class Log:
    """A row of segments without a hole. `gap`: what is missing behind it, empty when it goes to the end."""

    segments: list[Segment]
    gap: str = ""


def position(lsn: str) -> int:
    """A place in the log, `16/B374D848`, as a number of bytes."""
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def cluster_of(content: bytes) -> int | None:
    """Which database a segment is of: the system identifier in its first page; None where none is written yet.

    XLogLongPageHeaderData in PostgreSQL's src/include/access/xlog_internal.h: the same from version 9.3 on.
    """
    if len(content) < _LONG_HEADER.size:
        return None
    _magic, flags, identifier = _LONG_HEADER.unpack_from(content)
    return int(identifier) if flags & _IS_LONG and identifier else None


def segment_from(path: Path, segment_bytes: int) -> Segment | None:
    """The segment that a file's name says, or None when it is not a file of the log."""
    found = _SEGMENT.fullmatch(path.name)
    if found is None:
        return None
    timeline, high, low = (int(found[number], 16) for number in (1, 2, 3))
    return Segment(high * (2**32 // segment_bytes) + low, timeline, found[4] is not None, path)
