"""Notices of fires to this browser while no page is open (Web Push): turned on and off by the person in the page.

`firetower push` sends them. What a browser says of itself is foreign input: an address that may not be called and a key
that nothing can be encrypted for are refused here, and the connection is checked again at every message.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.described import described
from services.api.request.problems import Problem, invalid
from services.api.request.roles import Who
from services.api.request.state import Here
from services.core.outbound import refusal_of_url
from services.core.push_keys import check_auth, check_point, to_bytes
from services.core.receivers import check_url
from services.core.statements import load_queries

SQL = load_queries(__file__)
router = APIRouter(prefix="/api/v1", tags=["session"])
_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"  # an example
MOST = 10  # browsers of one person; the oldest gives way


def _check_endpoint(value: str) -> str:
    parts = urlsplit(check_url(value))
    if parts.scheme != "https" or parts.username is not None or parts.fragment:
        raise ValueError("must be an https address without a name and password in it")
    return value


class Browser(BaseModel):
    """What the browser's PushSubscription says, and which language its page has."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint": "https://push.example/v1/abc",
                    "p256dh": _POINT,
                    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
                    "public_key": _POINT,
                    "language": "zh",
                }
            ]
        }
    )

    endpoint: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_check_endpoint)]
    p256dh: Annotated[str, StringConstraints(max_length=90), AfterValidator(check_point)]
    auth: Annotated[str, StringConstraints(max_length=30), AfterValidator(check_auth)]
    public_key: Annotated[str, StringConstraints(max_length=90)] = Field(description="ours, that it was made with")
    language: Literal["zh", "en"] = "zh"


class BrowserState(BaseModel):
    """Whether this browser is told of fires while no page is open."""

    offered: bool = Field(description="false: the operator opened no way out, so none is told")
    public_key: str | None = Field(description="what a browser subscribes with; base64url")
    on: bool
    language: str | None = Field(description="of the messages to it", examples=["zh"])
    last_at: str | None = Field(description="the newest message to it; null: none yet")
    accepted_at: str | None = Field(description="the newest one that its push service accepted")
    last_error: str | None = Field(description="why the newest one was not accepted")


def _browser_of(who: Who) -> bytes:
    if who.session is None or who.person_id is None:
        raise Problem(403, "forbidden", "a key has no browser")
    return who.session


@router.get("/session/push", responses=described(BrowserState))
async def show_browser(here: Here, who: Reader) -> Response:
    """Show whether this browser is told of fires while no page is open, and how that goes."""
    return answer(dict((await here.database.rows(SQL["browser"], session=_browser_of(who)))[0]))


@router.put("/session/push", status_code=204, responses=described(None, 409, status=204))
async def tell_browser(body: Browser, here: Here, who: Reader) -> Response:
    """Tell this browser of fires from now on, until it is signed out. A new one gets a message that says so."""
    session = _browser_of(who)
    why = refusal_of_url(body.endpoint, here.settings.subscription_networks)
    if why is not None:
        raise invalid("endpoint", why)
    async with here.database.writing() as connection:
        present = await connection.fetchval(SQL["public_key"])
        if present is None:
            raise Problem(409, "no_way_out", "FIRETOWER_WEB_PUSH_CONTACT is not set, so no push service is called")
        if present != body.public_key.rstrip("="):
            raise Problem(409, "other_key", "public_key: this is not the present key, subscribe with that one")
        await connection.execute(SQL["leave_to"], body.endpoint, session)
        fresh = await connection.fetchval(
            SQL["tell"],
            session, who.person_id, body.endpoint, to_bytes(body.p256dh), to_bytes(body.auth), present, body.language,
            here.clock.now(),
        )  # fmt: skip
        await connection.execute(SQL["bound"], who.person_id, MOST)
        if fresh:
            await connection.execute(SQL["audit"], here.clock.now(), who.actor, "session.push_on", who.name)
    return Response(status_code=204)


@router.delete("/session/push", status_code=204, responses=described(None, status=204))
async def leave_browser(here: Here, who: Reader) -> Response:
    """Tell this browser nothing more while no page is open."""
    session = _browser_of(who)
    async with here.database.writing() as connection:
        if await connection.fetchval(SQL["leave"], session):
            await connection.execute(SQL["audit"], here.clock.now(), who.actor, "session.push_off", who.name)
    return Response(status_code=204)
