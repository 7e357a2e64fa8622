"""Which of the archives beside the copies is that of a moment, and which nobody will ask for any more.

Called by the copies' folder, shipping and restoration. An archive is named after the clock that it was shipped by, and
that may have been years off: the newest name is not always what was shipped last.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

_ALL_FOR = timedelta(hours=2)
_STRANGE = timedelta(days=30)  # further ahead of the clock and of every copy than what follows the newest copy can be
Archive = tuple[datetime, str, Path]  # when it was shipped, how it looked, its file


def as_of(archives: Sequence[Archive], moment: datetime | None) -> Archive | None:
    """What lay there at a moment, or the first that came after it; without a moment the newest."""
    before = [one for one in archives if moment is None or one[0] <= moment]
    return before[-1] if before else next(iter(archives), None)


def unwanted(archives: Sequence[Archive], ended: Sequence[datetime], now: datetime) -> list[Archive]:
    """Those that no copy needs which is kept; `ended` says when each of these was whole.

    What is needed is what the earliest copy begins with, and all after it. What a clock brought that was far ahead goes
    with the copies of that clock.
    """
    since, end = min(*ended, now), max(*ended, now) + _STRANGE
    return [one for one in archives if one[0] <= since][:-1] + [one for one in archives if one[0] > end]


def thinned(archives: Sequence[Archive], ended: Sequence[datetime], now: datetime) -> Iterator[Archive]:
    """Those after the earliest copy and older than two hours that are not the newest of their hour."""
    since, hours = min(*ended, now), set[datetime]()
    for one in reversed(archives):
        hour = one[0].replace(minute=0, second=0)
        if since < one[0] < now - _ALL_FOR and hour in hours:
            yield one
        hours.add(hour)
