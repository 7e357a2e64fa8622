"""`POST /api/v1/devices/import`: a ledger of devices from CSV or GeoJSON, all or nothing, with a dry run."""

import asyncio
from email.parser import BytesParser
from email.policy import HTTP
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.api.answers import answer, described
from services.api.datum import Datum
from services.api.device_write import changes_of, columns_of, write_row
from services.api.ledger_file import LedgerError, LedgerRow, UnreadableLedger, read_csv, read_geojson
from services.api.problems import Problem, invalid
from services.api.writing import Maintainer, Write

router = APIRouter(prefix="/api/v1", tags=["devices"])
_ERRORS_SHOWN = 1000
_CHANGES_SHOWN = 1000
_CONTENT = {
    "text/csv": {
        "schema": {"type": "string"},
        "example": "code,kind,area,name,lon,lat\nh-1,hydrant,140931100,府前街 12 号,111.0911,39.0202\n",
    },
    "application/geo+json": {"schema": {"type": "object"}},
    "multipart/form-data": {
        "schema": {"type": "object", "properties": {"file": {"type": "string"}, "datum": {"type": "string"}}}
    },
}  # fmt: skip


class LineError(BaseModel):
    """What is wrong in one line."""

    line: int
    field: str
    message: str


class Change(BaseModel):
    """What becomes of one line."""

    line: int
    code: str
    action: str
    fields: dict[str, Any]


class ImportResult(BaseModel):
    """What was, or in a dry run would be, changed. The first 1000 changes and errors are shown."""

    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    errors: list[LineError]
    changes: list[Change]


async def _read(request: Request, datum: Datum | None) -> list[LedgerRow | LedgerError]:
    kind = request.headers.get("content-type", "")
    raw = await request.body()
    if kind.lower().startswith("multipart/form-data"):
        raw, kind, named = _parts(kind, raw)
        if named is not None and datum is None:
            try:
                datum = Datum(named)
            except ValueError:
                raise invalid("datum", f"must be one of {', '.join(Datum)}") from None
    looks_json = "json" in kind or raw.lstrip()[:1] == b"{"
    read = read_geojson if looks_json else read_csv
    try:
        return await asyncio.to_thread(lambda: list(read(raw, datum)))
    except UnreadableLedger as error:
        raise Problem(422, "unreadable", str(error), errors=[{"field": "body", "message": str(error)}]) from error


def _parts(kind: str, raw: bytes) -> tuple[bytes, str, str | None]:
    """Return the file of a form, its type, and the form's `datum`."""
    if "boundary=" not in kind:
        raise invalid("body", "the form has no boundary")
    head = b"Content-Type: " + kind.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + raw)
    file, file_kind, datum = b"", "", None
    for part in message.iter_parts() if message.is_multipart() else ():
        payload = part.get_payload(decode=True)
        body = payload if isinstance(payload, bytes) else b""
        if part.get_param("name", header="content-disposition") == "datum":
            datum = body.decode("utf-8", "replace").strip()
        elif part.get_filename() is not None or not file:
            file, file_kind = body, f"{part.get_content_type()} {part.get_filename()}"
    return file, file_kind, datum


@router.post(
    "/devices/import", responses=described(ImportResult, 413), openapi_extra={"requestBody": {"content": _CONTENT}}
)
async def import_devices(
    request: Request,
    writer: Maintainer,
    dry_run: Annotated[bool, Query(description="say what would change, and change nothing")] = False,
    datum: Annotated[Datum | None, Query(description="of the coordinates, where a row names none; mandatory")] = None,
) -> Response:
    """Register or update devices from a ledger (CSV or GeoJSON). One bad line, and nothing is stored."""
    read = await _read(request, datum)

    async def work(write: Write) -> Response:
        result = await _apply(write, read, dry_run=dry_run)
        undated = [error for error in result["errors"] if error["field"] == "datum"]
        if undated or (result["errors"] and not dry_run):  # without a datum there is nothing to show either
            first = (undated or result["errors"])[0]
            detail = (
                f"{len(result['errors'])} lines are wrong, nothing was stored; line {first['line']}: {first['message']}"
            )
            raise Problem(422, "bad_lines", detail, errors=result["errors"][:_ERRORS_SHOWN])
        return answer(result)

    return await writer.perform(work)


