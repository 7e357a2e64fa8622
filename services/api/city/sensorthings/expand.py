"""Follows `$expand`: one statement for each link, however many items have it.

Promises a bounded answer: what does not fit is reached by the link to the next page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from services.api.city.sensorthings.answers import Item, Page, Token, address_of, position
from services.api.city.sensorthings.catalogue import BY_NUMBER
from services.api.city.sensorthings.filter import condition_of
from services.api.city.sensorthings.model import Entity, Link
from services.api.city.sensorthings.observations import (
    ALARM_NUMBER,
    BEFORE_KNOWN,
    Reading,
    Streams,
    columns,
    newest_until,
    ordered,
    succession_of,
)
from services.api.city.sensorthings.options import Expand, Options
from services.api.city.sensorthings.pages import Pages, token_behind
from services.api.city.sensorthings.plain import SQL, newest_readings, observation_of, transition_of
from services.api.city.sensorthings.rows import Condition, Row
from services.api.city.sensorthings.selected import select_columns
from services.api.measured.slices import GROWTH, LATEST, OLDEST
from services.core.topics import Kind

_FIRST_LOOK: Final = timedelta(days=1)
_SECOND_LOOK: Final = timedelta(days=62)  # ten chunks
_OF_DEVICES: Final = frozenset({Entity.LOCATION, Entity.FEATURE, Entity.DATASTREAM})
_PLACED: Final = frozenset({Entity.THING, Entity.LOCATION, Entity.FEATURE})
"""Whose rows say all that is told of a place."""
MOST_ITEMS: Final = 10_000
"""Of one answer, nested ones included."""


@dataclass(slots=True)
class Expansion:
    """The expanded items of one answer; `left` is how many more it may have."""

    pages: Pages
    left: int = MOST_ITEMS

    async def follow(self, parents: Sequence[Item], expands: Sequence[Expand]) -> None:
        """Add the items that `$expand` asks for to each of `parents`."""
        for one in expands:
            if not parents:
                return
            if one.link.target is Entity.OBSERVATION:
                await self._expand_observations(parents, one)
            else:
                await self._expand_entities(parents, one)
            children = [child for parent in parents for child in _children(parent.links[one.link.name])]
            self.left -= len(children)
            await self.follow(children, one.options.expand)

    def _nested_size(self, options: Options, parents: int) -> int:
        """Return how many items each parent may have, so that an answer stays bounded."""
        return min(options.page(), max(1, self.left // max(1, parents)))

    async def _expand_entities(self, parents: Sequence[Item], expand: Expand) -> None:
        link, options = expand.link, expand.options
        groups = _by_keys(parents, link)
        size = self._nested_size(options, len(groups)) if link.many else 1
        found: Mapping[int, Sequence[Item]] = {}
        counts: Mapping[int, int] = {}
        if link.by == ("device",) and link.target in _OF_DEVICES and _is_plain(options):
            found = await self._of_devices([members[0] for members in groups.values()], link.target) if size else {}
        else:
            found, counts = await self._entities(list(groups), expand, size)
        for place, members in enumerate(groups.values(), 1):
            mine = found.get(place, ())
            shared = len(members) > 1  # each parent needs items of its own: they are expanded further
            for parent in members:
                items = [Item(link.target, one.row) for one in mine[:size]] if shared else list(mine[:size])
                if not link.many:
                    parent.links[link.name] = items[0] if items else None
                    continue
                page = Page(link.target, options, f"{address_of(parent)}/{link.name}", items)
                page.count = counts.get(place, 0) if options.count else None
                page.token = token_behind(page, options.skip).write() if len(mine) > size else None
                parent.links[link.name] = page

    async def _of_devices(self, parents: Sequence[Item], target: Entity) -> dict[int, list[Item]]:
        """Return the places or the streams of the devices of these parents, by the parent's place among them."""
        devices = [parent.row["device"] for parent in parents]
        if target is Entity.DATASTREAM:
            found = await self.pages.streams_of(devices)
        elif parents[0].entity in _PLACED:
            found = {one.row["device"]: [Item(target, one.row)] for one in parents if one.row["lon"] is not None}
        else:
            rows = await self.pages.reads.rows(SQL["places"], devices=devices)
            found = {row["device"]: [Item(target, row)] for row in rows}
        return {place: found.get(device, []) for place, device in enumerate(devices, 1)}

    async def _entities(
        self, keys: Sequence[tuple[Any, ...]], expand: Expand, size: int
    ) -> tuple[dict[int, list[Item]], dict[int, int]]:
        """Return the items of each key by its place among `keys`, one more than `size` at most; and their counts."""
        link, options = expand.link, expand.options
        row = self.pages.view.rows(link.target)
        above = _parents(keys, link)
        where = [*row.where, *(row.key(key) == above.c[key] for key in link.by)]
        if options.filter is not None:
            where.append(condition_of(self.pages.view, link.target, row, options.filter))
        wanted = sa.select(*select_columns(self.pages.view, link.target, row)).select_from(row.source).where(*where)
        inner = (
            wanted.order_by(*self.pages.order(link.target, row, options)).offset(options.skip).limit(size + 1).lateral()
        )
        rows = await self.pages.reads.rows(
            sa.select(above.c.place, *inner.c).select_from(above.join(inner, sa.true())).order_by(above.c.place)
        ) if size else []  # fmt: skip
        found: dict[int, list[Item]] = {}
        for one in rows:
            found.setdefault(one["place"], []).append(Item(link.target, one))
        return found, await self._nested_counts(above, row, where) if options.count and link.many else {}

    async def _nested_counts(self, above: Any, row: Row, where: list[Condition]) -> dict[int, int]:
        counted = (
            sa.select(above.c.place, sa.func.count().label("n"))
            .select_from(above.join(row.source, sa.true()))
            .where(*where)
            .group_by(above.c.place)
        )
        return {one["place"]: one["n"] for one in await self.pages.reads.rows(counted)}

    async def _expand_observations(self, parents: Sequence[Item], expand: Expand) -> None:
        link, options = expand.link, expand.options
        if not (newest := _wants_newest(options)):
            self.pages.check(options)
        size = self._nested_size(options, len(parents))
        waiting = list(parents)
        if link.by == ("device", "number") and not options.count:
            if newest:
                waiting = await self._newest(parents, expand)
            for (kind, number_), members in _by_stream(waiting).items():
                await self._page_of_each(Streams(kind, None, number_), members, expand, size)
            return
        for parent in waiting:  # of places, or with a count: a page of its own for each
            limited = replace(options, top=size)
            path = f"{address_of(parent)}/{link.name}"
            page = await self.pages.observations(limited, path, parent, link, Token(options.skip))
            page.options = options
            parent.links[link.name] = page

    async def _page_of_each(self, streams: Streams, parents: Sequence[Item], expand: Expand, size: int) -> None:
        """Read the first page of one field of many devices."""
        link, options = expand.link, expand.options
        above = _parents([(parent.row["device"],) for parent in parents], Link("", link.target, True, ("device",)))
        found: dict[int, list[Item]] = {}
        sources = streams.sources()
        if sources and size:
            reading = Reading(self.pages.view, streams, options)
            row = reading.row(sources[0])
            one = row.observed
            where = [*reading.where(row), row.device.id == above.c.device]
            if one is not None and streams.kind is not None and _wants_newest(options):
                where.append(one.ts <= newest_until(row.state, BY_NUMBER[streams.number or 0].name))
            order = replace(reading, streams=replace(streams, device=0)).order(row, sources[0])
            inner = (
                sa.select(*columns(row), sa.literal_column(str(sources[0]), sa.Integer()).label("source"))
                .select_from(row.source).where(*where)
                .order_by(*ordered(order, by_key=reading.succession.by_key))
                .offset(options.skip).limit(size + 1).lateral()
            )  # fmt: skip
            joined = sa.select(above.c.place, *inner.c).select_from(above.join(inner, sa.true()))
            for each in await self.pages.reads.rows(joined.order_by(above.c.place)):
                found.setdefault(each["place"], []).append(Item(Entity.OBSERVATION, each))
        for place, parent in enumerate(parents, 1):
            items = found.get(place, [])
            page = Page(Entity.OBSERVATION, options, f"{address_of(parent)}/{link.name}", items[:size])
            if len(items) > size:
                by_key = succession_of(options.orderby).by_key
                token = Token(0, position(items[size - 1].row)) if by_key else Token(options.skip + size)
                page.token = token.write()
            parent.links[link.name] = page

    async def _newest(self, parents: Sequence[Item], expand: Expand) -> list[Item]:
        """Add to each stream its newest observation, found by the newest state; return the streams left over."""
        by_kind: dict[str, list[Item]] = {}
        alarms = []
        for parent in parents:
            if parent.row["number"] == ALARM_NUMBER:
                alarms.append(parent)
            else:
                by_kind.setdefault(parent.row["kind"], []).append(parent)
        await self._newest_transitions(alarms, expand)
        left = []
        for name, members in by_kind.items():
            kind = Kind(name)
            known = {member.row["device"]: member.row["known_since"] for member in members}
            readings = await self._two_newest(kind, known)
            for member in members:
                one = BY_NUMBER[member.row["number"]]
                newest = readings.get(member.row["device"], ())
                if newest and newest[0][one.name] is not None and newest[-1][one.name] is not None:
                    item = observation_of(newest[0], kind, one, newest[0][one.name])
                    member.links[expand.link.name] = _newest_page(member, expand, item, more=len(newest) > 1)
                else:
                    left.append(member)
        return left

    async def _newest_transitions(self, parents: Sequence[Item], expand: Expand) -> None:
        """Add to each stream of alarms its newest transition."""
        found: dict[int, list[Item]] = {}
        if parents:
            devices = [parent.row["device"] for parent in parents]
            scope = self.pages.view.scope.parameters()
            for row in await self.pages.reads.rows(SQL["newest_transitions"], devices=devices, **scope):
                found.setdefault(row["device"], []).append(transition_of(row))
        for parent in parents:
            newest = found.get(parent.row["device"], ())
            item = newest[0] if newest else None
            parent.links[expand.link.name] = _newest_page(parent, expand, item, more=len(newest) > 1)

    async def _two_newest(self, kind: Kind, known: Mapping[int, datetime]) -> dict[int, list[Any]]:
        """Return the two newest readings of each device, or fewer if it has fewer.

        `known` says since when each device is known: few readings are older, so the search ends there.
        """
        readings: dict[int, list[Any]] = {}
        waiting, begin, back = set(known), LATEST, _FIRST_LOOK
        while waiting:
            begin, back = max(self.pages.view.now - back, OLDEST), back * GROWTH
            if readings and (first := _first_of(waiting, known)) > self.pages.view.now - _SECOND_LOOK:
                begin = min(begin, first)  # nothing of devices that are new can be older
            statement, values = newest_readings(kind, sorted(waiting), begin)
            readings |= {device: [] for device in waiting}
            for row in await self.pages.reads.rows(statement, **values):
                readings[row["device"]].append(row)
            waiting = {one for one in waiting if len(readings[one]) < 2 and OLDEST < begin > known[one] - BEFORE_KNOWN}
        return readings


