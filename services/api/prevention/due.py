"""Which water sources are due for an inspection: those never inspected, and those whose interval is over (contract 12).

Used by the duties of grids, and by the list of what is due. The interval is the device's own or the usual one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from services.api.request import tables
from services.api.request.scope import Scope
from services.core.prevention.thresholds import threshold

_device, _inspection = tables.device.c, tables.inspection.c
SOURCES = ("hydrant", "water")
LAST_INSPECTION: sa.ScalarSelect[datetime] = (
    sa.select(sa.func.max(_inspection.inspected_at))
    .where(_inspection.device_id == _device.id)
    .correlate(tables.device)
    .scalar_subquery()
)
_interval_d: sa.ColumnElement[float] = sa.func.inspection_interval_d(_device.attributes, threshold("inspection_d"))
_due_at = LAST_INSPECTION + sa.func.make_interval(0, 0, 0, 0, 0, 0, _interval_d * 86_400)


def select_due(scope: Scope, now: datetime) -> "sa.Select[Any]":
    """Return the statement of the sources of `scope` that are due at `now`, what was longest not inspected first.

    What is out of service is not due.
    """
    return (
        sa.select(
            _device.code, _device.kind, _device.form, _device.name, _device.area, _device.address, _device.lon,
            _device.lat, LAST_INSPECTION.label("inspected_at"), _interval_d.label("interval_d"),
            _due_at.label("due_at"),
        )
        .where(
            scope.clause(_device.area),
            _device.registered,
            _device.kind.in_(SOURCES),
            sa.func.coalesce(_device.out_of_service_until <= now, sa.true()),
            sa.func.coalesce(_due_at <= now, sa.true()),
        )
        .order_by(sa.text("inspected_at asc nulls first"), _device.code)
    )  # fmt: skip


def due_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source that is due."""
    shown = {name: row[name] for name in ("kind", "form", "name", "area", "address", "interval_d")}
    place = None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]}
    times = {name: row[name] for name in ("inspected_at", "due_at")}
    return {"device": row["code"], **shown, "location": place, **times}
