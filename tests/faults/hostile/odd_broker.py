"""A wire to the broker that sometimes says what no broker should, or hangs up. Seeded; counts what it said.

What the real broker sent with it is lost, as on a cut wire: the program has not acknowledged it and gets it again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.faults.hostile.odd_wire import OddWire, Reader, Writer

_DISCONNECT, _PUBLISH_TO_US = 0xE0, 0x32
# MQTT 5.0, chapters 2 and 3: packets that are malformed, out of place or refusals. "Session taken over" is not among
# them: a second process with our client id is there, and the program ends for it.
ANSWERS: dict[str, bytes] = {
    "no MQTT": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": b"\0" * 64,
    "ones": b"\xff" * 64,
    "a length of five bytes": b"\x30\xff\xff\xff\xff\x7f",
    "a packet of 256 MB begins": b"\x30\xff\xff\xff\x7f" + b"x" * 4096,
    "half a packet": b"\x32\x7f\x00\x10fire/v1",
    "a second CONNACK": b"\x20\x03\x00\x00\x00",
    "CONNACK of a reason that is none": b"\x20\x03\x00\xee\x00",
    "PUBACK of nothing": b"\x40\x02\xff\xff",
    "PUBACK, over quota": b"\x40\x03\x00\x01\x97",
    "SUBACK of nothing": b"\x90\x04\x12\x34\x00\x80",
    "a topic that is no text": bytes([_PUBLISH_TO_US]) + b"\x09\x00\x03\xff\xfe\xfd\x00\x01\x00x",
    "a topic alias that was never given": bytes([_PUBLISH_TO_US]) + b"\x09\x00\x00\x00\x01\x03\x23\x00\x63x",
    "a property that is none": bytes([_PUBLISH_TO_US]) + b"\x0a\x00\x01a\x00\x01\x03\x7f\x00\x00x",
    "QoS 3": b"\x36\x06\x00\x01a\x00\x01\x00",
    "AUTH": b"\xf0\x00",
    "a packet that only a client sends": b"\xc0\x00",
    "DISCONNECT, server busy": bytes([_DISCONNECT]) + b"\x02\x89\x00",
    "DISCONNECT of a reason that is none": bytes([_DISCONNECT]) + b"\x02\xef\x00",
    "DISCONNECT, cut short": bytes([_DISCONNECT]) + b"\x02\x89",
    "nothing": b"",
}


class OddBroker(OddWire):
    """Of what the broker sends, a share becomes an odd answer; then the connection ends."""

    def _ways(self, reader: Reader, writer: Writer, far_reader: Reader, far_writer: Writer) -> Sequence[Any]:
        return _pass_on(reader, far_writer), self._answer(far_reader, writer)

    async def _answer(self, reader: Reader, writer: Writer) -> None:
        while data := await reader.read(65_536):
            if (name := self.draw(list(ANSWERS))) is not None:
                self.said[name] += 1
                writer.write(ANSWERS[name])
                await writer.drain()
                await asyncio.sleep(self._dice.choice((0, 0.2)))  # so that some are read before the end, some with it
                return
            writer.write(data)
            await writer.drain()


async def _pass_on(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
