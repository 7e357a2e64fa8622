"""The result of a query before any version of the standard writes it: items, pages, and where the next page begins."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Self

from services.api.city.sensorthings.keys import EPOCH, micros_of, observation_key
from services.api.city.sensorthings.model import SET_OF, Entity, Link
from services.api.city.sensorthings.options import Options
from services.api.city.sensorthings.refusals import refused
from services.api.measured.slices import LATEST

_LARGEST, _LARGEST_INTEGER = 2**62, 2**31
# the offset, a position or an id or nothing, the count or nothing: `0.1-57-1795176000000000-9-1-0.`, `100.57.`
_TOKEN: Final = re.compile(r"([0-9]{1,19})\.(?:([0-9]{1,19}(?:-[0-9]{1,19}){5})|([0-9]{1,19}))?\.([0-9]{1,19})?")
_NOT_OURS: Final = "$skiptoken: is not one of ours; begin again without it"
Position = tuple[int, int, datetime, int, int, int]
"""Where an observation stands: source, device, time, seq, number of the field, number of the transition."""


@dataclass(slots=True)
class Item:
    """One entity with its expanded items. `absent` are the links that lead to nothing."""

    entity: Entity
    row: Mapping[str, Any]
    links: "dict[str, Item | Page | None]" = field(default_factory=dict)
    absent: frozenset[str] = frozenset()


@dataclass(slots=True)
class Page:
    """A part of a collection. `path` is where it is found, below the root; `token` where the next part begins."""

    entity: Entity
    options: Options
    path: str
    items: list[Item]
    count: int | None = None
    token: str | None = None


def id_of(item: Item) -> int | str:
    """Return the id of an item."""
    row = item.row
    if item.entity is Entity.OBSERVATION:
        return observation_key(row["device"], row["ts"], row["seq"], row["number"], row["sub"])
    key: int = row["id"]
    return key


def address_of(item: Item) -> str:
    """Return the path of an item, below the root."""
    return address_by(item.entity, id_of(item))


def address_by(entity: Entity, key: int | str) -> str:
    """Return the path of the entity of this id, below the root."""
    return f"{SET_OF[entity]}('{key}')" if isinstance(key, str) else f"{SET_OF[entity]}({key})"


def together(parent: Item | None, link: Link | None) -> dict[str, Any]:
    """Return the keys that an entity below `parent` shares with it."""
    return {} if parent is None or link is None else {key: parent.row[key] for key in link.by}


def position(row: Any) -> Position:
    """Return the position of an observation."""
    return row["source"], row["device"], row["ts"], row["seq"], row["number"], row["sub"]


@dataclass(frozen=True, slots=True)
class Token:
    """Where a page begins: behind so many items, or behind an observation or the entity of an id.

    By an id nothing is passed over or told twice when entities come to fit a filter, or fit it no more, while somebody
    reads on. It carries the count of the first page, so that the number does not change while somebody reads on.
    """

    offset: int = 0
    after: Position | None = None
    count: int | None = None
    behind: int | None = None

    def write(self) -> str:
        """Return it as text for a link."""
        place, count = "", "" if self.count is None else self.count
        if self.after is not None:
            source, device, ts, seq, number, sub = self.after
            place = f"{source}-{device}-{micros_of(ts)}-{seq}-{number}-{sub}"
        elif self.behind is not None:
            place = str(self.behind)
        return f"{self.offset}.{place}.{count}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what `write` wrote.

        Raises:
            Problem: 400.
        """
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise refused(_NOT_OURS)
        offset, place, behind, count = match.groups()
        try:
            after = None if place is None else _position(place)
            others = (None if text is None else _number(text) for text in (count, behind))
            return cls(_number(offset), after, *others)
        except (ValueError, OverflowError):
            raise refused(_NOT_OURS) from None


def _number(text: str, least_too_large: int = _LARGEST) -> int:
    """Return a number of a token. Raises ValueError where it is none of ours."""
    if (found := int(text)) >= least_too_large:
        raise ValueError("too large")
    return found


def _position(text: str) -> Position:
    """Return a position of a token. Raises ValueError or OverflowError where there can be no observation."""
    source, device, micros, seq, number, sub = text.split("-")
    ts = EPOCH + timedelta(microseconds=int(micros))
    if ts >= LATEST:
        raise ValueError("too late")
    small = [_number(one, _LARGEST_INTEGER) for one in (source, device, number, sub)]
    return small[0], small[1], ts, _number(seq), small[2], small[3]
