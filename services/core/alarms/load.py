"""How many alarms a person can follow: the figures of ISA-18.2 and EEMUA 191. Pure; used by alerts and the API."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # alarms in 10 minutes, ISA-18.2: a flood begins above the one, ends below the other
WINDOW: Final = timedelta(minutes=10)
FLOOD_LOOKS_BACK: Final = timedelta(hours=2)  # to know whether a flood that has fallen below 10 has ended


def in_flood(per_10min: int, *, flood: bool) -> bool:
    """Say whether alarms come faster than a person can follow, with the hysteresis of the standard."""
    return per_10min >= FLOOD_ENDS if flood else per_10min > FLOOD_BEGINS


def load_now(opened: Iterable[datetime], now: datetime) -> tuple[int, bool]:
    """Return how many alarms opened in the last 10 minutes, and whether there is a flood.

    `opened` are the times of all alarms since `FLOOD_LOOKS_BACK`, in any order.
    """
    inside: deque[datetime] = deque()
    flood = False

    def fall_out(at: datetime) -> None:
        nonlocal flood
        while inside and inside[0] <= at - WINDOW:
            inside.popleft()
            flood = in_flood(len(inside), flood=flood)

    for at in sorted(one for one in opened if one <= now):
        fall_out(at)
        inside.append(at)
        flood = in_flood(len(inside), flood=flood)
    fall_out(now)
    return len(inside), flood
