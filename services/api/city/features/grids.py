"""Grids as features: their border, and which of them a box touches. Statements and documents, no HTTP.

Used by `collections`. Who looks after a grid is named to nobody but those who may read names of people.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.api.city.features.devices import Column, Context
from services.api.prevention.grids.reading import PARENT, grid_document, select_grids
from services.api.request import tables
from services.api.request.database import Reads, Row
from services.api.request.roles import Permission

_grid = tables.grid.c


def select_shown_grids(context: Context) -> "sa.Select[Any]":
    """Return the statement of the grids that the caller may see."""
    return select_grids(context.who.scope).add_columns(_grid.polygon)


def shown_parent(_context: Context) -> Column:
    """Return the parent, if the caller may see it: a filter must reveal no more than the answer."""
    return PARENT.c.id


async def finish_grids(_reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    """Return the properties of grids."""
    found = []
    for row in rows:
        shown = grid_document(row)
        people = shown.pop("people")
        shown.pop("bbox")
        if context.who.may(Permission.READ):
            shown["people"] = "、".join(str(one.get("name", "")) for one in people)
        found.append(shown)
    return found


def touches_box(west: float, south: float, east: float, north: float) -> sa.ColumnElement[bool]:
    """Return the condition that some ground of the grid lies in a box or on its edge."""
    box = f"(({west!r},{south!r}),({east!r},{south!r}),({east!r},{north!r}),({west!r},{north!r}))"
    touched = sa.text(
        "exists (select from grid_ring r where r.grid_id = grid.id and r.number = 0"
        " and r.ring && cast(cast(:box as text) as polygon) and not exists (select from grid_ring h"
        " where h.grid_id = r.grid_id and h.part = r.part and h.number > 0"
        " and h.ring @> cast(cast(:box as text) as polygon)))"
    ).bindparams(sa.bindparam("box", box, unique=True))
    near = sa.and_(_grid.west <= east, _grid.east >= west, _grid.south <= north, _grid.north >= south)
    return sa.and_(near, touched)
