"""Events of a pack, as ingest reads them: a word in other letters is the type it means (contract 3, contract 11).

Used by `evaluate`. Promises that what cannot be read of an event is counted, and costs no event but one without a time
or a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.alerts.pack_cells import whole_number
from services.alerts.pack_tables import Aside, is_time, open_table, read_time
from services.alerts.rules.model import Event
from services.core.errors import FiretowerError
from services.core.event_types import SWITCH, known_type

_EVENT_NEEDS: Final = ("ts", "code", "type")
_EVENT_MAY_HAVE: Final = (
    "active", "component", "zone", "system_type", "component_type", "description", "event_id",
)  # fmt: skip


def read_events(path: Path, aside: Aside) -> list[tuple[str, Event]]:
    """Return (device code, event) in order of time; columns are named like the fields of contract 3's event.

    A row whose time cannot be read is counted in `aside`.

    Raises:
        FiretowerError: the file cannot be read, or no row of it has a time that can be read; the text says why.
    """
    found: list[tuple[str, Event]] = []
    unreadable = ""
    with open_table(path, "events", (_EVENT_NEEDS, _EVENT_MAY_HAVE), aside, ("ts", is_time)) as table:
        for line, row in table:
            at, kind = read_time(row["ts"]), row["type"].strip()
            if isinstance(at, tuple):
                aside.row(f"event: {at[0]}", line, at[1])
                unreadable = unreadable or f"line {line}: {at[1]}"
                continue
            if not kind:
                aside.row("event: type missing", line, "name one, such as fire, fault or reset")
                continue
            event = Event(
                type=known_type(kind) or kind,
                ts=at,
                received_at=at,
                active=_active(row.get("active", ""), aside),
                component=row.get("component", ""),
                zone=row.get("zone") or None,
                system_type=_code(row, "system_type", aside),
                component_type=_code(row, "component_type", aside),
                description=row.get("description", ""),
                event_id=row.get("event_id", ""),
            )
            found.append((row["code"].strip(), event))
    if unreadable and not found:
        raise FiretowerError(f"--events: no row of {path} can be read: {unreadable}")
    return sorted(found, key=lambda item: item[1].ts)


def _active(cell: str, aside: Aside) -> bool:
    """Return whether a condition began; of what cannot be read that is assumed, as it is live: it may be a fire."""
    text = cell.strip().lower()
    if text and text not in SWITCH:
        aside.fields["event active"] += 1
    return SWITCH.get(text, True)


def _code(row: Mapping[str, str], name: str, aside: Aside) -> int | None:
    cell = row.get(name, "").strip()
    code = whole_number(cell, 0, 255) if cell else None
    if cell and code is None:
        aside.fields[f"event {name}"] += 1
    return code
