"""An alarm as JSON, the same in notices and in the API (contract 5)."""

from collections.abc import Mapping
from typing import Any

from services.core.clock import rfc3339

TIMES = ("opened_at", "since", "acknowledged_at", "cleared_at", "closed_at", "shelved_until", "escalates_at")


def alarm_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarm of contract 5 from a row of `alarm` joined with its device's code as `device`.

    `reason_en`, `since`, `drill` and `test_window` come in addition to the fields of the contract.
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
