"""GB/T 26875.3, 2011 edition, as a transmission device speaks it: frames out, frames in, data units of a panel.

Used by `panel_wire`. Written independently of the gateway's codec, so that each checks the other. Pure.
"""

from datetime import datetime
from typing import NamedTuple

CONTROL, SEND, CONFIRM, REQUEST, RESPONSE, DENY = range(1, 7)
SMOKE, CALL_POINT = 40, 23  # table 5
LOCAL_UTC_OFFSET_S = 8 * 3600
STORM_OBJECTS = 22  # the most that type 2 may carry


class Heard(NamedTuple):
    """A frame from the centre."""

    serial: int
    command: int
    source: bytes
    destination: bytes
    adu: bytes


def label(moment: datetime) -> bytes:
    """Return a local time as second, minute, hour, day, month, year - 2000."""
    return bytes((moment.second, moment.minute, moment.hour, moment.day, moment.month, moment.year - 2000))


def build(serial: int, command: int, source: bytes, destination: bytes, *, adu: bytes = b"", time: bytes) -> bytes:
    """Return a frame."""
    body = serial.to_bytes(2, "little") + b"\x01\x00" + time + source + destination
    body += len(adu).to_bytes(2, "little") + bytes((command,)) + adu
    return b"@@" + body + bytes((sum(body) % 256,)) + b"##"


def cut(buffer: bytearray) -> list[Heard]:
    """Take whole frames from the front of `buffer`; the centre sends no noise.

    Raises:
        ValueError: what came is not a frame.
    """
    out = []
    while len(buffer) >= 27:
        size = 30 + int.from_bytes(buffer[24:26], "little")
        if buffer[:2] != b"@@" or size > 1054:
            raise ValueError(f"not a frame: {bytes(buffer[:27]).hex()}")
        if len(buffer) < size:
            break
        raw = bytes(buffer[:size])
        del buffer[:size]
        if sum(raw[2:-3]) % 256 != raw[-3] or raw[-2:] != b"##":
            raise ValueError(f"wrong checksum or end: {raw.hex()}")
        out.append(Heard(int.from_bytes(raw[2:4], "little"), raw[26], raw[12:18], raw[18:24], raw[27:-3]))
    return out


def address_bytes(loop: int, point: int) -> bytes:
    """Return a component address with the loop in the low half."""
    return loop.to_bytes(2, "little") + point.to_bytes(2, "little")


def component_state(bits: int, loop: int, point: int, *, time: bytes, kind: int = SMOKE, text: str = "") -> bytes:
    """Return one object of type 2, with the bytes that cheap devices leave after the text."""
    raw = text.encode("gb18030")[:30] + b"\0"
    return bytes((1, 1, kind)) + address_bytes(loop, point) + bits.to_bytes(2, "little") + raw.ljust(31, b"\xcc") + time


def unit(flag: int, *objects: bytes) -> bytes:
    """Return a data unit."""
    return bytes((flag, len(objects))) + b"".join(objects)


def storm(bits: int, loop: int, first_point: int, *, time: bytes) -> bytes:
    """Return a full frame's data unit: 22 detectors of one loop."""
    points = range(first_point, first_point + STORM_OBJECTS)
    return unit(2, *(component_state(bits, loop, point, time=time, text=f"{loop}区{point}点") for point in points))


def hydrant_pressure(pressure_kpa: float, point: int, *, time: bytes) -> bytes:
    """Return a type 3 data unit: pressure at a point of the hydrant system, 0.1 kPa."""
    raw = round(pressure_kpa * 10).to_bytes(2, "little", signed=True)
    return unit(3, bytes((11, 1, 0)) + address_bytes(1, point) + b"\x05" + raw + time)
