"""Who is on call now and next: the rota's turns, of the contacts that one may see."""

from datetime import timedelta
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.policy.policies import read_all
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Allowed
from services.api.request.described import described
from services.api.request.roles import Permission, Who
from services.api.request.state import Here
from services.core.alarms import rota
from services.core.clock import rfc3339

router = APIRouter(prefix="/api/v1", tags=["contacts"])
Caller = Annotated[Who, Depends(Allowed(Permission.OPERATE))]
_MOST_CONTACTS = 1000
_contact = tables.contact.c


class OnCallTurn(BaseModel):
    """Who of the rota is on call from one moment to another, by id; who stands in no shift is on call besides."""

    model_config = ConfigDict(populate_by_name=True)

    begin: str = Field(alias="from")
    to: str
    contacts: list[int]


class OnCall(BaseModel):
    """Who is on call. Nobody at all: everybody who is enabled is called."""

    now: str
    on_call: list[int] = Field(description="on call now, by id")
    always: list[int] = Field(description="on call at all times: they stand in no shift")
    turns: list[OnCallTurn] = Field(description="of those who stand in a shift, from now on, in order")


@router.get("/on-call", responses=described(OnCall))
async def show_on_call(here: Here, who: Caller, days: Annotated[int, Query(ge=1, le=31)] = 8) -> Response:
    """Show who is on call now and in the days to come."""
    statement = sa.select(_contact.id).where(_contact.enabled, who.scope.clause(_contact.area)).order_by(_contact.id)
    enabled = [row["id"] for row in await here.database.rows(statement.limit(_MOST_CONTACTS))]
    policies = {policy["name"]: policy["body"] for policy in await read_all(here.database, who)}
    now = here.clock.now()
    body = policies["rota"]
    seen = frozenset(enabled)
    return answer(
        {
            "now": rfc3339(now),
            "on_call": sorted(rota.on_call(body, seen, now)),
            "always": sorted(seen - rota.rostered(body)),
            "turns": [
                {"from": rfc3339(turn.begin), "to": rfc3339(turn.end), "contacts": sorted(turn.contacts & seen)}
                for turn in rota.turns(body, now, now + timedelta(days=days))
            ],
        }
    )