def _first_of(devices: set[int], known: Mapping[int, datetime]) -> datetime:
    """Return a time before which none of these devices has a reading."""
    return min((known[one] for one in devices), default=LATEST) - BEFORE_KNOWN


def _newest_page(parent: Item, expand: Expand, newest: Item | None, *, more: bool) -> Page:
    """Return the page of the newest observation, behind which there may be more."""
    token = Token(0, position(newest.row)).write() if newest is not None and more else None
    path = f"{address_of(parent)}/{expand.link.name}"
    return Page(Entity.OBSERVATION, expand.options, path, [] if newest is None else [newest], None, token)


def _is_plain(options: Options) -> bool:
    """Whether everything is asked for, in the order of ids."""
    return options.filter is None and not options.orderby and not options.skip and not options.count


def _wants_newest(options: Options) -> bool:
    """Whether the newest observation of each stream is asked for, and nothing else."""
    succession = succession_of(options.orderby)
    newest_first = succession.by_key and succession.by_time and succession.turned
    return options.page() == 1 and newest_first and not options.skip and options.filter is None


def _children(found: Item | Page | None) -> list[Item]:
    if isinstance(found, Page):
        return found.items
    return [] if found is None else [found]


def _by_keys(parents: Sequence[Item], link: Link) -> dict[tuple[Any, ...], list[Item]]:
    groups: dict[tuple[Any, ...], list[Item]] = {}
    for parent in parents:
        groups.setdefault(tuple(parent.row[key] for key in link.by), []).append(parent)
    return groups


def _by_stream(streams: Sequence[Item]) -> dict[tuple[Kind | None, int], list[Item]]:
    groups: dict[tuple[Kind | None, int], list[Item]] = {}
    for one in streams:
        kind = None if one.row["number"] == ALARM_NUMBER else Kind(one.row["kind"])
        groups.setdefault((kind, one.row["number"]), []).append(one)
    return groups


_KEY_TYPES: Final[dict[str, Any]] = {"device": sa.Integer(), "number": sa.Integer(), "kind": sa.Text()}


def _parents(keys: Sequence[tuple[Any, ...]], link: Link) -> Any:
    """Return the keys of the parents as a table, numbered by `place`."""
    arrays = [sa.literal([key[place] for key in keys], ARRAY(_KEY_TYPES[name])) for place, name in enumerate(link.by)]
    columns_: list[Any] = [sa.column(name, _KEY_TYPES[name]) for name in link.by]
    return sa.func.unnest(*arrays).table_valued(*columns_, with_ordinality="place").render_derived(name="above")
