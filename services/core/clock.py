"""The only source of time. Programs get the system clock, tests a clock they set by hand."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

CLOCK_SET_BACK = timedelta(minutes=1)
"""What our own clock gave as a moment and lies so far ahead of now was given before that clock was set back."""

COUNTY_AHEAD: Final = timedelta(hours=8)
"""How far the clocks on the county's walls are ahead of UTC: all of China keeps Beijing time, without a summer time."""

COUNTY: Final = timezone(COUNTY_AHEAD)


class Clock(Protocol):
    """Wall time (aware UTC), a monotonic count of seconds, and sleep."""

    def now(self) -> datetime:
        """Return the wall time, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the wall time, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def rfc3339(at: datetime | None) -> str | None:
    """Return `at` in UTC with milliseconds and Z, or None. What lies at the end of all years stays as it is."""
    if at is None:
        return None
    if at.tzinfo is UTC:  # as all that comes from the database: a list has thousands
        return f"{at.isoformat(timespec='milliseconds')[:-6]}Z"
    try:
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):
        return at.isoformat(timespec="milliseconds")


async def wait_at_most(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, `seconds` at most; return whether it is.

    Not `asyncio.wait_for`: on Python 3.11 that swallows a cancellation which comes together with what it waits for.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
