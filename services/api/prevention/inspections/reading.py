"""Reads inspections inside the areas of who asks, and writes them as documents. Used by the routes of inspections."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from services.api.request import tables
from services.api.request.scope import Scope
from services.core.prevention.checklists import CHECKLISTS

_inspection, _device, _site = tables.inspection.c, tables.device.c, tables.site.c
AREA: sa.ColumnElement[str] = sa.func.coalesce(_device.area, _site.area)
"""An inspection lies where its device or its site lies now."""


def select_inspections(scope: Scope) -> "sa.Select[Any]":
    """Return the statement that reads the inspections of `scope`; add conditions and an order."""
    of_site = sa.or_(_inspection.device_id.is_(None), scope.clause(_site.area))
    joined = tables.inspection.outerjoin(tables.device, _device.id == _inspection.device_id).outerjoin(
        tables.site, sa.and_(_site.id == sa.func.coalesce(_inspection.site_id, _device.site_id), of_site)
    )
    names = (
        _device.code.label("device"), _device.name.label("device_name"), _device.kind.label("device_kind"),
        AREA.label("area"), _site.id.label("shown_site_id"), _site.name.label("site_name"),
    )  # fmt: skip
    return sa.select(tables.inspection, *names).select_from(joined).where(scope.clause(AREA))


def inspection_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one inspection."""
    plain = (
        "id", "request_id", "device", "device_name", "device_kind", "area", "checklist", "inspected_at", "received_at",
        "inspected_by", "failed", "note", "hazards",
    )  # fmt: skip
    site = None if row["shown_site_id"] is None else {"id": row["shown_site_id"], "name": row["site_name"]}
    return {
        **{name: row[name] for name in plain},
        "site": site,
        "answers": [_answer(row["checklist"], one) for one in row["answers"]],
        "photo": None if row["photo_type"] is None else f"/api/v1/inspections/{row['id']}/photo",
    }


def _answer(checklist: str, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with its question; one of a checklist that is gone shows its code."""
    known = CHECKLISTS.get(checklist)
    item = known.item(one["item"]) if known else None
    return {**one, "title": item.zh if item else one["item"], "title_en": item.en if item else one["item"]}
