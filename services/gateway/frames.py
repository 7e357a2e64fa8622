"""Frames of GB/T 26875.3, 2011 edition: bytes to frames and back. Pure; never raises on any bytes.

Used by link.py, the tests and the fuzz target. A frame is cut by its length field, never by its end marker: `@@` and
`##` may stand inside the data. What lies in the data unit is walked by objects.py.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum

START = b"@@"
END = b"##"
HEADER_BYTES = 27  # start to command, clause 6 table 1
MIN_FRAME_BYTES = 30
MAX_ADU_BYTES = 1024
MAX_FRAME_BYTES = MIN_FRAME_BYTES + MAX_ADU_BYTES

CONTROL, SEND, CONFIRM, REQUEST, RESPONSE, DENY = 1, 2, 3, 4, 5, 6
KNOWN_COMMANDS = range(CONTROL, DENY + 1)
NO_TIME = bytes(6)
JUMP_AFTER = 20  # so many headers with an impossible length: whatever sends this is not a panel
_PLAUSIBLE = re.compile(rb"@@[\s\S]{22}(?:[\s\S][\x00-\x03]|\x00\x04)")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. Addresses and time label are the six bytes as on the wire."""

    serial: int
    command: int
    source: bytes
    destination: bytes
    adu: bytes = b""
    time: bytes = NO_TIME
    version_main: int = 1
    version_user: int = 0


class Flaw(StrEnum):
    """Why bytes that began like a frame are none."""

    LENGTH = "length"
    END = "end"
    CHECKSUM = "checksum"


@dataclass(frozen=True, slots=True)
class Damage:
    """A frame that failed a check; `header` is what could be read of it, its data where only the checksum is wrong."""

    flaw: Flaw
    header: Frame


def sum8(span: bytes) -> int:
    """Return the low byte of the arithmetic sum, table 1."""
    return sum(span) & 0xFF


def xor8(span: bytes) -> int:
    """Return the exclusive or of all bytes: the variant of one vendor."""
    value = 0
    for byte in span:
        value ^= byte
    return value


CHECKSUMS: dict[str, Callable[[bytes], int]] = {"sum8": sum8, "xor8": xor8}


def encode(frame: Frame, checksum: Callable[[bytes], int] = sum8) -> bytes:
    """Return the bytes of a frame; the checksum is always computed afresh.

    Raises:
        ValueError: a field does not fit its place (a fault of the caller, never of received bytes).
    """
    if len(frame.adu) > MAX_ADU_BYTES or {len(frame.source), len(frame.destination), len(frame.time)} != {6}:
        raise ValueError("a data unit holds at most 1024 bytes; addresses and time label are six bytes each")
    span = b"".join(
        (
            frame.serial.to_bytes(2, "little"),
            bytes((frame.version_main, frame.version_user)),
            frame.time,
            frame.source,
            frame.destination,
            len(frame.adu).to_bytes(2, "little"),
            bytes((frame.command,)),
            frame.adu,
        )
    )
    return START + span + bytes((checksum(span),)) + END


def answer(frame: Frame, command: int, adu: bytes = b"") -> Frame:
    """Return the reply to `frame`: its serial number and time label, the addresses swapped (clause 6)."""
    return replace(frame, command=command, source=frame.destination, destination=frame.source, adu=adu)


def read_time(label: bytes) -> datetime | None:
    """Return the local time of a label (second, minute, hour, day, month, year - 2000), None when it is no time."""
    second, minute, hour, day, month, year = label
    if year > 99:
        return None
    try:
        return datetime(2000 + year, month, day, hour, minute, second)  # noqa: DTZ001 - a profile knows the zone
    except ValueError:
        return None


def write_time(moment: datetime, utc_offset_min: int) -> bytes:
    """Return the label of an aware time as a clock of the given zone shows it."""
    local = moment.astimezone(timezone(timedelta(minutes=utc_offset_min))).timetuple()
    return bytes((min(local.tm_sec, 59), local.tm_min, local.tm_hour, local.tm_mday, local.tm_mon, local.tm_year % 100))


def _header(data: bytes | bytearray, at: int) -> tuple[Frame, int]:
    serial = int.from_bytes(data[at + 2 : at + 4], "little")
    frame = Frame(
        serial=serial,
        version_main=data[at + 4],
        version_user=data[at + 5],
        time=bytes(data[at + 6 : at + 12]),
        source=bytes(data[at + 12 : at + 18]),
        destination=bytes(data[at + 18 : at + 24]),
        command=data[at + 26],
    )
    return frame, int.from_bytes(data[at + 24 : at + 26], "little")


