"""How much each of the two lanes takes at once: data."""

from dataclasses import dataclass

from services.core.topics import EVERY_CHANNEL, Channel


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How much a lane takes at once. What it can hold in memory is bounded by the broker's `max_inflight_bytes`."""

    channel: str
    receive_maximum: int
    batch_messages: int
    batch_elements: int
    linger_s: float  # how long a batch that is not full waits for more
    read_pause_s: float  # how long bytes gather in the socket between two reads
    ahead_elements: int  # decoded and waiting at most
    turn_elements: int  # of a batch, for senders beyond their share
    ahead_in_lines: int  # elements of these, decoded and waiting at most
    spool_messages: int = 0  # unread in the lines beyond this, or these bytes, goes into the spool; 0: never
    spool_bytes: int = 0


LIMITS = {
    # a wide window, so that a fire is seen here and not behind a flood in the broker's queue; small batches, so that
    # one that comes during a commit does not wait for long
    "event": LaneLimits(
        Channel.EVENT, 20_000, 100, 300, linger_s=0.002, read_pause_s=0.0, ahead_elements=20_000, turn_elements=100,
        ahead_in_lines=1000, spool_messages=5000, spool_bytes=8 * 2**20,
    ),
    "telemetry": LaneLimits(
        EVERY_CHANNEL, 4000, 1000, 3000, linger_s=0.03, read_pause_s=0.005, ahead_elements=3000, turn_elements=1000,
        ahead_in_lines=4000,
    ),
}  # fmt: skip
