"""Says whether the program lives, is ready, and how it fares. Public, but for the metrics."""

import asyncio

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.described import PROBLEM_CONTENT
from services.api.request.problems import render
from services.api.request.state import Here
from services.core import db
from services.core.statements import load_queries

SQL = load_queries(__file__)

router = APIRouter(tags=["health"])
_PATIENCE_S = 2.0


class Health(BaseModel):
    """The program answers."""

    status: str = Field(examples=["ok"])


@router.get("/healthz", responses={200: {"model": Health}}, openapi_extra={"security": []})
async def healthz() -> Response:
    """Say that the program lives; asks nobody else."""
    return answer({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        200: {"model": Health},
        503: {"description": "The database does not answer", "content": PROBLEM_CONTENT},
    },
    openapi_extra={"security": []},
)
async def readyz(here: Here) -> Response:
    """Say whether requests can be served: the database answers and has our tables."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await here.database.rows(SQL["is_ready"])
    except db.AWAY:
        db.pass_on_cancel()
        return render(503, "database_away", "the database does not answer", {"Retry-After": "2"})
    return answer({"status": "ready"})


@router.get("/metrics", include_in_schema=False)
async def metrics(_request: Request) -> Response:
    """Answer Prometheus: on loopback, or with a key (the gate sees to it)."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
