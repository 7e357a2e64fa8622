"""The catalogue of hazards: which codes there are, in words, with their usual grade and source."""

from fastapi import APIRouter
from starlette.responses import Response

from services.api.prevention.models import HazardKind
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.paging import Cursor, Limit, Page, page_of
from services.core.prevention.catalogue import KINDS

router = APIRouter(prefix="/api/v1", tags=["hazards"])


@router.get("/hazard-codes", responses=described(Page[HazardKind]))
async def list_hazard_codes(_who: Reader, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """List the kinds of hazards."""
    items = [
        {
            "code": kind.code, "title": kind.zh, "title_en": kind.en, "grade": kind.grade, "source": kind.source,
            "proposed": kind.proposed,
        }
        for kind in KINDS.values()
    ]  # fmt: skip
    return page_of(items, "code", limit, cursor)
