"""Follows a path to an entity or a page, and reads what `$expand` adds to it.

Does not know how an answer is written. Promises that data outside the caller's areas does not exist for the caller:
404 where it is named, and in no list and no count.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from odata_query import ast

from services.api.city.sensorthings.answers import Item, Page, Token, address_of, together
from services.api.city.sensorthings.expand import Expansion
from services.api.city.sensorthings.keys import observation_parts, stream_parts
from services.api.city.sensorthings.model import Entity
from services.api.city.sensorthings.observations import Reading, columns
from services.api.city.sensorthings.options import Options
from services.api.city.sensorthings.pages import Pages
from services.api.city.sensorthings.paths import Hop, Target
from services.api.city.sensorthings.placeless import leave_out_dead_links
from services.api.city.sensorthings.properties import property_of
from services.api.city.sensorthings.refusals import missing
from services.api.city.sensorthings.rows import View
from services.api.city.sensorthings.selected import select_columns
from services.api.city.sensorthings.values import compare, number
from services.api.request.database import Reads


async def answer(reads: Reads, view: View, target: Target, options: Options) -> Item | Page:
    """Return what a path leads to.

    Raises:
        Problem: 400, 404, 501.
    """
    pages = Pages(reads, view)
    expansion, walk = Expansion(pages), _Walk(pages)
    parent: Item | None = None
    for hop in target.hops[:-1]:
        parent = await walk.one(hop, parent)
    last = target.last
    if last.is_single:
        item = await walk.one(last, parent)
        await expansion.follow([item], options.expand)
        if not target.names and not target.reference:
            await leave_out_dead_links(reads, item, options)
        return item
    path = last.name if parent is None else f"{address_of(parent)}/{last.name}"
    token = Token(options.skip) if options.token is None else Token.read(options.token)
    page = await pages.read(last.entity, options, path, parent, last.link, token)
    expansion.left -= len(page.items)
    await expansion.follow(page.items, options.expand)
    if not target.reference:
        await leave_out_dead_links(reads, page, options)
    return page


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes along a path, one entity after the other."""

    pages: Pages

    async def one(self, hop: Hop, parent: Item | None) -> Item:
        """Return the entity that a step of a path names."""
        name = hop.name if hop.id is None else f"{hop.name}({hop.id})"
        if hop.entity is Entity.OBSERVATION:
            found = await self._observation(hop.id or "", together(parent, hop.link))
        else:
            found = await self._entity(hop, parent)
        if found is None:
            raise missing(f"{name[:80]}" + ("" if parent is None else f" at {address_of(parent)}"))
        return found

    async def _entity(self, hop: Hop, parent: Item | None) -> Item | None:
        shared = together(parent, hop.link)
        if hop.id is not None and (not (hop.id.isascii() and hop.id.isdigit()) or len(hop.id) > 15):
            return None
        if hop.id is not None and hop.entity is Entity.DATASTREAM:
            return await self._stream(float(hop.id), shared)
        row = self.pages.view.rows(hop.entity)
        where = [*row.where, *(row.key(key) == value for key, value in shared.items())]
        if hop.id is not None:
            wanted = property_of(self.pages.view, hop.entity, row, ("id",))
            where.append(compare(ast.Eq, wanted, number(float(hop.id))))
        statement = sa.select(*select_columns(self.pages.view, hop.entity, row)).select_from(row.source).where(*where)
        rows = await self.pages.reads.rows(statement.limit(1))
        return Item(hop.entity, rows[0]) if rows else None

    async def _stream(self, key: float, shared: dict[str, Any]) -> Item | None:
        if (parts := stream_parts(key)) is None:
            return None
        device, number_ = parts
        for one in (await self.pages.streams_of([device])).get(device, ()):
            if one.row["number"] == number_ and shared.items() <= one.row.items():
                return one
        return None

    async def _observation(self, key: str, shared: dict[str, Any]) -> Item | None:
        parts = observation_parts(key)
        if parts is None:
            return None
        device, ts, seq, number_, sub = parts
        if any(shared.get(name, value) != value for name, value in (("device", device), ("number", number_))):
            return None
        streams = await self.pages.narrowed(device, number_)
        if streams is None:
            return None
        reading = Reading(self.pages.view, streams, Options())
        for source in streams.sources():
            row = reading.row(source)
            one = row.observed
            if one is None:
                continue
            found = await self.pages.reads.rows(
                sa.select(*columns(row))
                .select_from(row.source)
                .where(*reading.where(row), one.ts == ts, one.seq == seq, one.sub == sub)
            )
            if found:
                return Item(Entity.OBSERVATION, found[0])
        return None
