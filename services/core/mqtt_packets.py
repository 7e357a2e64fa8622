"""Whole packets cut out of what a socket brought (MQTT 5, 1.5.5 and 3.3). Pure; services.core.mqtt_client calls it."""

from paho.mqtt.exception import MalformedPacket

from services.core.mqtt_config import Delivery

_SHORTEST = 5  # bytes of a publish behind its length: a topic's length, a packet id, the length of no properties


def cut_packet(buffer: bytes, position: int) -> tuple[int, int] | None:
    """Return where the body of the packet at `position` starts and ends, None while it is incomplete.

    Raises:
        MalformedPacket: a length longer than four bytes (MQTT 5, 1.5.5).
    """
    length, index = 0, position + 1
    for shift in (0, 7, 14, 21):
        if index >= len(buffer):
            return None
        byte = buffer[index]
        index += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (index, index + length) if index + length <= len(buffer) else None
    raise MalformedPacket("the remaining length has more than four bytes")


def cut_publishes(buffer: bytes, position: int, generation: int) -> tuple[list[Delivery], int]:
    """Take the QoS 1 publishes without properties that stand whole at `position`; return them and where they end.

    Nearly all that comes is such a run, so one loop reads all of it. What is behind it, `cut_packet` may tell.
    """
    found: list[Delivery] = []
    while position + 2 + _SHORTEST <= len(buffer):
        head, length, start = buffer[position], buffer[position + 1], position + 2
        if head & 0xF6 != 0x32:  # another packet or another QoS
            break
        if length >= 0x80:
            more = buffer[start]
            if more >= 0x80:  # over 16 KiB
                break
            length, start = length & 0x7F | more << 7, start + 1
        end = start + length
        if end > len(buffer) or length < _SHORTEST:
            break
        id_at = start + 2 + (buffer[start] << 8 | buffer[start + 1])
        if id_at + 3 > end or buffer[id_at + 2]:
            break
        found.append(
            Delivery(
                str(buffer[start + 2 : id_at], "utf-8", "replace"),
                buffer[id_at + 3 : end],
                1,
                head & 0x01 != 0,
                head & 0x08 != 0,
                buffer[id_at] << 8 | buffer[id_at + 1],
                generation,
            )
        )
        position = end
    return found, position
