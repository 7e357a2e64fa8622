"""A device's readings: raw, or in buckets with min, max, mean and last of each field."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.registry.devices import find_row
from services.api.request.auth import Reader
from services.api.request.database import Reads, first
from services.api.request.described import described
from services.api.request.fields import DeviceCode, From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.problems import invalid
from services.api.request.state import Here
from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.statements import load_queries
from services.core.topics import Kind

__all__ = ["router"]
router = APIRouter(prefix="/api/v1", tags=["readings"])
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BUCKET = re.compile(r"([1-9][0-9]{0,6})([smhd]?)", re.ASCII)
_LONGEST_BUCKET_S = 31 * 86_400
_QUERIES = load_queries(__file__)
_EPOCH = datetime(2000, 1, 3, tzinfo=UTC)  # the origin of time_bucket
_WHOLE = {
    kind: {name for name in READING_FIELDS[kind] if "bool" in str(model.model_fields[name].annotation)}
    for kind, model in READING_MODELS.items()
}


class Reading(BaseModel):
    """One reading, its null fields left out; or one bucket, each field with min, max, mean and last."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"ts": "2026-11-23T08:00:00Z", "seq": 7, "pressure_mpa": 0.33}]},
    )

    ts: str
    seq: int | None = None
    clock_behind: bool | None = Field(
        default=None, description="true: the device's clock is behind by a constant; judged by received_at"
    )


def parse_bucket(bucket: str) -> int:
    """Return the width in seconds of `300`, `5m`, `1h` or `1d`.

    Raises:
        Problem: 422.
    """
    match = _BUCKET.fullmatch(bucket)
    seconds = int(match[1]) * _UNITS[match[2] or "s"] if match else 0
    if not 1 <= seconds <= _LONGEST_BUCKET_S:
        raise invalid("bucket", "must be seconds or a width such as 5m, 1h or 1d, at most 31d")
    return seconds


@router.get("/devices/{code}/readings", responses=described(Page[Reading], 404))
async def list_readings(
    *,
    code: DeviceCode,
    here: Here,
    who: Reader,
    begin: From = None,
    end: To = None,
    bucket: Annotated[
        str | None, Query(max_length=20, examples=["5m"], description="width, as 300, 5m, 1h, 1d")
    ] = None,
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """List readings by time, oldest first. Without `from`, the span ends at `to` (or now) and holds the newest 1000."""
    row = await find_row(here.database, who, code)
    check_span(begin, end)
    span = Span(row["id"], Kind(row["kind"]), begin, end)
    if bucket is None:
        return await raw(here.database.heavy_for(who), span, limit, cursor)
    return await bucketed(here.database.heavy_for(who), span, parse_bucket(bucket), limit, cursor)


class Span:
    """The readings of one device between two times."""

    def __init__(self, device: int, kind: Kind, begin: datetime | None, end: datetime | None) -> None:
        self.device, self.kind, self.begin, self.end = device, kind, begin, end

    def where(self) -> tuple[str, dict[str, object]]:
        """Return the condition, and what it binds."""
        clauses, values = ["device_id = :device"], {"device": self.device}
        found: dict[str, object] = dict(values)
        if self.begin is not None:
            clauses.append("ts >= :begin")
            found["begin"] = self.begin
        if self.end is not None:
            clauses.append("ts < :end")
            found["end"] = self.end
        return " and ".join(clauses), found


async def raw(reads: Reads, span: Span, limit: int, cursor: str | None) -> Response:
    """Answer readings as they came."""
    place = decode_cursor(cursor, datetime, int)
    fields = ", ".join(READING_FIELDS[span.kind])
    if place is None and span.begin is None:
        where, values = span.where()
        newest = await first(
            reads,
            f"select min(ts) as ts from (select ts from reading_{span.kind} where {where} order by ts desc limit 1000) n",  # noqa: S608, E501 - our own names
            **values,
        )
        span.begin = newest["ts"] if newest else None
    where, values = span.where()
    if place is not None:
        where += " and (ts, seq) > (:ts, :seq)"
        values |= {"ts": place[0], "seq": place[1]}
    rows = await reads.rows(
        f"select ts, seq, received_at, late, nullif(clock_behind, false) as clock_behind, {fields}, extra"  # noqa: S608 - ours
        f" from reading_{span.kind} where {where}"
        f" order by ts, seq limit {limit + 1}",
        **values,
    )
    items = [{name: value for name, value in dict(row).items() if value is not None} for row in rows]
    return page(items, limit, [(row["ts"], row["seq"]) for row in rows])


def _aggregates(kind: Kind, fields: list[str]) -> str:
    parts = []
    for name in fields:
        number = f"{name}::int" if name in _WHOLE[kind] else name
        parts.append(
            f"min({number}) as {name}_min, max({number}) as {name}_max, avg({number})::float8 as {name}_mean,"
            f" last({name}, ts) filter (where {name} is not null) as {name}_last"
        )
    return ", ".join(parts)


async def bucketed(reads: Reads, span: Span, width_s: int, limit: int, cursor: str | None) -> Response:
    """Answer buckets with min, max, mean and last of each field that the device ever sent."""
    place, width = decode_cursor(cursor, datetime), timedelta(seconds=width_s)
    where, values = span.where()
    if place is None and span.begin is None:
        newest = await first(reads, f"select max(ts) as ts from reading_{span.kind} where {where}", **values)  # noqa: S608
        if newest is None or newest["ts"] is None:
            return page([], limit, [])
        start = newest["ts"] - (newest["ts"] - _EPOCH) % width
        span.begin = start - width * (limit - 1)
    if place is not None:
        span.begin = place[0] + width
    where, values = span.where()
    seen = await first(reads, _QUERIES["fields_seen"], device=span.device)
    fields = [name for name in READING_FIELDS[span.kind] if seen is not None and name in seen["fields"]]
    if not fields:
        return page([], limit, [])
    rows = await reads.rows(
        f"select time_bucket(make_interval(secs => :width), ts) as bucket, {_aggregates(span.kind, fields)}"  # noqa: S608
        f" from reading_{span.kind} where {where} group by 1 order by 1 limit {limit + 1}",
        width=width_s,
        **values,
    )
    return page([_bucket(row, fields) for row in rows], limit, [(row["bucket"],) for row in rows])


def _bucket(row: Any, fields: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"ts": row["bucket"]}
    for name in fields:
        if row[f"{name}_max"] is not None:
            shown[name] = {part: row[f"{name}_{part}"] for part in ("min", "max", "mean", "last")}
    return shown
