"""What is not configured: devices that a rule cannot judge because a figure, or the field it reads, is missing."""

from collections import Counter
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.request.auth import Reader
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.paging import Cursor, Limit, Page, decode_cursor, page
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.core import water
from services.core.statements import load_queries
from services.core.topics import Kind

router = APIRouter(prefix="/api/v1", tags=["rules"])
QUERIES = load_queries(__file__)
_RULES = {Kind.HYDRANT: "hydrant_pressure_low", Kind.WATER: "water_level_low", Kind.ELECTRICAL: "overcurrent"}
_NO_RATED_CURRENT = water.Reason("no_rated_current", "未配置额定电流 rated_current_a", "rated_current_a is not set")


class NotConfigured(BaseModel):
    """A device that a rule cannot judge."""

    code: str = Field(examples=["w-0003"])
    kind: Kind
    name: str
    area: str
    rule: str = Field(description="the rule that cannot judge it", examples=["water_level_low"])
    missing: str = Field(examples=["no_limits"])
    text: str = Field(examples=[water.NO_LIMITS.text])
    text_en: str = Field(examples=[water.NO_LIMITS.text_en])


@router.get("/not-configured", responses=described(Page[NotConfigured]))
async def list_not_configured(
    *,
    here: Here,
    who: Reader,
    rule: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9_]+$", examples=["water_level_low"])] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the devices that a rule cannot judge, by code, with what is missing."""
    place = decode_cursor(cursor, str)
    found = await _read(here.database, who.scope, after=place[0] if place else "")
    items = [item for item in found if rule in {None, item["rule"]}]
    return page(items[: limit + 1], limit, [(item["code"],) for item in items[: limit + 1]])


async def count_not_configured(reads: Reads, scope: Scope) -> Counter[str]:
    """Return how many devices each rule cannot judge."""
    return Counter(item["rule"] for item in await _read(reads, scope, after=""))


async def _read(reads: Reads, scope: Scope, *, after: str) -> list[dict[str, Any]]:
    found = []
    for row in await reads.rows(QUERIES["suspects"], after=after, **scope.parameters()):
        kind = Kind(row["kind"])
        fields = row["fields"]
        missing = _NO_RATED_CURRENT if kind is Kind.ELECTRICAL else water.what_is_missing(kind, row["limits"], fields)
        if missing is not None:
            shown = {"code": row["code"], "kind": kind, "name": row["name"], "area": row["area"], "rule": _RULES[kind]}
            found.append({**shown, "missing": missing.code, "text": missing.text, "text_en": missing.text_en})
    return found