async def _apply(write: Write, read: list[LedgerRow | LedgerError], *, dry_run: bool) -> dict[str, Any]:
    rows = [row for row in read if isinstance(row, LedgerRow)]
    errors = [one for one in read if isinstance(one, LedgerError)]
    known = await _Known.load(write.connection, rows)
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    shown: list[dict[str, Any]] = []
    todo = []
    seen: set[str] = set()
    for row in rows:
        before = known.devices.get(row.code)
        values = columns_of(row.body)
        fault = known.fault(write, row, values, before, again=row.code in seen)
        seen.add(row.code)
        if fault is not None:
            errors.append(fault)
            continue
        changes = changes_of(values, before)
        action = "created" if before is None else "updated" if changes else "unchanged"
        counts[action] += 1
        if changes and len(shown) < _CHANGES_SHOWN:
            action_shown = "create" if before is None else "update"
            shown.append({"line": row.line, "code": row.code, "action": action_shown, "fields": changes})
        if changes:
            todo.append((row.code, before, changes))
    if not dry_run and not errors:
        for code, before, changes in todo:
            await write_row(write, code, before, changes)
        await write.record("device.import", "", **counts)
    errors.sort(key=lambda error: error.line)
    lines = [{"line": one.line, "field": one.field, "message": one.message} for one in errors[:_ERRORS_SHOWN]]
    return {"dry_run": dry_run, "rows": len(read), **counts, "errors": lines, "changes": shown}


class _Known:
    """What the rows refer to, read once."""

    def __init__(self) -> None:
        self.devices: dict[str, asyncpg.Record] = {}
        self.areas: set[str] = set()
        self.sites: dict[int, str] = {}
        self.addresses: dict[str, str] = {}

    @classmethod
    async def load(cls, connection: asyncpg.Connection, rows: list[LedgerRow]) -> "_Known":
        known = cls()
        codes = [row.code for row in rows]
        found = await connection.fetch(
            "select * from device where code = any($1::text[]) order by id for update", codes
        )
        known.devices = {row["code"]: row for row in found}
        known.areas = {row["code"] for row in await connection.fetch("select code from area")}
        known.sites = {row["id"]: row["area"] for row in await connection.fetch("select id, area from site")}
        taken = await connection.fetch("select gateway_address, code from device where gateway_address is not null")
        known.addresses = {row["gateway_address"]: row["code"] for row in taken}
        return known

    def fault(
        self, write: Write, row: LedgerRow, values: dict[str, Any], before: asyncpg.Record | None, *, again: bool
    ) -> LedgerError | None:
        """Return why the row cannot be stored, or None."""
        scope, area = write.who.scope, values.get("area")
        if again:
            return LedgerError(row.line, "code", f"{row.code} stands in the file twice")
        if before is None and ("kind" not in values or area is None):
            return LedgerError(row.line, "kind" if "kind" not in values else "area", "is needed to register a device")
        if area is not None and area not in self.areas:
            return LedgerError(row.line, "area", f"there is no area {area}; register it first")
        if (area is not None and not scope.covers(area)) or (before is not None and not scope.covers(before["area"])):
            return LedgerError(row.line, "area", "your account does not cover it")
        site = values.get("site_id")
        if site is not None and not (site in self.sites and scope.covers(self.sites[site])):
            return LedgerError(row.line, "site", f"there is no site {site}")
        address = values.get("gateway_address")
        if address is not None and self.addresses.setdefault(address, row.code) != row.code:
            return LedgerError(row.line, "gateway_address", "another device has this address")
        return None
