"""`POST /api/v1/devices/import`: a ledger of devices from CSV or GeoJSON, all or nothing, with a dry run."""

import asyncio
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.registry.datum import Datum
from services.api.registry.import_faults import read_faults, with_faults
from services.api.registry.import_plan import ERRORS_SHOWN, make_plan
from services.api.registry.import_steps import finish, stage
from services.api.registry.sheet.doubts import LedgerWarning
from services.api.registry.sheet.form import check_lines, check_values, read_form
from services.api.registry.sheet.rows import LedgerError, LedgerRow, read_csv, read_geojson
from services.api.registry.sheet.text import UnreadableLedger, begins_json
from services.api.request.answers import answer
from services.api.request.described import described
from services.api.request.fields import Flag
from services.api.request.forms import FORM, FormTooLarge, UnreadableForm
from services.api.request.problems import Problem, invalid
from services.api.request.state import Here
from services.api.request.writing import Maintainer, Write

router = APIRouter(prefix="/api/v1", tags=["devices"])
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
    message_zh: str | None = Field(default=None, description="the same in Chinese, where there is one")


class LineWarning(BaseModel):
    """What a person should look at in one line: a place that is probably wrong, or a limit that no rule will read."""

    line: int
    field: str
    kind: Literal["zero", "swapped", "outside", "doubled", "no_limit"]
    message: str
    message_zh: str


class Change(BaseModel):
    """What becomes of one line."""

    line: int
    code: str
    action: str
    fields: dict[str, Any]


class ImportResult(BaseModel):
    """What was, or in a dry run would be, changed. The first 1000 changes, errors and warnings are shown."""

    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int = Field(description="accepted, and made impossible by something else before they were written")
    errors: list[LineError]
    warnings: list[LineWarning]
    changes: list[Change]
    import_id: int | None = Field(description="as in the audit; null where nothing was to be written")


async def _read(request: Request, datum: Datum | None) -> list[LedgerRow | LedgerError]:
    kind, raw = request.headers.get("content-type", ""), await request.body()
    try:
        return await asyncio.to_thread(_parse, kind, raw, datum)
    except FormTooLarge as error:
        raise Problem(413, "too_large", str(error)) from error
    except (UnreadableForm, UnreadableLedger) as error:
        raise Problem(422, "unreadable", str(error), errors=[{"field": "body", "message": str(error)}]) from error


def _parse(kind: str, raw: bytes, datum: Datum | None) -> list[LedgerRow | LedgerError]:
    """Read an upload to its end; in a thread, because it may take seconds."""
    if kind.lower().startswith(FORM):
        raw, kind, named = read_form(kind, raw)
        if named is not None and datum is None:
            try:
                datum = Datum(named)
            except ValueError:
                raise invalid("datum", f"must be one of {', '.join(Datum)}") from None
    if "json" in kind or begins_json(raw):
        check_values(raw)
        return list(read_geojson(raw, datum))
    check_lines(raw)
    return list(read_csv(raw, datum))


def _unaccepted(warnings: list[LedgerWarning], shown: list[dict[str, Any]]) -> Problem:
    first = warnings[0]
    detail = (
        f"{len(warnings)} lines are doubtful, nothing was stored; line {first.line}: {first.message}. "
        "Look at the warnings, then mend the file or send accept_warnings=true"
    )
    detail_zh = (
        f"{len(warnings)} 行存疑，未入库；第 {first.line} 行：{first.message_zh}。"
        "请核对后修改文件，或加 accept_warnings=true"
    )
    return Problem(409, "warnings_not_accepted", detail, detail_zh=detail_zh, warnings=shown)


@router.post(
    "/devices/import", responses=described(ImportResult, 409, 413), openapi_extra={"requestBody": {"content": _CONTENT}}
)
async def import_devices(
    *,
    request: Request,
    here: Here,
    writer: Maintainer,
    dry_run: Annotated[Flag, Query(description="say what would change, and change nothing")] = False,
    datum: Annotated[Datum | None, Query(description="of the coordinates, where a row names none; mandatory")] = None,
    accept_warnings: Annotated[bool, Query(description="store also what the preview warns of")] = False,
) -> Response:
    """Register or update devices from a ledger (CSV or GeoJSON). If one line is bad, nothing is stored.

    Places at 0, exchanged, far outside the county or doubled are warned of by line, and so are new columns named like a
    limit; nothing is stored until a person has looked at the warnings of a dry run and says `accept_warnings=true`.

    A good ledger is written some hundred rows at a time, so that nothing waits for it; what a restart interrupts goes
    on by itself. A row that something else made impossible meanwhile is counted in `failed`, named in `errors` and set
    aside.
    """
    read = await _read(request, datum)
    plan = await make_plan(here.database, writer.who.scope, read)
    result = plan.result(dry_run=dry_run)

    async def work(write: Write) -> Response:
        undated = [error for error in result["errors"] if error["field"] == "datum"]
        if undated or (result["errors"] and not dry_run):  # without a datum there is nothing to preview either
            first = (undated or result["errors"])[0]
            detail = f"{len(plan.errors)} lines are wrong, nothing was stored; line {first['line']}: {first['message']}"
            raise Problem(422, "bad_lines", detail, errors=result["errors"])
        if plan.warnings and not dry_run and not accept_warnings:
            raise _unaccepted(plan.warnings, result["warnings"])
        if not dry_run:
            import_id = await stage(write, plan.todo) if plan.todo else None
            await write.record("device.import", "", **plan.counts, import_id=import_id)
            return answer(result | {"import_id": import_id})
        return answer(result)

    response = await writer.perform(work)
    await finish(here.database, here.clock)
    shown = orjson.loads(response.body)  # of the first time, when the request is a repeat
    import_id = shown.get("import_id")
    if import_id is None or not (faults := await read_faults(here.database, import_id)):
        return response
    told = answer(with_faults(shown, faults, ERRORS_SHOWN))
    if "idempotency-replayed" in response.headers:
        told.headers["Idempotency-Replayed"] = "true"
    return told
