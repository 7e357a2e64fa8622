"""Notices for the desk: their bytes are fixed here, in the transaction that made them due (contract 7).

Called by `page`. Promises the exact JSON of the contract, in UTC, numbered in order per alarm.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import orjson

from services.core import water
from services.core.alarms.ledger.document import alarm_document
from services.core.alarms.ledger.rows import Entry, document_row
from services.core.alarms.life.happenings import Evidence
from services.core.alarms.life.model import Alarm, Notice
from services.core.aside import own_fault
from services.core.bounds import plain_number
from services.core.clock import rfc3339
from services.core.log import logger
from services.core.rules.overrides import READ_OVERRIDES, book_of
from services.core.rules.parameters import ParameterBook
from services.core.statements import load_queries
from services.core.words import NoticeType

SQL = load_queries(__file__)
log = logger(__name__)
MAX_EVIDENCE = 40  # lines; keeps a body under the 20 kB that webhook receivers expect at most


class Draft(NamedTuple):
    """A notice that became due, with the alarm as it was at that step."""

    entry: Entry
    alarm: Alarm
    notice: Notice


async def insert_notices(
    conn: asyncpg.Connection,
    drafts: Sequence[Draft],
    evidence: Mapping[str, tuple[Evidence, ...]],
    now: datetime,
) -> None:
    """Write the notices of one page, after its transitions. `evidence` holds the evidence of each scope of fires."""
    alarm_ids = sorted({draft.entry.id for draft in drafts})
    devices = await _devices(conn, drafts)
    areas = await _places(conn, SQL["notice_area"], "code", {draft.alarm.area for draft in drafts})
    numbers = {row["alarm_id"]: row["number"] for row in await conn.fetch(SQL["notice_numbers"], alarm_ids)}
    lines: dict[int, list[tuple[datetime, str]]] = {alarm_id: [] for alarm_id in alarm_ids}
    for row in await conn.fetch(SQL["notice_lines"], alarm_ids, MAX_EVIDENCE):
        lines[row["alarm_id"]].append((row["at"], row["text"]))
    water: dict[tuple[float, float], list[dict[str, Any]]] = {}
    rows: list[tuple[Any, ...]] = []
    for draft in drafts:
        entry, alarm, notice = draft
        device = devices.get((entry.id, alarm.open))
        place = device or areas.get(alarm.area)
        near = await _water(conn, place, water, now) if notice.fire else []
        told = [*lines[entry.id], *((item.at, item.text.zh) for item in evidence.get(entry.scope or "", ()))]
        notice_id = uuid4()
        body = {
            "notice_id": str(notice_id),
            "type": notice.type,
            "sent_at": rfc3339(now),
            "drill": notice.drill,
            "alarm": alarm_document(document_row(entry, alarm)),
            "device": _device(device, place, alarm),
            "site": _site(device),
            "evidence": _evidence(told),
            "nearest_water": near,
        }
        number = numbers[entry.id] = numbers.get(entry.id, 0) + 1
        incident = None if alarm.incident_id is None else int(alarm.incident_id)
        overtakes = sorted(notice.overtakes)
        rows.append(
            (notice_id, entry.id, incident, number, notice.type, notice.fire, overtakes, orjson.dumps(body), now)
        )
        if notice.type is NoticeType.FIRE_CONFIRMED:
            await conn.execute(SQL["mark_confirmed"], incident, notice_id)
    await conn.executemany(SQL["insert_notice"], rows)


async def _devices(conn: asyncpg.Connection, drafts: Sequence[Draft]) -> dict[tuple[int, bool], asyncpg.Record]:
    """Return the device of each alarm with its place, by alarm and whether that is open: a closed one stays there."""
    found: dict[tuple[int, bool], asyncpg.Record] = {}
    for is_open in (True, False):
        entries = {one.entry.id: (one.entry, one.alarm) for one in drafts if one.alarm.open is is_open}
        if not entries:
            continue
        of_devices = [entry.device_id for entry, _ in entries.values()]
        sites = [entry.site_id for entry, _ in entries.values()]
        areas = [None if is_open else alarm.area for _, alarm in entries.values()]
        rows = await conn.fetch(SQL["notice_device"], list(entries), of_devices, sites, areas)
        found |= {(row["alarm_id"], is_open): row for row in rows}
    return found


async def _places(conn: asyncpg.Connection, query: str, key: str, wanted: Iterable[Any]) -> dict[Any, asyncpg.Record]:
    found = sorted(item for item in wanted if item is not None)
    return {row[key]: row for row in await conn.fetch(query, found)} if found else {}


def _device(device: asyncpg.Record | None, place: asyncpg.Record | None, alarm: Alarm) -> dict[str, Any]:
    """Return the place: for an area's alarm the area, for our own only our name."""
    located = place is not None and place["lon"] is not None
    return {
        "code": device["code"] if device else "",
        "kind": device["kind"] if device else "",
        "name": place["name"] if place else "",
        "area": device["area"] if device else alarm.area or "",
        "location": {"lon": place["lon"], "lat": place["lat"], "datum": "WGS84"} if place and located else None,
    }


def _site(device: asyncpg.Record | None) -> dict[str, Any] | None:
    if device is None or device["site_name"] is None:
        return None
    return {
        "name": device["site_name"],
        "address": device["site_address"],
        "contacts": device["site_contacts"],
        "access_note": device["site_access_note"],
    }


def _evidence(told: Iterable[tuple[datetime, str]]) -> list[dict[str, Any]]:
    """Return the evidence in the order it happened, each once, only the newest if there is too much."""
    unique = sorted(dict.fromkeys(told))
    return [{"at": rfc3339(at), "text": text} for at, text in unique[-MAX_EVIDENCE:]]


async def _water(
    conn: asyncpg.Connection,
    place: asyncpg.Record | None,
    known: dict[tuple[float, float], list[dict[str, Any]]],
    now: datetime,
) -> list[dict[str, Any]]:
    if place is None or place["lon"] is None:
        return []
    spot = (place["lon"], place["lat"])
    if spot not in known:
        try:
            async with conn.transaction():  # a savepoint: a fire does not wait for a hydrant's broken row
                rows = await conn.fetch(SQL["nearest_water"], *spot, now)
                book = book_of(await conn.fetch(READ_OVERRIDES) if rows else ())
            known[spot] = [_source(dict(row), book, now) for row in rows]
        except Exception as error:
            if not own_fault(error):
                raise
            log.exception("nearest_water_unreadable", lon=spot[0], lat=spot[1])
            known[spot] = []
    return known[spot]


def _source(row: dict[str, Any], book: ParameterBook, now: datetime) -> dict[str, Any]:
    """Describe a water source: its distance, pressure or level, and whether it is usable (null: not known)."""
    values = row["state"] if isinstance(row["state"], dict) else {}
    verdict = water.judge(row, values, now, row["alarms"], book)
    return {
        "code": row["code"],
        "distance_m": round(row["distance_m"]),
        "pressure_mpa": plain_number(values.get("pressure_mpa")),
        "usable": verdict.usable,
        "reasons": [reason.text for reason in verdict.reasons],
    }