class Decoder:
    """Cuts a byte stream, however it was split, into frames and damages.

    Holds at most one unfinished frame. `checksum_of` names the checksum of a source address: vendors differ.
    """

    def __init__(self, checksum_of: Callable[[bytes], Callable[[bytes], int]] = lambda _: sum8) -> None:
        self._checksum_of = checksum_of
        self._buffer = bytearray()
        self._reported_until = 0  # a header overlapping one already reported is not reported again
        self._bad_lengths = 0  # since the last frame
        self.noise_bytes = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame | Damage]:
        """Take bytes as they came and return what they completed, in order."""
        self._buffer += data
        return list(self._cut())

    def rescue(self) -> list[Frame | Damage]:
        """Look for whole frames behind one that does not go on; call it when the line fell silent.

        Noise may look like the beginning of a long frame and would otherwise hold back the fire that follows it.
        """
        for at in self._starts(1, len(self._buffer)):
            if self._whole(at):
                self._skip(at)
                return list(self._cut())
        return []

    def give_up(self) -> list[Frame | Damage]:
        """Drop the unfinished frame and return what lies behind it; call it when its time is over."""
        if not self._buffer:
            return []
        self._skip(1)
        return list(self._cut())

    def _starts(self, low: int, high: int) -> Iterator[int]:
        at = self._buffer.find(START, low, high)
        while at >= 0:
            yield at
            at = self._buffer.find(START, at + 1, high)

    def _whole(self, at: int) -> Frame | None:
        """Return the frame at a start mark if all of it is here and sound."""
        if at + MIN_FRAME_BYTES > len(self._buffer):
            return None
        header, length = _header(self._buffer, at)
        end = at + HEADER_BYTES + length
        if length > MAX_ADU_BYTES or end + 3 > len(self._buffer) or self._buffer[end + 1 : end + 3] != END:
            return None
        if self._checksum_of(header.source)(bytes(self._buffer[at + 2 : end])) != self._buffer[end]:
            return None
        return replace(header, adu=bytes(self._buffer[at + HEADER_BYTES : end]))

    def _skip(self, count: int) -> None:
        self.noise_bytes += count
        self._drop(count)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._reported_until = max(0, self._reported_until - count)

    def _cut(self) -> Iterator[Frame | Damage]:
        while True:
            at = self._buffer.find(START)
            if at < 0:
                at = len(self._buffer) - (self._buffer[-1:] == START[:1])
            if at:
                self._skip(at)
            if len(self._buffer) < HEADER_BYTES:
                return
            length = self._buffer[24] | self._buffer[25] << 8
            if length > MAX_ADU_BYTES:
                yield from self._report(Flaw.LENGTH)
                self._bad_lengths += 1
                self._skip(1 if self._bad_lengths < JUMP_AFTER else self._plausible_start())
                continue
            size = MIN_FRAME_BYTES + length
            if len(self._buffer) < size:
                return
            frame = self._whole(0)
            if frame is not None:
                self._bad_lengths = 0
                self._drop(size)
                yield frame
            elif self._buffer[size - 2 : size] != END:
                yield from self._report(Flaw.END)
                self._skip(1)
            else:
                adu = bytes(self._buffer[HEADER_BYTES : HEADER_BYTES + length])
                yield Damage(Flaw.CHECKSUM, replace(_header(self._buffer, 0)[0], adu=adu))
                self._skip(self._resume(size))

    def _plausible_start(self) -> int:
        """Return where the next header with a possible length may begin: through long rubbish in one step."""
        found = _PLAUSIBLE.search(self._buffer, 1)
        if found:
            return found.start()
        tail = max(1, len(self._buffer) - HEADER_BYTES + 1)
        at = self._buffer.find(START, tail)
        return at if at >= 0 else len(self._buffer) - (self._buffer[-1:] == START[:1])

    def _report(self, flaw: Flaw) -> Iterator[Damage]:
        if not self._reported_until and self._buffer[1:3] != START:  # else the stray `@` before a mark was noise
            self._reported_until = HEADER_BYTES
            yield Damage(flaw, _header(self._buffer, 0)[0])

    def _resume(self, size: int) -> int:
        """Return where to go on after a wrong checksum: at a frame that began inside, else behind the damaged one."""
        for at in self._starts(1, size):
            if self._whole(at):
                return at
            if at + HEADER_BYTES <= len(self._buffer):
                header, length = _header(self._buffer, at)
                unfinished = at + MIN_FRAME_BYTES + length > len(self._buffer)
                plausible = length <= MAX_ADU_BYTES and header.command in KNOWN_COMMANDS and header.version_main == 1
                if unfinished and plausible:
                    return at
            elif self._may_begin(at):
                return at
        return size

    def _may_begin(self, at: int) -> bool:
        """Whether a start mark whose header is not all here may be one, by what is here of version and length."""
        length = self._buffer[at + 24 : at + 26]
        is_possible = len(length) < 2 or int.from_bytes(length, "little") <= MAX_ADU_BYTES
        return is_possible and bytes(self._buffer[at + 4 : at + 5]) in {b"", b"\1"}
