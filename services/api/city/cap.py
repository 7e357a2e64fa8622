"""Alarms as CAP 1.2: the current message of one, and a feed of them as Atom (contract 9.4)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from xml.etree.ElementTree import Element, SubElement, tostring

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from services.api.alarms.documents import select_alarms
from services.api.request import tables
from services.api.request.address import root_of
from services.api.request.auth import KEY_BY_BASIC, Watcher
from services.api.request.database import Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, AreaFilter, From
from services.api.request.paging import Cursor, Limit, decode_cursor, encode_cursor
from services.api.request.problems import not_found
from services.api.request.state import Here
from services.core.alarms.ledger.document import alarm_document
from services.core.city import cap
from services.core.clock import rfc3339
from services.core.statements import load_queries
from services.core.text import clean_text

router = APIRouter(prefix="/cap", tags=["cap"], dependencies=[KEY_BY_BASIC])
SQL = load_queries(__file__)
ATOM = "application/atom+xml"
_ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
RECENT = timedelta(hours=24)  # what a feed holds when nobody says from when
# A change has the time at which its transaction began, and is seen when that ends: whoever asks `from` the time of the
# request before would never be told of what was under way then, or lay between two clocks.
OVERLAP = timedelta(minutes=1)
_alarm, _area, _device = tables.alarm.c, tables.area.c, tables.device.c


def _xml(kind: str) -> dict[int | str, dict[str, Any]]:
    shown = described(None, 404)
    shown[200] = {"description": "Done", "content": {kind: {"schema": {"type": "string"}}}}
    return shown


@router.get("/alarms/{id}.xml", responses=_xml(cap.CONTENT_TYPE), response_class=Response)
async def alarm_as_cap(
    alarm_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], here: Here, who: Watcher
) -> Response:
    """Return the current CAP message of an alarm: Alert, Update or Cancel, with references to the earlier ones."""
    statement = _select(who.scope).where(_alarm.id == alarm_id)
    row = await first(here.database, statement)
    if row is None:
        raise not_found(f"alarm {alarm_id}")
    made = (await _messages(here.database, [row]))[alarm_id]
    county = (await here.database.rows(SQL["county"]))[0]["county"]
    return Response(cap.render(made, county, _told(row)), media_type=cap.CONTENT_TYPE)


@router.get("/alarms.atom", responses=_xml(ATOM), response_class=Response)
async def alarms_as_feed(
    *, request: Request, here: Here, who: Watcher, begin: From = None, area: AreaFilter = None, limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:  # fmt: skip
    """List the current messages of alarms that changed since `from` (24 hours ago), newest first; `next` goes on.

    Those of the minute before `from` are among them: ask from the time of your last request, and drop ids seen before.
    """
    now = here.clock.now()
    statement = _select(who.scope).where(_alarm.updated_at >= (now - RECENT if begin is None else begin - OVERLAP))
    if area is not None:
        statement = statement.where(_alarm.area.startswith(area))
    if place := decode_cursor(cursor, int):
        statement = statement.where(_alarm.id < place[0])
    rows = await here.database.rows(statement.order_by(_alarm.id.desc()).limit(limit + 1))
    shown = rows[:limit]
    made = await _messages(here.database, shown)
    county = (await here.database.rows(SQL["county"]))[0]["county"]
    root = root_of(request)
    feed = _feed(root, county, str(request.url.query), max((one.sent for one in made.values()), default=now))
    if len(rows) > limit:
        following = request.url.include_query_params(cursor=encode_cursor([shown[-1]["id"]]))
        SubElement(feed, "link", rel="next", href=f"{root}/cap/alarms.atom?{following.query}")
    for row in shown:
        feed.append(_entry(root, county, row, made[row["id"]]))
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return Response(written, media_type=ATOM)


def _select(scope: Any) -> "sa.Select[Any]":
    """Return the statement that reads alarms of `scope`, each with what lies in its own area only."""
    return (
        select_alarms()
        .outerjoin(tables.area, _area.code == _alarm.area)
        .add_columns(_area.name.label("area_name"), tables.site.c.address.label("site_address"), _stands())
        .where(scope.clause(_alarm.area))
    )


def _stands() -> sa.ColumnElement[bool]:
    """Whether the device is where the alarm was: an open one follows it, and a closed one stays in its place."""
    of_the_site = _device.site_id.is_not_distinct_from(_alarm.site_id)
    not_placed_since = sa.func.coalesce(_device.placed_at, _alarm.closed_at) <= _alarm.closed_at
    stayed = sa.or_(_alarm.closed_at.is_(None), sa.and_(of_the_site, not_placed_since))
    return sa.and_(_device.id.is_not(None), stayed).label("stands")


async def _messages(reads: Reads, rows: Sequence[Row]) -> dict[int, cap.Message]:
    """Return the current message of each alarm."""
    found = await reads.rows(SQL["versions"], ids=[row["id"] for row in rows]) if rows else []
    lines: dict[int, list[Row]] = {}
    for line in found:
        lines.setdefault(line["alarm_id"], []).append(line)
    return {row["id"]: cap.message_of(alarm_document(row), lines.get(row["id"], [])) for row in rows}


def _told(row: Row) -> dict[str, Any]:
    left = row["device"] is not None and not row["stands"]  # where it was, and under which name, is not known any more
    place = None if row["lon"] is None or left else {"lon": row["lon"], "lat": row["lat"]}
    device = None if row["device"] is None and place is None else {
        "code": row["device"] or "", "name": "" if left else row["device_name"] or "", "location": place,
    }  # fmt: skip
    site = None if row["site_name"] is None else {"name": row["site_name"], "address": row["site_address"]}
    return {"alarm": alarm_document(row), "device": device, "site": site, "area_name": row["area_name"]}


def _feed(root: str, county: str, query: str, updated: Any) -> Element:
    feed = Element("feed", xmlns=_ATOM_NAMESPACE)
    own = f"{root}/cap/alarms.atom" + (f"?{query}" if query else "")
    for name, text in (
        ("id", f"{cap.sender(county)}:cap"),
        ("title", "望火楼告警 Firetower alarms (CAP 1.2)"),
        ("updated", rfc3339(updated) or ""),
    ):
        SubElement(feed, name).text = text
    SubElement(SubElement(feed, "author"), "name").text = "望火楼 Firetower"
    SubElement(feed, "link", rel="self", href=own, type=ATOM)
    return feed


def _entry(root: str, county: str, row: Row, made: cap.Message) -> Element:
    entry = Element("entry")
    name_of = cap.identifier(county, row["id"], made.version, in_earnest=made.in_earnest)
    told = _told(row)
    for name, text in (
        ("id", f"{cap.sender(county)}:{name_of}"),
        ("title", f"{made.kind}: {cap.headline(told)}"),
        ("updated", rfc3339(made.sent) or ""),
        ("summary", clean_text(row["reason"], cap.LONGEST)),
    ):
        SubElement(entry, name).text = cap.xml_text(text)
    SubElement(entry, "link", rel="alternate", href=f"{root}/cap/alarms/{row['id']}.xml", type=cap.CONTENT_TYPE)
    return entry
