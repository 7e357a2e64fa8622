"""Long lists of observations read by whole readings: one row of the table for all the values that came together.

A platform that copies a day asks for every field of every device. Read one by one, each value would repeat time, number
and device of its reading, and the page would be sorted once more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.answers import Item, Position
from services.api.city.sensorthings.catalogue import FIELDS_OF
from services.api.city.sensorthings.filter import condition_of
from services.api.city.sensorthings.grammar import path_of
from services.api.city.sensorthings.model import LINKS, STREAMS_PER_DEVICE, Entity
from services.api.city.sensorthings.options import Options
from services.api.city.sensorthings.plain import observation_of
from services.api.city.sensorthings.rows import View
from services.api.city.sensorthings.tree import operands_of
from services.api.request.database import Reads
from services.core.topics import Kind

_OF_A_READING: Final = frozenset(
    {("phenomenonTime",), ("resultTime",), ("resultQuality", "late"), ("parameters", "seq")}
)
_OF_ITS_DEVICE: Final = ("Datastream", "Thing")
_MORE: Final = 1.3  # ask for this many times the readings that would do if they were as full as the last ones
_ALL_FIELDS: Final = {1: STREAMS_PER_DEVICE, -1: -1}
"""A number behind those of all fields, in either direction."""


def says_same_of_all(tree: Any) -> bool:
    """Whether a filter gives the same for every value of one reading: nothing in it is about field or result."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.CollectionLambda):
            return False
        names = path_of(one)
        if names is None:
            waiting += operands_of(one)
        elif names not in _OF_A_READING and not (
            names[:2] == _OF_ITS_DEVICE and len(names) > 2 and names[2] not in LINKS[Entity.THING]
        ):
            return False
    return True


@dataclass(frozen=True, slots=True)
class WholeReadings:
    """The readings of one kind of device, or of one device, by device, time and number."""

    view: View
    kind: Kind
    device: int | None
    options: Options
    turned: bool  # the last one first

    async def read(self, reads: Reads, after: Position | None, enough: int) -> list[Item]:
        """Return up to `enough` observations, from behind `after` on."""
        found: list[Item] = []
        full = float(len(FIELDS_OF[self.kind]))  # values of a reading
        while len(found) < enough:
            most = min(enough, int((enough - len(found)) / full * _MORE) + 2)
            rows = await reads.rows(self._question(after, most))
            begun = len(found)
            for row in rows:
                found += self._observations(row, after)
            if len(rows) < most:
                break
            full = max((len(found) - begun) / most, 1 / enough)
            last = rows[-1]
            after = (0, last["device"], last["ts"], last["seq"], _ALL_FIELDS[-1 if self.turned else 1], 0)
        return found[:enough]

    def _question(self, after: Position | None, most: int) -> Any:
        row = self.view.readings(self.kind)
        one = row.observed
        if one is None:
            raise LookupError("no reading")
        where = list(row.where)
        if self.device is not None:
            where.append(row.device.id == self.device)
        if self.options.filter is not None:
            where.append(condition_of(self.view, Entity.OBSERVATION, row, self.options.filter))
        keys = (one.device, one.ts, one.seq)
        if after is not None:
            place = sa.tuple_(*(sa.literal(value, key.type) for value, key in zip(after[1:4], keys, strict=True)))
            where.append(sa.tuple_(*keys) <= place if self.turned else sa.tuple_(*keys) >= place)
        columns = (one.device.label("device"), one.ts, one.seq, one.received_at, one.late)
        return (
            sa.select(*columns, *(row.fields[field.name] for field in FIELDS_OF[self.kind]))
            .select_from(row.source)
            .where(*where)
            .order_by(*(key.desc() if self.turned else key.asc() for key in keys))
            .limit(most)
        )

    def _observations(self, row: Mapping[str, Any], after: Position | None) -> Iterator[Item]:
        """Yield the observations of a reading, without those of the page before."""
        fields = sorted(FIELDS_OF[self.kind], key=lambda one: one.id, reverse=self.turned)
        begun = after is not None and after[1:4] == (row["device"], row["ts"], row["seq"])
        for one in fields:
            if begun and after is not None and (one.id >= after[4] if self.turned else one.id <= after[4]):
                continue
            if (value := row[one.name]) is not None:
                yield observation_of(row, self.kind, one, value)
