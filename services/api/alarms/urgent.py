"""Lists that put what cannot wait first, whatever the limit: an old fire stays on the first page.

Used by the routes of alarms, incidents and notices. Promises keyset paging that skips nothing: what stops being urgent
while somebody pages comes again further down.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.api.request.database import Reads, Row
from services.api.request.paging import decode_cursor

Place = tuple[int, datetime, Any]


async def urgent_first(
    reads: Reads,
    statement: "sa.Select[Any]",
    urgent: sa.ColumnElement[bool],
    order: "tuple[sa.Column[Any], sa.Column[Any]]",
    *,
    kind: type,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[Row], Sequence[Place]]:
    """Return up to `limit` + 1 rows and their places: the urgent ones first, then the others, both newest first.

    `order` is a time and an id of type `kind`.
    """
    at, ident = order
    place = decode_cursor(cursor, int, datetime, kind)
    rows: list[Row] = []
    places: list[Place] = []
    for part, condition in enumerate((urgent, sa.not_(urgent))):
        if len(rows) > limit or (place is not None and part < place[0]):
            continue
        chosen = statement.where(condition)
        if place is not None and part == place[0]:
            before = (sa.literal(place[1], at.type), sa.literal(place[2], ident.type))
            chosen = chosen.where(sa.tuple_(at, ident) < sa.tuple_(*before))
        found = await reads.rows(chosen.order_by(at.desc(), ident.desc()).limit(limit + 1 - len(rows)))
        met = {row[ident.key] for row in rows}  # no longer urgent since the first statement
        fresh = [row for row in found if row[ident.key] not in met]
        rows += fresh
        places += [(part, row[at.key], row[ident.key]) for row in fresh]
    return rows, places
