"""How long to wait before trying again: for the two places that own a retry, the MQTT session and the writer."""

import random

MOST_DOUBLINGS = 30


def pause_s(attempt: int, *, first_s: float, cap_s: float) -> float:
    """Return the pause after the failed `attempt` (0, 1, …): twice as long each time, at most `cap_s`, and random.

    Between half of it and all of it, so that many clients of one lost server do not come back at the same moment.
    """
    return random.uniform(0.5, 1) * min(cap_s, first_s * 2.0 ** min(attempt, MOST_DOUBLINGS))
