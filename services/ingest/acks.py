"""Event ids -> the payloads of `down/ack`. Pure; the lane publishes them after the commit.

An event message may hold thousands of small events: their ids in one ack could be larger than the broker takes, and
it would cut the connection each time we tried.
"""

from collections.abc import Iterator, Sequence

import orjson

MOST_BYTES = 64 * 1024
OVERHEAD_BYTES = 512  # of a packet around them: the longest topic of a device, and the list's own


def most_bytes(largest_packet: int | None) -> int:
    """Return how large an ack may be for a broker that takes such packets; None: it sets no limit."""
    return MOST_BYTES if largest_packet is None else min(MOST_BYTES, largest_packet - OVERHEAD_BYTES)


def ack_payloads(event_ids: Sequence[str], most: int = MOST_BYTES) -> Iterator[bytes]:
    """Return `{"event_ids": […]}` as often as it takes, each of about `most` bytes (a longer id stands alone)."""
    part: list[str] = []
    size = 0
    for name in event_ids:
        bytes_more = len(orjson.dumps(name)) + 1
        if part and size + bytes_more > most:
            yield orjson.dumps({"event_ids": part})
            part, size = [], 0
        part.append(name)
        size += bytes_more
    if part:
        yield orjson.dumps({"event_ids": part})
