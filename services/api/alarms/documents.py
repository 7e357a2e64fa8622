"""Reads alarms and writes them as documents of contract 5. Used by the routes of alarms, the hub and the hand-over."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from services.api.request import tables
from services.api.request.database import Reads, Row
from services.api.request.scope import Scope
from services.core.alarms.ledger.document import alarm_document
from services.core.clock import rfc3339

_alarm, _device, _site = tables.alarm.c, tables.device.c, tables.site.c
_whose = tables.device.alias("whose")
WHOSE = _whose.c
"""An alarm's device wherever it stands now: of one that moved away, its code and kind are told and nothing else."""

OPEN_FIRE = sa.and_(_alarm.category == "fire", _alarm.state != "closed")
_RANK = {"critical": 0, "major": 1, "minor": 2, "info": 3}


def select_alarms(scope: Scope | None = None) -> "sa.Select[Any]":
    """Return the statement that reads alarms with the names around them; add conditions and an order.

    Device, site and incident are joined only where `scope` covers them; `WHOSE` tells the code and kind of a device
    wherever it stands now. Without a scope, for readers of every scope together: where whoever may see the alarm may
    see them too, because they lie in its area.
    """
    incident = tables.incident.c
    joined = (
        tables.alarm.outerjoin(_whose, WHOSE.id == _alarm.device_id)
        .outerjoin(tables.device, sa.and_(_device.id == _alarm.device_id, _seen(scope, _device.area)))
        .outerjoin(tables.site, sa.and_(_site.id == _alarm.site_id, _seen(scope, _site.area)))
        .outerjoin(tables.incident, sa.and_(incident.id == _alarm.incident_id, _seen(scope, incident.area)))
    )
    columns = [column for column in tables.alarm.c if column.name != "life"]
    return sa.select(*columns, WHOSE.code.label("device"), *_names()).select_from(joined)


async def read_names(reads: Reads, scope: Scope, row: Mapping[str, Any]) -> Row:
    """Return what the document of an alarm names beside the alarm itself, for a `row` that came without it."""
    incident = tables.incident.c
    one = sa.select(sa.literal(1).label("one")).subquery()
    joined = (
        one.outerjoin(_whose, WHOSE.id == row["device_id"])
        .outerjoin(tables.device, sa.and_(_device.id == row["device_id"], scope.clause(_device.area)))
        .outerjoin(tables.site, sa.and_(_site.id == row["site_id"], scope.clause(_site.area)))
        .outerjoin(tables.incident, sa.and_(incident.id == row["incident_id"], scope.clause(incident.area)))
    )
    (names,) = await reads.rows(sa.select(*_names()).select_from(joined))
    return names


def _seen(scope: Scope | None, area: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    if scope is not None:
        return scope.clause(area)
    return sa.or_(_alarm.area.is_(None), area.startswith(_alarm.area, autoescape=False))


def _names() -> tuple[sa.ColumnElement[Any], ...]:
    out = _device.out_of_service_until > sa.func.now()
    return (
        *(
            sa.case((out, _device[f"out_of_service_{name}"])).label(f"out_of_service_{name}")
            for name in ("until", "reason", "by")
        ),
        _device.name.label("device_name"),
        WHOSE.kind.label("device_kind"),
        sa.func.coalesce(_device.lon, _site.lon).label("lon"),
        sa.func.coalesce(_device.lat, _site.lat).label("lat"),
        _site.name.label("site_name"),
        tables.incident.c.title.label("incident_title"),
    )


def document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarm of contract 5 with the names around it."""
    return {
        **alarm_document(row),
        "site": None if row["site_name"] is None else {"id": row["site_id"], "name": row["site_name"]},
        "device_name": row["device_name"],
        "device_kind": row["device_kind"],
        "location": None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]},
        "late_min": row["late_min"],
        "acknowledged_by": row["acknowledged_by"],
        "shelve_reason": row["shelve_reason"],
        "incident_title": row["incident_title"],
        "out_of_service": None if row["out_of_service_until"] is None else {
            "until": rfc3339(row["out_of_service_until"]),
            "reason": row["out_of_service_reason"],
            "by": row["out_of_service_by"],
        },
    }  # fmt: skip


async def read_documents(reads: Reads, statement: "sa.Select[Any]") -> list[dict[str, Any]]:
    """Run a statement of `select_alarms`."""
    return [document(row) for row in await reads.rows(statement)]


def by_urgency(alarms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return alarms fires first, then worst first, then oldest first."""
    return sorted(alarms, key=lambda one: (one["category"] != "fire", _RANK[one["severity"]], one["opened_at"]))


def most_urgent(statement: "sa.Select[Any]", most: int) -> "sa.Select[Any]":
    """Return the statement that keeps the `most` urgent ones in the order of `by_urgency`."""
    rank = sa.case(_RANK, value=_alarm.severity)
    return statement.order_by(_alarm.category != "fire", rank, _alarm.opened_at).limit(most)
