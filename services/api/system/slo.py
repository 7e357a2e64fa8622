"""The legal clocks and the loss accounting, as they were in the last hours."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.auth import Watcher
from services.api.request.database import Reads
from services.api.request.described import described
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.core.statements import load_queries

router = APIRouter(prefix="/api/v1", tags=["system"])
QUERIES = load_queries(__file__)
LONGEST = timedelta(hours=744)
"""As far as the hours reach. Ingest's log is kept a day longer."""
_OF_LOG = "event_to_commit"  # the clock that only ingest's log can tell
_HOUR = timedelta(hours=1)
_KEPT_S = 2.0  # how long an answer is reused (longer when a day's log is long), because every screen asks


class ClockShown(BaseModel):
    """A measured clock against its limit."""

    name: str = Field(examples=["report_to_visible"])
    limit_s: float
    count: int
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    breaches: int


class Loss(BaseModel):
    """What came and did not come. `stored` is shown to the whole county only."""

    gaps: int
    duplicates: int
    late: int
    rejects: int
    restarts: int
    stored: int | None = None


class Slo(BaseModel):
    """Legal clocks and loss accounting."""

    hours: int
    clocks: list[ClockShown]
    loss: Loss
    loss_total: Loss


@router.get("/slo", responses=described(Slo))
async def show_slo(here: Here, who: Watcher, hours: Annotated[int, Query(ge=1, le=LONGEST // _HOUR)] = 24) -> Response:
    """Show the legal clocks (p50, p95, p99, breaches) and the loss accounting of the last hours."""

    async def read() -> dict[str, Any]:
        return await _read(here.database, who.scope, hours, here.clock.now())

    return answer(await here.kept.get(("slo", who.scope.areas, hours), _KEPT_S, here.clock, read))


async def read_clocks(
    reads: Reads, scope: Scope, since: datetime, until: datetime, *, of_log: bool = True
) -> list[dict[str, Any]]:
    """Return the legal clocks of what happened between two moments in the areas of `scope`.

    Without `of_log` the one that ingest's log tells is left out: half a month of it would be taken for the whole.
    """
    rows = await reads.rows(QUERIES["clocks"], since=since, until=until, **scope.parameters())
    return [{**row, "limit_s": float(row["limit_s"])} for row in rows if of_log or row["name"] != _OF_LOG]


async def _read(reads: Reads, scope: Scope, hours: int, now: datetime) -> dict[str, Any]:
    since, parameters = now - timedelta(hours=hours), scope.parameters()
    clocks = await read_clocks(reads, scope, since, now)
    loss = dict((await reads.rows(QUERIES["loss"], since=since, until=now, **parameters))[0])
    total = dict((await reads.rows(QUERIES["loss_total"], **parameters))[0])
    if scope.county:
        loss["stored"] = (await reads.rows(QUERIES["stored"], since=since))[0]["stored"]
    return {"hours": hours, "clocks": clocks, "loss": loss, "loss_total": total}
