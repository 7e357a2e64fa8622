"""Stores hazards and their steps: the row, the line of its time line, the audit and the event, in one transaction.

Called by the API (people) and by alerts (the system). Promises that a step is decided on the locked row, and that
subscribers hear of every step by `hazard.changed` (contract 9.3).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from services.core.alarms.ledger.refusals import NotAllowed, NotFound
from services.core.city.cloudevent import Event, EventType
from services.core.city.outbox import write_events
from services.core.prevention.document import PEOPLE, hazard_document
from services.core.prevention.hazard import COLUMNS, Act, By, Grade, Hazard, HazardState, Source, of_row
from services.core.statements import load_queries

SQL = load_queries(__file__)
Check = Callable[[str, int], None]
"""Called with area and version of the locked hazard; raises what the caller refuses."""
Take = Callable[[Hazard], Hazard]


class New(NamedTuple):
    """A hazard that was found: of a device or of a site. `cause`: what the system saw; one is open of each."""

    device_id: int | None
    site_id: int | None
    code: str
    grade: Grade
    source: Source
    component: str = ""
    owner: str = ""
    due: datetime | None = None
    description: str = ""
    description_en: str = ""
    cause: str | None = None


class _Line(NamedTuple):
    act: Act
    before: HazardState | None
    after: HazardState
    note: str
    detail: dict[str, Any]


async def add(conn: asyncpg.Connection, by: By, new: New) -> int | None:
    """Store a new hazard and return its number; None: one is open of the same cause."""
    hazard_id: int | None = await conn.fetchval(
        SQL["add"], new.device_id, new.site_id, new.component, new.code, new.grade, new.source, new.owner, new.due,
        new.description, new.description_en, new.cause, by.at, by.actor,
    )  # fmt: skip
    if hazard_id is not None:
        detail = {"code": new.code, "grade": new.grade, "source": new.source}
        detail |= {} if new.due is None else {"due": _plain(new.due)}  # a report of that month asks for it
        await _tell(conn, hazard_id, by, _Line(Act.FIND, None, HazardState.FOUND, "", detail))
    return hazard_id


async def step(
    conn: asyncpg.Connection,
    hazard_id: int,
    by: By,
    act: Act,
    take: Take,
    *,
    check: Check | None = None,
    note: str = "",
) -> bool:
    """Take one step of a hazard; whether anything changed. What changes nothing leaves no line.

    Raises:
        NotFound: there is no such hazard.
        NotAllowed: its state forbids it, or another one is open of the same cause.
    """
    row = await conn.fetchrow(SQL["lock"], hazard_id)
    if row is None:
        raise NotFound(f"there is no hazard {hazard_id}")
    if check is not None:
        check(row["area"], row["version"])
    before = of_row(dict(row))
    after = take(before)
    if after == before:
        return False
    if after.open and not before.open and row["cause"] is not None:
        await _check_twin(conn, row["cause"], hazard_id)
    await conn.execute(SQL["write"], hazard_id, *after, by.at)
    await _tell(conn, hazard_id, by, _Line(act, before.state, after.state, note, _changes(before, after)))
    return True


async def _check_twin(conn: asyncpg.Connection, cause: str, hazard_id: int) -> None:
    twin = await conn.fetchval(SQL["open_twin"], cause, hazard_id)
    if twin is not None:
        raise NotAllowed(f"同一原因的隐患 {twin} 尚未销案", f"hazard {twin} is open of the same cause")


def _changes(before: Hazard, after: Hazard) -> dict[str, Any]:
    """Return what a step changed, but for what its own line says: who, when and the states."""
    told = ("state", "assigned_at", "assigned_by", "rectified_at", "rectified_by", "rectified_person", "closed_at",
            "closed_by", "supervised_at", "supervised_by", "cause_gone_at")  # fmt: skip
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in COLUMNS if name not in told)
    return {name: _plain(new) for name, old, new in pairs if old != new}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


async def _tell(conn: asyncpg.Connection, hazard_id: int, by: By, line: _Line) -> None:
    await conn.execute(SQL["add_step"], hazard_id, by.at, by.actor, *line)
    said = line.detail | ({"note": line.note} if line.note else {}) | {"state": line.after}
    await conn.execute(SQL["audit"], by.at, by.actor, f"hazard.{line.act}", f"hazard:{hazard_id}", said)
    (found,) = await conn.fetch(SQL["read"], hazard_id)
    row = dict(found)
    shown = hazard_document(row, by.at)
    told = {"act": line.act, "hazard": {name: value for name, value in shown.items() if name not in PEOPLE}}
    subject = row["device"] or f"site:{row['site_id']}"
    await write_events(conn, [Event(EventType.HAZARD_CHANGED, subject, row["area"], by.at, told, row["device_id"])])
