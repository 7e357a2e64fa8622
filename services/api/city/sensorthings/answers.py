"""The result of a query before any version of the standard writes it: items, pages, and where the next page begins."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import orjson

from services.api.city.sensorthings.keys import EPOCH, observation_key
from services.api.city.sensorthings.model import SET_OF, Entity, Link
from services.api.city.sensorthings.options import Options
from services.api.city.sensorthings.refusals import refused
from services.api.measured.slices import LATEST

_LARGEST, _LARGEST_INTEGER = 2**62, 2**31
_MICRO = timedelta(microseconds=1)
_LAST_MICROS = (LATEST - EPOCH) // _MICRO
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
Position = tuple[int, int, datetime, int, int, int]
"""Where an observation stands: source, device, time, seq, number of the field, number of the transition."""


@dataclass(slots=True)
class Item:
    """One entity with its expanded items."""

    entity: Entity
    row: Mapping[str, Any]
    links: "dict[str, Item | Page | None]" = field(default_factory=dict)


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
    """Where a page begins: behind so many items, or behind an observation.

    It carries the count of the first page, so that the number does not change while somebody reads on.
    """

    offset: int = 0
    after: Position | None = None
    count: int | None = None

    def write(self) -> str:
        """Return it as text for a link."""
        after = self.after
        place = None if after is None else (after[0], after[1], (after[2] - EPOCH) // _MICRO, *after[3:])
        written = binascii.b2a_base64(orjson.dumps((self.offset, place, self.count)), newline=False)
        return written.translate(_URL_SAFE, b"=").decode()

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what `write` wrote.

        Raises:
            Problem: 400.
        """
        try:
            padded = text + "=" * (-len(text) % 4)
            return cls(*_parts(orjson.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))))
        except (ValueError, TypeError, OverflowError, binascii.Error, UnicodeError):
            raise refused("$skiptoken: is not one of ours; begin again without it") from None


def _parts(written: Any) -> tuple[int, Position | None, int | None]:
    """Return the parts of a token; raises ValueError or TypeError where they are not ours."""
    offset, place, count = written
    numbers = [offset, *([] if place is None else place), *([] if count is None else [count])]
    if not all(type(one) is int and 0 <= one < _LARGEST for one in numbers):
        raise ValueError("not a number of ours")
    if place is None:
        return offset, None, count
    source, device, micros, seq, number, sub = place
    if max(device, number, sub) >= _LARGEST_INTEGER or micros >= _LAST_MICROS:
        raise ValueError("not a number of ours")
    return offset, (source, device, EPOCH + timedelta(microseconds=micros), seq, number, sub), count
