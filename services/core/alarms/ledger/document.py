"""An alarm as JSON, the same in notices and in the API (contract 5)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

TIMES = ("opened_at", "acknowledged_at", "cleared_at", "closed_at", "shelved_until", "escalates_at")


def rfc3339(at: datetime | None) -> str | None:
    """Return `at` in UTC with milliseconds and Z, or None. What lies at the end of all years stays as it is."""
    if at is None:
        return None
    try:
        return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):
        return at.isoformat(timespec="milliseconds")


def alarm_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarm of contract 5 from a row of `alarm` joined with its device's code as `device`.

    `reason_en`, `drill` and `test_window` stand beside the fields of the contract.
    """
    return {
        "id": row["id"],
        "code": row["code"],
        "category": row["category"],
        "severity": row["severity"],
        "state": row["state"],
        "confidence": row["confidence"],
        "verification": row["verification"],
        "device": row["device"],
        "component": row["component"],
        "zone": row["zone"],
        "area": row["area"],
        "value": row["value"],
        "limit": row["limit_value"],
        "reason": row["reason"],
        "reason_en": row["reason_en"],
        **{name: rfc3339(row[name]) for name in TIMES},
        "incident_id": row["incident_id"],
        "drill": row["drill"],
        "test_window": row["test_window"],
        "version": row["version"],
    }
