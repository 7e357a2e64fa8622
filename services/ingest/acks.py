"""Event ids -> the payloads of `down/ack`. Pure; the lane publishes them after the commit.

An event message may hold thousands of small events: their ids in one ack could be larger than the broker takes, and
it would cut the connection each time we tried.
"""

from collections.abc import Iterator, Sequence

import orjson

MOST_BYTES = 64 * 1024


def ack_payloads(event_ids: Sequence[str]) -> Iterator[bytes]:
    """Return `{"event_ids": […]}` as often as it takes, each of about 64 KiB at most (a longer id stands alone)."""
    part: list[str] = []
    size = 0
    for name in event_ids:
        bytes_more = len(orjson.dumps(name)) + 1
        if part and size + bytes_more > MOST_BYTES:
            yield orjson.dumps({"event_ids": part})
            part, size = [], 0
        part.append(name)
        size += bytes_more
    if part:
        yield orjson.dumps({"event_ids": part})
