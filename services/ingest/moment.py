"""Device times: judge whether the clock can be right, and when a reading is late. Pure; decode calls it.

Times inside ingest are integer microseconds since 1970 UTC (`*_us`), as `core.moment` reads them.
"""

from collections.abc import Sequence

from services.core.contracts import RECEIVED
from services.core.moment import DAY_US, MINUTE_US
from services.core.rules.lateness import late_after_s

LONGEST_AWAY_US = 400 * DAY_US  # as long as a township keeps its rows
MOST_DIGITS = 16  # of microseconds since 1970, until the year 2286
OLDEST_US = 30 * DAY_US  # contract 3: a telemetry ts lies in [now - 30 d, now + 5 min]
AHEAD_US = 5 * MINUTE_US


def clock_fault(ts_us: int, received_us: int) -> str | None:
    """Return why a device's time cannot be right, None when it can (contract 3)."""
    if ts_us < received_us - OLDEST_US:
        days = (received_us - ts_us) // DAY_US
        return f"ts lies {days} days before the receive time, more than 30: set the device's clock"
    if ts_us > received_us + AHEAD_US:
        minutes = (ts_us - received_us) // MINUTE_US
        return f"ts lies {minutes} min ahead of the receive time, more than 5: set the device's clock"
    return None


def relayed_us(marks: Sequence[tuple[str, str]], received_us: int) -> int | None:
    """Return when a township received a message that its relay brought; None: nothing says so that can be true."""
    for name, value in marks:
        if name == RECEIVED and value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS:
            township_us = int(value)
            return township_us if received_us - LONGEST_AWAY_US <= township_us <= received_us else None
    return None


def late_after_us(expected_interval_s: int, sleepy: bool) -> int:
    """Return how long after its `ts` a reading may arrive before it is late (contract 8)."""
    return round(late_after_s(expected_interval_s, sleepy) * 1_000_000)
