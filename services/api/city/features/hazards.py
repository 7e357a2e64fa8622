"""Hazards as features: what each shows, and which are overdue. Statements and documents, no HTTP.

Used by `collections`. A hazard stands where its device or its site stands, and names no people to a wall.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.api.city.features.devices import Context
from services.api.prevention.documents import overdue_at, select_hazards
from services.api.request.database import Reads, Row
from services.api.request.roles import Permission
from services.core.prevention.document import PEOPLE, hazard_document


def select_shown_hazards(context: Context) -> "sa.Select[Any]":
    """Return the statement of the hazards that the caller may see."""
    return select_hazards(context.who.scope)


async def finish_hazards(_reads: Reads, rows: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    """Return the properties of hazards: those of `GET /api/v1/hazards`, flat."""
    hidden = frozenset() if context.who.may(Permission.READ) else PEOPLE
    found = []
    for row in rows:
        shown = hazard_document(row, context.now)
        site = shown.pop("site") or {"id": None, "name": None}
        shown.pop("location")
        shown |= {"site": site["id"], "site_name": site["name"]}
        found.append({name: value for name, value in shown.items() if name not in hidden})
    return found


async def are_overdue(
    _reads: Reads, context: Context, _conditions: Sequence[sa.ColumnElement[bool]], wanted: bool
) -> sa.ColumnElement[bool]:
    """Return the condition that a hazard is `overdue` as `wanted`."""
    late = overdue_at(context.now)
    return late if wanted else sa.not_(late)
