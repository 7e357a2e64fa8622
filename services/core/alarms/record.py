"""JSON forms of what the life cycle keeps beside the alarm's columns, and of a site's evidence.

Used by the ledger. Promises that `from` undoes `to`, and that a field missing in an older record gets its
default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from services.core.alarms.happenings import Evidence, EvidenceKind
from services.core.alarms.model import Memory, Told
from services.core.alarms.words import Confidence, NoticeType, Part, Reason, Severity, Verification

_MOMENTS: Final = frozenset(
    {"raise_at", "retell_at", "out_of_service_until", "test_until", "last_at", "raised_ts", "cleared_ts"}
)
_DEFAULTS: Final = Memory()


def memory_to_json(memory: Memory) -> dict[str, Any]:
    """Return the fields that differ from their default, as JSON values."""
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(Memory)):
        value = getattr(memory, name)
        if value == getattr(_DEFAULTS, name):
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(value, frozenset):
            value = sorted(value)
        elif isinstance(value, Told):
            value = _told_to_json(value)
        found[name] = value
    return found


def memory_from_json(saved: Mapping[str, Any]) -> Memory:
    """Return the memory that `memory_to_json` saved; names it does not know are left out."""
    found: dict[str, Any] = {}
    for name, value in saved.items():
        if name in _MOMENTS:
            found[name] = datetime.fromisoformat(value)
        elif name == "causes":
            found[name] = frozenset(value)
        elif name == "sent":
            found[name] = frozenset(NoticeType(item) for item in value)
        elif name == "told":
            found[name] = _told_from_json(value)
        elif name == "part":
            found[name] = Part(value)
        elif hasattr(_DEFAULTS, name):
            found[name] = value
    return Memory(**found)


def evidence_to_json(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Return evidence as JSON values, in order."""
    return [
        {
            "at": item.at.isoformat(),
            "kind": item.kind,
            "device": item.device,
            "component": item.component,
            "part": item.part,
            "text": list(item.text),
            "tested": item.tested,
        }
        for item in evidence
    ]


def evidence_from_json(saved: Iterable[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """Return the evidence that `evidence_to_json` saved."""
    return tuple(
        Evidence(
            at=datetime.fromisoformat(item["at"]),
            kind=EvidenceKind(item["kind"]),
            device=item["device"],
            component=item["component"],
            part=Part(item["part"]),
            text=Reason(*item["text"]),
            tested=item["tested"],
        )
        for item in saved
    )


def _told_to_json(told: Told) -> dict[str, Any]:
    return {
        "active": told.active,
        "severity": told.severity,
        "confidence": told.confidence,
        "verification": told.verification,
        "at": told.at.isoformat(),
    }


def _told_from_json(saved: Mapping[str, Any]) -> Told:
    return Told(
        active=saved["active"],
        severity=Severity(saved["severity"]),
        confidence=None if saved["confidence"] is None else Confidence(saved["confidence"]),
        verification=Verification(saved["verification"]),
        at=datetime.fromisoformat(saved["at"]),
    )
