"""Who is on call at a moment: the policy `rota`, read by the county's clock. Pure; used by alerts and the API.

A contact that is not in the rota is always on call. The caller checks a contact's own switch (`enabled`) and area.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from services.core.clock import COUNTY

_DAY: Final = timedelta(days=1)


class Turn(NamedTuple):
    """Who of the rota is on call from `begin` to `end`, by id."""

    begin: datetime
    end: datetime
    contacts: frozenset[int]


def rostered(rota: Mapping[str, Any]) -> frozenset[int]:
    """Return every contact in the rota."""
    return frozenset(one for part in (*rota["shifts"], *rota["exceptions"]) for one in part["contacts"])


def on_turn(rota: Mapping[str, Any], at: datetime) -> frozenset[int]:
    """Return who of the rota is on call at a moment; an exception replaces the shifts of its time."""
    wall = at.astimezone(COUNTY)
    instead = [one for one in rota["exceptions"] if _holds(one, wall, one["day"].__eq__, _iso)]
    found = instead or [one for one in rota["shifts"] if _holds(one, wall, one["weekdays"].__contains__, _weekday)]
    return frozenset(contact for one in found for contact in one["contacts"])


def on_call(rota: Mapping[str, Any], contacts: Collection[int], at: datetime) -> frozenset[int]:
    """Return which of `contacts` are on call at a moment."""
    return frozenset(contacts) - rostered(rota) | frozenset(contacts) & on_turn(rota, at)


def turns(rota: Mapping[str, Any], begin: datetime, end: datetime) -> list[Turn]:
    """Return the turns between two moments, in order; one follows where the other ends."""
    moments = sorted({begin, end, *(at for at in _changes(rota, begin, end) if begin < at < end)})
    found: list[Turn] = []
    for since, until in pairwise(moments):
        now = on_turn(rota, since)
        if found and found[-1].contacts == now:
            found[-1] = found[-1]._replace(end=until)
        else:
            found.append(Turn(since, until, now))
    return found


def _iso(wall: datetime) -> str:
    return wall.date().isoformat()


def _weekday(wall: datetime) -> int:
    return wall.isoweekday()


def _holds(part: Mapping[str, Any], wall: datetime, is_day: Any, day_of: Any) -> bool:
    """Whether a part of the rota holds now: it began today, or yesterday and goes on over midnight."""
    begin, end, now = part["begin"], part["end"], wall.strftime("%H:%M")
    if begin < end:
        return bool(begin <= now < end and is_day(day_of(wall)))
    return bool((now >= begin and is_day(day_of(wall))) or (now < end and is_day(day_of(wall - _DAY))))


def _changes(rota: Mapping[str, Any], begin: datetime, end: datetime) -> Iterator[datetime]:
    parts: Sequence[Mapping[str, Any]] = (*rota["shifts"], *rota["exceptions"])
    times = {time.fromisoformat(part[name]) for part in parts for name in ("begin", "end")} | {time()}
    day = begin.astimezone(COUNTY).date()
    while day <= end.astimezone(COUNTY).date():
        for at in times:
            yield datetime.combine(day, at, COUNTY)
        day += _DAY
