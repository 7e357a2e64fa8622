"""What a township's relay asks and tells: which readings are stored here, and how it does (contract 10).

Only the key that was made with a township may call. Events need nothing of this: `down/ack` names them.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.request.answers import answer
from services.api.request.database import Inside, Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT, DeviceCode, Line, Moment, Words
from services.api.request.problems import Problem
from services.api.request.roles import Who
from services.api.request.state import Here
from services.api.request.writing import Actor, Write
from services.core.contracts import SEQ_MODULUS
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)
STORED = {kind: SQL["stored"].replace("{table}", f"reading_{kind}") for kind in Kind}
MOST_ROWS = 2_000
_FIRST_US, _LAST_US = 0, 7_258_118_400_000_000  # the years 1970 to 2199

router = APIRouter(prefix="/api/v1/relay", tags=["townships"])
Seconds = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Key = tuple[
    Kind,
    DeviceCode,
    Annotated[int, Field(ge=_FIRST_US, le=_LAST_US)],
    Annotated[int, Field(ge=0, lt=SEQ_MODULUS)],
    Annotated[str, Field(pattern="^([0-9a-f]{64})?$")],
]


class RelayReport(BaseModel):
    """How a township's relay does. Ages, because two systems' clocks need not agree."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"version": "1.4.0", "backlog_rows": 12, "backlog_s": 0.4, "heard_until_s": 1.2, "heard_since_s": 86400}
            ]
        }
    )

    version: Line
    backlog_rows: Annotated[int, Field(ge=0, le=BIGINT)]
    backlog_s: Seconds
    heard_until_s: Seconds | None = Field(
        default=None, description="how long ago it was that it had heard its devices, and we had all of it"
    )
    heard_since_s: Seconds | None = Field(default=None, description="how long ago its last gap in hearing ended")


class ReadingsAsked(BaseModel):
    """Readings that a relay sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rows": [["hydrant", "h-0001", 1795879615434000, 17, ""]]}]}
    )

    rows: Annotated[list[Key], Field(max_length=MOST_ROWS)] = Field(
        description="kind, device, ts in microseconds since 1970, seq; SHA-256 of the message where it was alone in one"
    )


class ReadingsFound(BaseModel):
    """What became of them, by their places in the request; all others are stored."""

    missing: list[int]
    refused: list[int] = Field(description="they stand among the rejects")


class CommandReply(BaseModel):
    """What became of a command that went down to a township."""

    id: UUID
    state: Literal["replied", "late", "failed"]
    replied_at: Moment | None = None
    reply: dict[str, Any] | None = None
    error: Words | None = None


class CommandReplies(BaseModel):
    """What became of commands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "replies": [
                        {
                            "id": "0b6f3f0e-6c0a-4d6a-9d3e-3b8a6c2f1a55",
                            "state": "replied",
                            "replied_at": "2026-11-29T08:00:12Z",
                            "reply": {"type": "guard_reply"},
                        }
                    ]
                }
            ]
        }
    )

    replies: Annotated[list[CommandReply], Field(max_length=100)]


async def require_township(reads: Reads, who: Who) -> Row:
    """Return the township whose relay asks.

    Raises:
        Problem: 403, nobody else may.
    """
    row = await first(reads, SQL["township_of_key"], key=who.key)
    if row is None:
        raise Problem(403, "not_a_relay", "only the key that was made with a township may ask this")
    return row


@router.post("/readings", responses=described(ReadingsFound))
async def find_readings(body: ReadingsAsked, here: Here, writer: Actor) -> Response:
    """Tell which readings of a township are stored here. A relay's cursor moves only behind these."""
    await require_township(here.database, writer.who)
    missing: dict[int, Any] = dict(enumerate(body.rows))
    for kind in Kind:
        of_kind = [(place, row) for place, row in enumerate(body.rows) if row[0] == kind]
        if of_kind:
            places, codes, times, seqs = zip(*((place, row[1], row[2], row[3]) for place, row in of_kind), strict=True)
            found = await here.database.rows(
                STORED[kind], places=list(places), codes=list(codes), times=list(times), seqs=list(seqs),
                first=min(times), last=max(times),
            )  # fmt: skip
            for row in found:
                missing.pop(row["place"], None)
    refused: list[int] = []
    alone = [(place, row[1], row[4]) for place, row in missing.items() if row[4]]
    if alone:
        places, codes, digests = zip(*alone, strict=True)
        since = here.clock.now() - timedelta(days=1)
        rows = await here.database.rows(
            SQL["refused"], places=list(places), codes=list(codes), digests=list(digests), since=since
        )
        refused = sorted({row["place"] for row in rows})
    return answer({"missing": [place for place in missing if place not in refused], "refused": refused})


@router.post("/report", status_code=204, responses=described(None, status=204))
async def take_report(body: RelayReport, writer: Actor) -> Response:
    """Note how a township's relay does: it was heard."""

    async def work(write: Write) -> Response:
        township = await require_township(Inside(write.connection), write.who)
        until, since = (_before(write.now, age) for age in (body.heard_until_s, body.heard_since_s))
        await write.connection.execute(
            SQL["report"], township["name"], write.now, body.version, body.backlog_rows, body.backlog_s, until, since
        )
        return Response(status_code=204)

    return await writer.perform(work)


def _before(now: datetime, age_s: float | None) -> datetime | None:
    return None if age_s is None else now - timedelta(seconds=max(0.0, age_s))


@router.post("/commands", status_code=204, responses=described(None, status=204))
async def take_replies(body: CommandReplies, writer: Actor) -> Response:
    """Note what a township says of commands to its devices; a reply that came as an event is there already."""

    async def work(write: Write) -> Response:
        await require_township(Inside(write.connection), write.who)
        for one in body.replies:
            await write.connection.execute(
                SQL["command_reply"], one.id, one.state, one.replied_at, one.reply, one.error,
                list(write.who.scope.areas),
            )  # fmt: skip
        return Response(status_code=204)

    return await writer.perform(work)
