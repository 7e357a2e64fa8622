"""A device's readings: raw, or in buckets with min, max, mean and last of each field."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.measured.slices import OLDEST, newest_first, oldest_first
from services.api.registry.devices import find_row
from services.api.request.auth import Reader
from services.api.request.database import Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import DeviceCode, From, To, check_span
from services.api.request.paging import Cursor, Limit, Page, decode_cursor
from services.api.request.problems import invalid
from services.api.request.sheets import AsSheet
from services.api.request.state import Here
from services.core.clock import COUNTY
from services.core.contracts import READING_FIELDS, READING_MODELS
from services.core.fields import FIELD_RULES
from services.core.statements import load_queries
from services.core.topics import Kind

__all__ = ["router"]
router = APIRouter(prefix="/api/v1", tags=["readings"])
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BUCKET = re.compile(r"([1-9][0-9]{0,6})([smhd]?)", re.ASCII)
_LONGEST_BUCKET_S = 31 * 86_400
_QUERIES = load_queries(__file__)
Part = tuple[list[dict[str, Any]], list[tuple[Any, ...]]]  # items and their places in the order
_EPOCH = datetime(2000, 1, 3, tzinfo=COUNTY)  # a Monday: buckets of days and weeks are those of the county
_OF_SPAN = "device_id = :device and ts >= :begin and ts < :end"
_AFTER = f"{_OF_SPAN} and (ts, seq) > (:ts, :seq)"
_SHORTEST, _LONGEST = timedelta(days=1), timedelta(days=64)  # of the first slice of a list
_LARGEST_OF_A_MEAN = 1e150  # the database keeps the squares beside the sum: what is larger overflows, and all fails
_GAPS = 1.25  # some readings are missing, or late
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


@router.get("/devices/{code}/readings", responses=described(Page[Reading], 404, sheet=True))
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
    sheet: AsSheet,
) -> Response:
    """List readings by time, oldest first. Without `from`, the span ends at `to` (or now) and holds the newest 1000."""
    row = await find_row(here.database, who, code)
    check_span(begin, end)
    interval = timedelta(seconds=row["expected_interval_s"])
    span = Span(row["id"], Kind(row["kind"]), begin, end, interval, here.clock.now())
    reads, columns = here.database.heavy_for(who), ["ts"]
    if bucket is None:
        items, keys = await raw(reads, span, limit, cursor)
        columns += ["seq", "received_at", "late", *READING_FIELDS[span.kind]]
    else:
        items, keys = await bucketed(reads, span, parse_bucket(bucket), limit, cursor)
    return sheet.page(items, limit, keys, name=f"{code}-readings", columns=columns)


@dataclass(slots=True)
class Span:
    """The readings of one device between two times. `interval` is how often it should report."""

    device: int
    kind: Kind
    begin: datetime | None
    end: datetime | None
    interval: timedelta
    now: datetime

    def width_of(self, readings: int) -> timedelta:
        """Return in how long so many readings are expected."""
        return min(max(self.interval * readings * _GAPS, _SHORTEST), _LONGEST)


async def _newest(reads: Reads, span: Span, count: int, near: datetime | None) -> Sequence[Row]:
    """Return the times of the newest readings, the newest first."""

    async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Row]:
        return await reads.rows(
            f"select ts from reading_{span.kind} where {_OF_SPAN} order by ts desc limit :most",  # noqa: S608 - ours
            device=span.device, begin=begin, end=end, most=most,
        )  # fmt: skip

    near, width = near or span.now, span.width_of(count)
    return await newest_first(ask, span.begin, span.end, enough=count, width=width, near=near)


async def raw(reads: Reads, span: Span, limit: int, cursor: str | None) -> Part:
    """Return up to `limit` + 1 readings as they came."""
    place = decode_cursor(cursor, datetime, int)
    fields = ", ".join(READING_FIELDS[span.kind])
    begin = span.begin if place is None else place[0]
    if begin is None:
        seen = await first(reads, _QUERIES["seen"], device=span.device)
        newest = await _newest(reads, span, 1000, seen["ts"] if seen else None)
        if not newest:
            return [], []
        begin = newest[-1]["ts"]
    where, after = (_OF_SPAN, {}) if place is None else (_AFTER, {"ts": place[0], "seq": place[1]})

    async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Row]:
        return await reads.rows(
            f"select ts, seq, received_at, late, nullif(clock_behind, false) as clock_behind, {fields}, extra"  # noqa: S608 - ours
            f" from reading_{span.kind} where {where} order by ts, seq limit :most",
            device=span.device, begin=begin, end=end, most=most, **after,
        )  # fmt: skip

    width = span.width_of(limit + 1)
    rows = await oldest_first(ask, max(begin, OLDEST), span.end, enough=limit + 1, width=width, now=span.now)
    items = [{name: value for name, value in dict(row).items() if value is not None} for row in rows]
    return items, [(row["ts"], row["seq"]) for row in rows]


def _aggregates(kind: Kind, fields: list[str]) -> str:
    parts = []
    for name in fields:
        number = f"{name}::int" if name in _WHOLE[kind] else name
        mean = f"avg({number})"
        if name not in _WHOLE[kind] and FIELD_RULES[kind][name].high > _LARGEST_OF_A_MEAN:
            mean += f" filter (where {name} between -{_LARGEST_OF_A_MEAN} and {_LARGEST_OF_A_MEAN})"
        parts.append(
            f"min({number}) as {name}_min, max({number}) as {name}_max, {mean}::float8 as {name}_mean,"
            f" last({name}, ts) filter (where {name} is not null) as {name}_last"
        )
    return ", ".join(parts)


async def bucketed(reads: Reads, span: Span, width_s: int, limit: int, cursor: str | None) -> Part:
    """Return up to `limit` + 1 buckets with min, max, mean and last of each field that the device ever sent."""
    place, width = decode_cursor(cursor, datetime), timedelta(seconds=width_s)
    seen = await first(reads, _QUERIES["seen"], device=span.device)
    fields = [name for name in READING_FIELDS[span.kind] if seen is not None and name in seen["fields"]]
    if seen is None or not fields:
        return [], []
    if place is not None:
        span.begin = place[0] + width
    elif span.begin is None:
        newest = await _newest(reads, span, 1, seen["ts"])
        if not newest:
            return [], []
        span.begin = _start_of(newest[0]["ts"], width) - width * (limit - 1)
    earliest = max(span.begin, OLDEST)

    async def ask(begin: datetime, end: datetime, most: int) -> Sequence[Row]:
        return await reads.rows(
            "select time_bucket(make_interval(secs => :width), ts, cast(:origin as timestamptz)) as bucket,"  # noqa: S608
            f" {_aggregates(span.kind, fields)} from reading_{span.kind}"
            f" where {_OF_SPAN} group by 1 order by 1 limit :most",
            width=width_s, origin=_EPOCH, device=span.device, begin=max(begin, earliest), end=end, most=most,
        )  # fmt: skip

    # slices begin where buckets do, so that none is cut
    begin, slice_width = _start_of(earliest, width), width * (limit + 1)
    rows = await oldest_first(ask, begin, span.end, enough=limit + 1, width=slice_width, now=span.now)
    return [_bucket(row, fields) for row in rows], [(row["bucket"],) for row in rows]


def _start_of(at: datetime, width: timedelta) -> datetime:
    """Return when the bucket of `at` begins."""
    return at - (at - _EPOCH) % width


def _bucket(row: Any, fields: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"ts": row["bucket"]}
    for name in fields:
        if row[f"{name}_max"] is not None:
            shown[name] = {part: row[f"{name}_{part}"] for part in ("min", "max", "mean", "last")}
            if shown[name]["mean"] is not None:  # sums are rounded: of a hundred times 0.1 it is a little less
                shown[name]["mean"] = min(max(shown[name]["mean"], shown[name]["min"]), shown[name]["max"])
    return shown
