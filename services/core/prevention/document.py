"""A hazard as JSON, the same in the API and in what subscribers are told (contract 12). Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from services.core.clock import rfc3339
from services.core.prevention.catalogue import KINDS
from services.core.prevention.hazard import is_overdue

TIMES: Final = (
    "due", "found_at", "assigned_at", "rectified_at", "closed_at", "supervised_at", "cause_gone_at", "updated_at",
)  # fmt: skip
PEOPLE: Final = frozenset({"owner", "found_by", "assigned_by", "rectified_by", "closed_by", "supervised_by"})
"""What may name a person, and is told to nobody but those who ask for the hazard itself."""
_PLAIN: Final = (
    "code", "device", "device_name", "device_kind", "component", "area", "grade", "source", "state", "owner",
    "description", "description_en", "found_by", "assigned_by", "rectified_by", "closed_by", "closed_as",
    "supervised_by", "authority", "version",
)  # fmt: skip


def hazard_document(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the hazard of a row joined with the names around it, as it stands at `now`."""
    kind = KINDS.get(row["code"])
    return {
        "id": row["id"],
        "title": kind.zh if kind else row["code"],
        "title_en": kind.en if kind else row["code"],
        **{name: row[name] for name in _PLAIN},
        "site": None if row["shown_site_id"] is None else {"id": row["shown_site_id"], "name": row["site_name"]},
        "location": None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]},
        "overdue": is_overdue(row["state"], row["due"], now),
        "supervised": row["supervised_at"] is not None,
        **{name: rfc3339(row[name]) for name in TIMES},
    }
