"""Alarms as rows: between the database's columns and the life cycle's values, without deciding anything.

Called by `page`. Promises that what is written reads back equal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from services.core.alarms.ledger.record import memory_from_json, memory_to_json
from services.core.alarms.life.lifecycle import due_at
from services.core.alarms.life.model import Alarm
from services.core.log import logger
from services.core.words import Category, Confidence, Reason, Severity, State, Verification

log = logger(__name__)
GENESIS = b""  # what the first transition of a chain follows


class Key(NamedTuple):
    """The unique key of an open alarm: `subject` is device:12, area:140931100 or system.

    The `component` that a device reports is in its normal form; names of our own stay as they are.
    """

    subject: str
    code: str
    component: str = ""


class Place(NamedTuple):
    """Where a condition is: a device with its site, an area, or we ourselves."""

    subject: str
    device_id: int | None = None
    device: str | None = None
    site_id: int | None = None
    area: str | None = None
    name: str = ""
    out_of_service_until: datetime | None = None

    @property
    def scope(self) -> str:
        """The fires that are judged together with those of this device."""
        return self.subject if self.site_id is None else f"site:{self.site_id}"


SYSTEM = Place("system", name="望火楼")


@dataclass(slots=True)
class Incident:
    """An incident that begins on this page."""

    number: int
    kind: str
    cause: str
    title: Reason
    area: str | None
    site_id: int | None


@dataclass(slots=True)
class Entry:
    """One alarm on a page: its value, and the parts that only the row has."""

    key: Key
    alarm: Alarm
    id: int
    new: bool
    device_id: int | None = None
    site_id: int | None = None
    scope: str | None = None
    acknowledged_by: str | None = None
    shelved_by: str | None = None
    shelve_reason: str | None = None
    drill: bool = False
    head: bytes = GENESIS
    transitions: int = 0
    changed: bool = False


def read_entry(row: asyncpg.Record) -> Entry:
    """Make an entry of a row of `alarm` joined with its device's code as `device`."""
    memory, broken = memory_from_json(row["life"])
    if broken:
        log.error("alarm_memory_unreadable", alarm_id=row["id"], fields=broken)
    alarm = Alarm(
        id=row["id"],
        code=row["code"],
        category=Category(row["category"]),
        severity=Severity(row["severity"]),
        state=State(row["state"]),
        verification=Verification(row["verification"]),
        reason=Reason(row["reason"], row["reason_en"]),
        opened_at=row["opened_at"],
        since=row["since"],
        late_min=row["late_min"] or 0,
        device=row["device"],
        area=row["area"],
        component=row["component"],
        zone=row["zone"] or None,
        confidence=None if row["confidence"] is None else Confidence(row["confidence"]),
        value=row["value"],
        limit=row["limit_value"],
        acknowledged_at=row["acknowledged_at"],
        cleared_at=row["cleared_at"],
        closed_at=row["closed_at"],
        incident_id=None if row["incident_id"] is None else str(row["incident_id"]),
        shelved_until=row["shelved_until"],
        escalates_at=row["escalates_at"],
        version=row["version"],
        memory=memory,
    )
    return Entry(
        key=Key(row["subject"], row["code"], row["component"] if (key := row["component_key"]) is None else key),
        alarm=alarm,
        id=row["id"],
        new=False,
        device_id=row["device_id"],
        site_id=row["site_id"],
        scope=row["scope"],
        acknowledged_by=row["acknowledged_by"],
        shelved_by=row["shelved_by"],
        shelve_reason=row["shelve_reason"],
        drill=row["drill"],
        head=row["head"] or GENESIS,
        transitions=row["transitions"],
    )


def incident_number(alarm: Alarm) -> int | None:
    """Return the incident as the database counts it."""
    return None if alarm.incident_id is None else int(alarm.incident_id)


def insert_values(entry: Entry, now: datetime) -> tuple[Any, ...]:
    """Return the arguments of `insert_alarm`."""
    alarm, key = entry.alarm, entry.key
    return (
        entry.id, key.subject, key.code, alarm.component, alarm.category, alarm.severity, alarm.state, alarm.confidence,
        alarm.verification, entry.device_id, entry.site_id, alarm.area, alarm.zone or "", alarm.value, alarm.limit,
        alarm.reason.zh, alarm.reason.en, alarm.opened_at, alarm.acknowledged_at, entry.acknowledged_by,
        alarm.cleared_at, alarm.closed_at, incident_number(alarm), alarm.shelved_until, entry.shelved_by,
        entry.shelve_reason, alarm.escalates_at, entry.scope, due_at(alarm), entry.drill, alarm.marked_test,
        alarm.version, memory_to_json(alarm.memory), entry.head, entry.transitions, now, key.component,
        alarm.late_min or None, alarm.since,
    )  # fmt: skip


def update_values(entry: Entry, now: datetime) -> tuple[Any, ...]:
    """Return the arguments of `update_alarm`."""
    alarm = entry.alarm
    return (
        entry.id, alarm.severity, alarm.state, alarm.confidence, alarm.verification, alarm.zone or "", alarm.value,
        alarm.limit, alarm.reason.zh, alarm.reason.en, alarm.acknowledged_at, entry.acknowledged_by, alarm.cleared_at,
        alarm.closed_at, incident_number(alarm), alarm.shelved_until, entry.shelved_by, entry.shelve_reason,
        alarm.escalates_at, entry.scope, due_at(alarm), alarm.marked_test, alarm.version,
        memory_to_json(alarm.memory), entry.head, entry.transitions, now, alarm.late_min or None,
        alarm.since, entry.drill,
    )  # fmt: skip


def document_row(entry: Entry, alarm: Alarm) -> dict[str, Any]:
    """Return `alarm`, a state of `entry`, in the columns of its table that documents show."""
    return {
        "id": entry.id, "code": alarm.code, "category": alarm.category, "severity": alarm.severity,
        "state": alarm.state, "confidence": alarm.confidence, "verification": alarm.verification,
        "device": alarm.device, "component": alarm.component, "zone": alarm.zone or "", "area": alarm.area,
        "value": alarm.value, "limit_value": alarm.limit, "reason": alarm.reason.zh, "reason_en": alarm.reason.en,
        "opened_at": alarm.opened_at, "since": alarm.since, "acknowledged_at": alarm.acknowledged_at,
        "cleared_at": alarm.cleared_at, "closed_at": alarm.closed_at, "shelved_until": alarm.shelved_until,
        "escalates_at": alarm.escalates_at,
        "incident_id": incident_number(alarm), "drill": entry.drill, "test_window": alarm.marked_test,
        "version": alarm.version, "late_min": alarm.late_min or None, "acknowledged_by": entry.acknowledged_by,
        "shelve_reason": entry.shelve_reason, "device_id": entry.device_id, "site_id": entry.site_id,
    }  # fmt: skip
