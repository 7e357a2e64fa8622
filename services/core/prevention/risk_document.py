"""The risk of a site as JSON, the same in the API and in what subscribers are told (contract 12). Pure."""

from collections.abc import Mapping
from typing import Any

from services.core.clock import rfc3339


def risk_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the risk of a row of `site_risk` joined with its site."""
    return {
        "site": {"id": row["site_id"], "name": row["site_name"]},
        "area": row["area"],
        "location": None if row["lon"] is None else {"lon": row["lon"], "lat": row["lat"]},
        **{name: row[name] for name in ("score", "grade", "reasons", "policy_version")},
        "since": rfc3339(row["since"]),
        "updated_at": rfc3339(row["updated_at"]),
    }
