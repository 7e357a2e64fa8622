"""MQTT 5 packets as bytes, prepared once: a load generator must not be what is measured.

Called by `bench.publisher`. Promises: pure; a prepared PUBLISH has fixed places for packet id, ts and seq.
"""

from collections.abc import Mapping
from typing import Any

import orjson

FIRST_SEQ = 1_000_000_000  # ten digits from the first to the last, so that a number never moves its neighbours
_TS_MARK = 1_111_111_111_111
_SEQ_MARK = 2_222_222_222


def _length(value: int) -> bytes:
    """A variable byte integer (MQTT 5, 1.5.5)."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def connect_packet(client_id: str, username: str, password: str) -> bytes:
    """CONNECT with clean start, keep-alive 60 s and an account."""
    body = _text("MQTT") + bytes([5, 0b1100_0010]) + (60).to_bytes(2, "big") + b"\x00"
    body += _text(client_id) + _text(username) + _text(password)
    return b"\x10" + _length(len(body)) + body


class PreparedPublish:
    """A QoS 1 PUBLISH of one device's reading that only needs its numbers."""

    __slots__ = ("_packet_id_at", "_seq_at", "_ts_at", "packet", "seq", "topic")

    def __init__(self, topic: str, fields: Mapping[str, Any]) -> None:
        payload = orjson.dumps({"ts": _TS_MARK, "seq": _SEQ_MARK, **fields})
        head = _text(topic)
        body = head + b"\x00\x00" + b"\x00" + payload  # packet id, no properties
        start = b"\x32" + _length(len(body))
        self.packet = bytearray(start + body)
        self._packet_id_at = len(start) + len(head)
        self._ts_at = self.packet.index(str(_TS_MARK).encode())
        self._seq_at = self.packet.index(str(_SEQ_MARK).encode())
        self.seq = FIRST_SEQ - 1
        self.topic = topic

    def stamp(self, packet_id: int, ts_digits: bytes) -> bytearray:
        """Put the numbers of the next message in and return the packet (copy it before the next stamp)."""
        self.seq += 1
        packet = self.packet
        at = self._packet_id_at
        packet[at] = packet_id >> 8
        packet[at + 1] = packet_id & 0xFF
        packet[self._ts_at : self._ts_at + 13] = ts_digits
        packet[self._seq_at : self._seq_at + 10] = b"%d" % self.seq
        return packet


def read_acks(buffer: bytearray) -> tuple[int, int, int]:
    """Cut whole packets off `buffer`: (PUBACKs of success, other PUBACKs, packets of other kinds).

    0x10 (no matching subscribers) is among the others: such a message was dropped by the broker.
    """
    good = bad = other = at = 0
    end = len(buffer)
    while end - at >= 2:
        kind, length, width = buffer[at], 0, 0
        digit = 0x80
        while digit & 0x80 and at + 1 + width < end:
            digit = buffer[at + 1 + width]
            length |= (digit & 0x7F) << (7 * width)
            width += 1
        whole = 1 + width + length
        if digit & 0x80 or end - at < whole:
            break
        if kind == 0x40:
            if length == 2 or buffer[at + 4] == 0:
                good += 1
            else:
                bad += 1
        else:
            other += 1
        at += whole
    del buffer[:at]
    return good, bad, other
