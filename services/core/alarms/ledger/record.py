"""The JSON form of the life cycle's own memory, beside the alarm's columns, and of a site's evidence.

Used by the ledger. Promises that `from` undoes `to`, that a field missing in an older record gets its default, and that
a field that cannot be read costs only itself: a fire must not wait behind a broken record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from services.core.alarms.life.happenings import Evidence, EvidenceKind
from services.core.alarms.life.model import Memory, Told
from services.core.words import Confidence, NoticeType, Part, Reason, Severity, Verification

_MOMENTS: Final = frozenset(
    {"raise_at", "retell_at", "out_of_service_until", "test_until", "last_at", "raised_ts", "cleared_ts", "news_at"}
)
_DEFAULTS: Final = Memory()
_UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)


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
        elif isinstance(value, dict):
            value = {cause: moment.isoformat() for cause, moment in value.items()}
        found[name] = value
    return found


def memory_from_json(saved: Mapping[str, Any]) -> tuple[Memory, list[str]]:
    """Return the memory that `memory_to_json` saved, and the names of fields that could not be read.

    Names it does not know are left out.
    """
    found: dict[str, Any] = {}
    broken: list[str] = []
    if not isinstance(saved, Mapping):
        return _DEFAULTS, ["all"]
    for name, value in saved.items():
        if hasattr(_DEFAULTS, name):
            try:
                found[name] = _read_field(name, value)
            except _UNREADABLE:
                broken.append(name)
    return Memory(**found), broken


def _read_field(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return _moment_from_json(value)
    if name == "known":
        return {str(cause): _moment_from_json(moment) for cause, moment in value.items()}
    if name in ("causes", "zones"):
        return frozenset(str(item) for item in value)
    if name == "sent":
        return frozenset(NoticeType(item) for item in value)
    if name == "told":
        return _told_from_json(value)
    if name == "part":
        return Part(value)
    default = getattr(_DEFAULTS, name)
    if isinstance(default, bool | int):
        if not isinstance(value, bool | int):
            raise TypeError(name)
        return type(default)(value)  # a count that somebody saved as false is 0
    return value


def _moment_from_json(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


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


def evidence_from_json(saved: Any) -> tuple[tuple[Evidence, ...], int]:
    """Return the evidence that `evidence_to_json` saved, and how many pieces could not be read."""
    found: list[Evidence] = []
    items = saved if isinstance(saved, list) else [saved]
    for item in items:
        try:
            found.append(_piece_from_json(item))
        except _UNREADABLE:
            continue  # counted by the caller
    return tuple(found), len(items) - len(found)


def _piece_from_json(item: Mapping[str, Any]) -> Evidence:
    at = datetime.fromisoformat(item["at"])
    return Evidence(
        at=at if at.tzinfo is not None else at.replace(tzinfo=UTC),
        kind=EvidenceKind(item["kind"]),
        device=str(item["device"]),
        component=str(item["component"]),
        part=Part(item["part"]),
        text=Reason(*(str(text) for text in item["text"])),
        tested=bool(item["tested"]),
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
