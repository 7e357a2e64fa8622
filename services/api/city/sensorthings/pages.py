"""Reads pages: of entities by offset, of observations from where the last page ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.answers import Item, Page, Position, Token, position, together
from services.api.city.sensorthings.filter import SOURCES, condition_of, order_of
from services.api.city.sensorthings.grammar import path_of
from services.api.city.sensorthings.model import STREAMS_PER_DEVICE, Entity, Link
from services.api.city.sensorthings.observations import BEFORE_KNOWN, Reading, Streams, named_streams
from services.api.city.sensorthings.options import Options
from services.api.city.sensorthings.plain import FIELD_NAMES, SQL, streams_of
from services.api.city.sensorthings.rows import Condition, Row, View, directed
from services.api.city.sensorthings.selected import select_columns
from services.api.city.sensorthings.whole import WholeReadings, says_same_of_all
from services.api.measured.slices import OLDEST, Ask, newest_first, oldest_first
from services.api.request.database import Reads
from services.core.topics import Kind

_ID: Final = ast.Identifier("id")
_FIRST_SLICE: Final = timedelta(days=1)
_KINDS: Final = frozenset(Kind)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Pages:
    """Asks for one caller."""

    reads: Reads
    view: View

    async def read(  # noqa: PLR0917 - what the address says, from left to right
        self, entity: Entity, options: Options, path: str, parent: Item | None, link: Link | None, token: Token
    ) -> Page:
        """Return a page of what belongs to `parent`, if there is one, by `link`; `path` is where it is found.

        Raises:
            Problem: 400, 501.
        """
        if entity is Entity.OBSERVATION:
            return await self.observations(options, path, parent, link, token)
        return await self._entities(entity, options, path, together(parent, link), token)

    async def _entities(self, entity: Entity, options: Options, path: str, keys: dict[str, Any], token: Token) -> Page:
        row = self.view.rows(entity)
        where = [*row.where, *(row.key(key) == value for key, value in keys.items())]
        if options.filter is not None:
            where.append(condition_of(self.view, entity, row, options.filter))
        order = self.order(entity, row, options)
        count, size = token.count, options.page()
        if options.count and count is None:
            counted = sa.select(sa.func.count().label("n")).select_from(row.source).where(*where)
            count = (await self.reads.rows(counted))[0]["n"]
        statement = sa.select(*select_columns(self.view, entity, row)).select_from(row.source).where(*where)
        if token.behind is not None and is_by_id(options):
            statement = statement.where(self._behind(entity, row, token.behind))
        else:
            statement = statement.offset(token.offset)
        rows = await self.reads.rows(statement.order_by(*order).limit(size + 1)) if size else []
        items = [Item(entity, one) for one in rows[:size]]
        page = Page(entity, options, path, items, count if options.count else None)
        if len(rows) > size:
            page.token = token_behind(page, token.offset).write()
        return page

    def _behind(self, entity: Entity, row: Row, key: int) -> Condition:
        """Return the condition that an entity comes behind the one of this id."""
        columns = order_of(self.view, entity, row, _ID)
        parts = divmod(key, STREAMS_PER_DEVICE) if entity is Entity.DATASTREAM else (key,)
        return sa.tuple_(*columns) > sa.tuple_(*(sa.literal(part, sa.BigInteger()) for part in parts))

    def order(self, entity: Entity, row: Row, options: Options) -> list[Any]:
        """Return the order of entities: what is asked for, then the id."""
        order = [
            directed(column, one.descending)
            for one in options.orderby
            for column in order_of(self.view, entity, row, one.tree)
        ]
        return order + list(order_of(self.view, entity, row, _ID))

    async def observations(
        self, options: Options, path: str, parent: Item | None, link: Link | None, token: Token
    ) -> Page:
        """Return a page of observations."""
        streams = await self._streams(options, parent, link)
        page = Page(Entity.OBSERVATION, options, path, [], token.count if options.count else None)
        if streams is None or not streams.sources():  # the kind of device has no such field
            self.check(options)
            page.count = 0 if options.count else None
            return page
        reading = Reading(self.view, streams, options)
        sources = streams.sources()
        if options.count and token.count is None:
            counts = [(await self.reads.rows(reading.count(source)))[0]["n"] for source in sources]
            page.count = sum(counts)
        if not (size := options.page()):
            self.check(options)
            return page
        found = await self._read(reading, sources, token, size + 1)
        page.items = found[:size]
        if len(found) > size:
            if reading.succession.by_key:
                page.token = Token(0, position(page.items[-1].row), page.count).write()
            else:
                page.token = Token(token.offset + size, None, page.count).write()
        return page

    async def _streams(self, options: Options, parent: Item | None, link: Link | None) -> Streams | None:
        """Return the streams that a path or a filter names, as far as it can be told; None: none at all."""
        keys = together(parent, link)
        device, number_ = keys.get("device"), keys.get("number")
        if parent is not None and device is not None and "known_since" in parent.row:
            return _narrowed(parent.row["kind"], device, number_, parent.row["known_since"])
        if device is None and options.filter is not None and (named := named_streams(options.filter)) is not None:
            device, number_ = named
        return Streams(None, None, number_) if device is None else await self.narrowed(device, number_)

    def check(self, options: Options) -> None:
        """Check the filter and the order although there is nothing to read, so that errors are still reported."""
        row = self.view.observations(None)
        if options.filter is not None:
            condition_of(self.view, Entity.OBSERVATION, row, options.filter)
        for one in options.orderby:
            order_of(self.view, Entity.OBSERVATION, row, one.tree)

    async def _read(self, reading: Reading, sources: list[int], token: Token, limit: int) -> list[Item]:
        succession = reading.succession
        after = token.after if succession.by_key else None
        offset = 0 if after is not None else token.offset
        if reading.in_time and (succession.turned or after is not None or reading.streams.since is not None):
            return (await self._in_slices(reading, sources, after, offset + limit))[offset:]
        one_by_one = succession.by_key and not succession.by_time and not offset
        if not one_by_one or len(sources) == 1:
            statement = reading.select_all(sources, after=after, offset=offset, limit=limit)
            return _items(await self.reads.rows(statement))
        found: list[Item] = []
        for source in reversed(sources) if succession.turned else sources:
            if after is not None and (source < after[0]) != succession.turned and source != after[0]:
                continue
            found += await self._of_source(reading, source, after, limit - len(found))
            if len(found) >= limit:
                break
        return found

    async def _of_source(self, reading: Reading, source: int, after: Position | None, enough: int) -> list[Item]:
        """Read one source in the order of its key: by whole readings, where nothing is asked of single values."""
        kind, streams, wanted = SOURCES[source], reading.streams, reading.options.filter
        if kind is None or streams.number is not None or not (wanted is None or says_same_of_all(wanted)):
            return _items(await self.reads.rows(reading.select(source, after=after, limit=enough)))
        whole = WholeReadings(self.view, kind, streams.device, reading.options, reading.succession.turned)
        behind = after if after is not None and after[0] == source else None
        return await whole.read(self.reads, behind, enough)

    async def _in_slices(self, reading: Reading, sources: list[int], after: Position | None, enough: int) -> list[Item]:
        """Read observations in the order of time, slice by slice: the database plans only for a slice's chunks."""
        plain, newest = reading.plain, reading.succession.turned

        async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Any]:
            if plain is not None:
                text, values = plain.question(begin, end, after=after, newest=newest, limit=most)
                return await self.reads.rows(text, **values)
            between = (begin, end)
            return await self.reads.rows(
                reading.select_all(sources, after=after, offset=0, limit=most, between=between)
            )

        rows = await self._slice_by_slice(ask, reading, after, enough)
        return _items(rows) if plain is None else [plain.observed(one) for one in rows]

    async def _slice_by_slice(self, ask: Ask, reading: Reading, after: Position | None, enough: int) -> list[Any]:
        now, known = self.view.now, reading.streams.since
        if reading.succession.turned:
            end = None if after is None else after[2] + _INSTANT
            return await newest_first(ask, None, end, enough=enough, width=_FIRST_SLICE, near=end or now)
        if after is not None:
            return await oldest_first(ask, after[2], None, enough=enough, width=_FIRST_SLICE, now=now)
        begin = (known or now) - BEFORE_KNOWN
        found = list(await ask(OLDEST, begin, enough))
        rest = enough - len(found)
        return found + await oldest_first(ask, begin, None, enough=rest, width=_FIRST_SLICE, now=now)

    async def streams_of(self, devices: Sequence[int]) -> dict[int, list[Item]]:
        """Return the Datastreams of each of these devices that the caller may see."""
        scope = self.view.scope.parameters()
        rows = await self.reads.rows(SQL["streams"], devices=devices, fields=FIELD_NAMES, **scope)
        return {row["device"]: streams_of(row) for row in rows}

    async def narrowed(self, device: int, number_: int | None) -> Streams | None:
        """Return the streams of a device with its kind, or None where there is no such device for the caller."""
        row = self.view.rows(Entity.THING)
        rows = await self.reads.rows(
            sa.select(row.device.kind, row.device.created_at)
            .select_from(row.source)
            .where(*row.where, row.device.id == device)
        )
        if not rows:
            return None
        return _narrowed(rows[0]["kind"], device, number_, rows[0]["created_at"])


def is_by_id(options: Options) -> bool:
    """Whether entities are asked for in the order of their ids, as they come when nobody asks for another."""
    first = options.orderby[0] if options.orderby else None
    return first is None or (path_of(first.tree) == ("id",) and not first.descending)


def token_behind(page: Page, offset: int) -> Token:
    """Return where the page behind `page` begins, which itself begins behind `offset` entities."""
    last = page.items[-1].row["id"] if is_by_id(page.options) else None
    return Token(offset + len(page.items), None, page.count, last)


def _items(rows: Sequence[Any]) -> list[Item]:
    return [Item(Entity.OBSERVATION, one) for one in rows]


def _narrowed(kind: str, device: int, number_: int | None, since: datetime) -> Streams | None:
    return Streams(Kind(kind), device, number_, since) if kind in _KINDS else None
