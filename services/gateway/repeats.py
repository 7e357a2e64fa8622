"""Tells a retransmission from a new fire: the same source, serial and content within two minutes. Pure but for memory.

Used by intake.py. A panel whose clock stands still and whose serials restart sends the same bytes for a new fire, so
what was remembered is forgotten as soon as something says that the earlier fire may be over.
"""

import hashlib
from collections import OrderedDict

from services.gateway.frames import Frame, encode
from services.gateway.records import Record

WINDOW_MS = 120_000  # 6.5 of the standard: three repeats of at most 10 s each, and a reconnect
PER_SOURCE = 5_000
RESTART_STEP = 64  # a serial that far back was not sent before the newest one
RESTART_AFTER = 8  # so many messages before a first serial of 0 means a restart
FIRE, END = "fire", "end"


def digest_of(frame: Frame) -> bytes:
    """Return what a retransmission shares with its original: every byte of it."""
    return hashlib.blake2b(encode(frame), digest_size=16).digest()


class Repeats:
    """The records of the last two minutes, and all that are not settled, per source."""

    def __init__(self) -> None:
        self._records: dict[bytes, OrderedDict[bytes, Record]] = {}
        self._by_role: dict[tuple[bytes, str], dict[bytes, Record]] = {}
        self._newest: dict[bytes, int] = {}

    def find(self, source: bytes, digest: bytes, now_ms: int) -> Record | None:
        """Return the record that the same bytes gave, if they were sent again rather than anew."""
        record = self._records.get(source, OrderedDict()).get(digest)
        return None if record is None or _is_old(record, now_ms) else record

    def saw_serial(self, frame: Frame, *, first_of_link: bool) -> None:
        """Note the serial of a frame that is no repetition; a panel that began anew has no retransmissions left."""
        newest = self._newest.get(frame.source, 0)
        restarted = frame.serial == 0 and first_of_link and newest >= RESTART_AFTER
        if frame.serial + RESTART_STEP < newest or restarted:
            for role in (FIRE, END):
                for record in list(self._by_role.get((frame.source, role), {}).values()):
                    if record.settled_ms is not None:
                        self._drop(record)
        if frame.source in self._records:
            self._newest[frame.source] = frame.serial

    def add(self, record: Record) -> None:
        """Remember a new record. A fire ends the memory of ends, an end that of fires: each may come again."""
        roles = record.role.split()
        for role in roles:
            for other in list(self._by_role.get((record.source, END if role == FIRE else FIRE), {}).values()):
                self._drop(other)
        known = self._records.setdefault(record.source, OrderedDict())
        known[record.digest] = record
        for role in roles:
            self._by_role.setdefault((record.source, role), {})[record.digest] = record
        if len(known) > PER_SOURCE:
            self._drop(next(iter(known.values())))

    def records(self) -> list[Record]:
        """Return all that is remembered."""
        return [record for known in self._records.values() for record in known.values()]

    def _drop(self, record: Record) -> None:
        self._records[record.source].pop(record.digest, None)
        for role in record.role.split():
            self._by_role[record.source, role].pop(record.digest, None)

    def expire(self, now_ms: int) -> None:
        """Let go of what is settled and older than the window."""
        for source in list(self._records):
            known = self._records[source]
            for record in list(known.values()):
                if _is_old(record, now_ms):
                    self._drop(record)
            if not known:
                del self._records[source]
                self._newest.pop(source, None)
                for role in (FIRE, END):
                    self._by_role.pop((source, role), None)


def _is_old(record: Record, now_ms: int) -> bool:
    """Whether nothing that comes now can be a repeat of it; our own clock may have been set back since."""
    return record.settled_ms is not None and abs(now_ms - record.settled_ms) > WINDOW_MS
