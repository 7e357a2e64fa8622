"""Reads hazards inside the areas of who asks. Used by the routes of hazards and by the collection of features."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.api.request import tables
from services.api.request.database import Reads, first
from services.api.request.problems import not_found
from services.api.request.roles import Who
from services.api.request.scope import Scope
from services.core.prevention.document import hazard_document
from services.core.prevention.hazard import UNMENDED

_hazard, _device, _site, _step = tables.hazard.c, tables.device.c, tables.site.c, tables.hazard_step.c
AREA: sa.ColumnElement[str] = sa.func.coalesce(_device.area, _site.area)
"""A hazard lies where its device or its site lies now."""


def select_hazards(scope: Scope) -> "sa.Select[Any]":
    """Return the statement that reads the hazards of `scope`; add conditions and an order.

    The site of a device is joined only where `scope` covers it.
    """
    of_site = sa.or_(_hazard.device_id.is_(None), scope.clause(_site.area))
    joined = tables.hazard.outerjoin(tables.device, _device.id == _hazard.device_id).outerjoin(
        tables.site, sa.and_(_site.id == sa.func.coalesce(_hazard.site_id, _device.site_id), of_site)
    )
    names = (
        _device.code.label("device"), _device.name.label("device_name"), _device.kind.label("device_kind"),
        AREA.label("area"), _site.id.label("shown_site_id"), _site.name.label("site_name"),
        sa.func.coalesce(_device.lon, _site.lon).label("lon"), sa.func.coalesce(_device.lat, _site.lat).label("lat"),
    )  # fmt: skip
    return sa.select(tables.hazard, *names).select_from(joined).where(scope.clause(AREA))


def overdue_at(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a hazard is overdue at `now`, as `is_overdue` has it."""
    return sa.and_(_hazard.state.in_(UNMENDED), sa.func.coalesce(_hazard.due < now, sa.false()))


async def read_hazard(reads: Reads, who: Who, hazard_id: int, now: datetime) -> dict[str, Any]:
    """Return one hazard with its time line.

    Raises:
        Problem: 404.
    """
    row = await first(reads, select_hazards(who.scope).where(_hazard.id == hazard_id))
    if row is None:
        raise not_found(f"hazard {hazard_id}")
    lines = await reads.rows(sa.select(tables.hazard_step).where(_step.hazard_id == hazard_id).order_by(_step.number))
    return hazard_document(row, now) | {"timeline": [_line(line) for line in lines]}


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "hazard_id"}
