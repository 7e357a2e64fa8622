"""The chart of an early warning: what its device measured, what was expected of it, and what its neighbours did."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.api.alarms.documents import select_alarms
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader
from services.api.request.database import Reads, Row, first
from services.api.request.described import described
from services.api.request.fields import BIGINT
from services.api.request.problems import not_found
from services.api.request.scope import Scope
from services.api.request.state import Here
from services.core.clock import rfc3339
from services.core.statements import load_queries

SQL = load_queries(__file__)
router = APIRouter(prefix="/api/v1", tags=["alarms"])
Quantity = Literal["pressure", "water_temperature", "residual_current", "temperature"]
_QUANTITIES: Final[Mapping[str, Quantity]] = {
    "freeze_forecast": "water_temperature", "insulation_ageing": "residual_current", "joint_heating": "temperature",
}  # fmt: skip
_BEFORE, _AFTER = timedelta(hours=6), timedelta(hours=2)
_LONGEST = timedelta(days=31)
_STEP = timedelta(minutes=5)
_POINTS: Final = 400
_PEERS: Final = 4
_BAND: Final = 3.0  # own deviations on either side


class Peer(BaseModel):
    """Another device of the event, or the nearest of the same kind."""

    device: str
    name: str
    seen: list[float | None]


class Expectation(BaseModel):
    """Columns of one length: a value, or null, at each time of `at`; each is the mean of the `step_s` that follow."""

    code: str
    quantity: Quantity
    unit: str
    since: str
    until: str | None = Field(description="null: it stands")
    device: str | None = Field(description="whom `seen` and `expected` are of; null: it may not be seen")
    step_s: int
    at: list[str]
    seen: list[float | None]
    expected: list[float | None] = Field(description="null where it was not kept: before the sixth hour before")
    low: list[float | None] = Field(description="three own deviations below what was expected")
    high: list[float | None]
    peers: list[Peer]


@router.get("/alarms/{id}/expectation", responses=described(Expectation, 404))
async def show_expectation(
    alarm_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], here: Here, who: Reader
) -> Response:
    """Show what an early warning saw against what was expected, from 6 h before it until 2 h after, with its peers."""
    reads = here.database
    alarm = await first(reads, select_alarms(who.scope).where(tables.alarm.c.id == alarm_id))
    if alarm is None or not who.scope.covers(alarm["area"]):
        raise not_found(f"alarm {alarm_id}")
    warning = await first(reads, SQL["warning"], alarm=alarm_id)
    if warning is None:
        raise not_found(f"an early warning of alarm {alarm_id}")
    subject, peers = await _devices(reads, who.scope, warning)
    span = _Span(warning, here.clock.now())
    quantity = _QUANTITIES.get(warning["code"], "pressure")
    shown = [*([] if subject is None else [subject]), *peers]
    ids = [device["id"] for device in shown]
    rows = await here.database.heavy_for(who).rows(SQL[quantity], devices=ids, **span.parameters) if ids else []
    seen = {(row["device_id"], row["at"]): row["seen"] for row in rows}
    expected: dict[datetime, Row] = {}
    if subject is not None:
        kept = await reads.rows(SQL["expected"], device=subject["id"], quantity=quantity, **span.parameters)
        expected = {row["at"]: row for row in kept}
    times = sorted({at for _, at in seen} | expected.keys())

    def measured(device: Row) -> list[float | None]:
        return [_rounded(seen.get((device["id"], at))) for at in times]

    def band(deviations: float) -> list[float | None]:
        found = [expected.get(at) for at in times]
        return [None if one is None else _rounded(one["expected"] + deviations * one["spread"]) for one in found]

    return answer(
        {
            "code": warning["code"],
            "quantity": quantity,
            "unit": warning["unit"],
            "since": rfc3339(warning["began_at"]),
            "until": None if warning["ended_at"] is None else rfc3339(warning["ended_at"]),
            "device": None if subject is None else subject["code"],
            "step_s": int(span.step.total_seconds()),
            "at": [rfc3339(at) for at in times],
            "seen": [None] * len(times) if subject is None else measured(subject),
            "expected": band(0),
            "low": band(-_BAND),
            "high": band(_BAND),
            "peers": [{"device": one["code"], "name": one["name"] or "", "seen": measured(one)} for one in peers],
        }
    )


class _Span:
    """The time that is shown, and how wide its steps are."""

    def __init__(self, warning: Row, now: datetime) -> None:
        self.until = min(now, (warning["ended_at"] or now) + _AFTER)
        self.begin = max(warning["began_at"] - _BEFORE, self.until - _LONGEST)
        self.step = _STEP * max(1, ceil((self.until - self.begin) / _STEP / _POINTS))

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statements ask of it."""
        return {"begin": self.begin, "until": self.until, "width": self.step}


async def _devices(reads: Reads, scope: Scope, warning: Row) -> tuple[Row | None, Sequence[Row]]:
    """Return the device that the warning is most about, and its peers, as far as they may be seen."""
    codes = [warning["device"]] if warning["device"] is not None else warning["members"][: 1 + _PEERS]
    found = await reads.rows(SQL["devices"], codes=codes, **scope.parameters())
    by_code = {row["code"]: row for row in found}
    subject = by_code.get(codes[0]) if codes else None
    if subject is None or len(codes) > 1:
        return subject, [by_code[code] for code in codes[1:] if code in by_code]
    if subject["kind"] != "hydrant":  # circuits have nothing in common with those beside them
        return subject, []
    return subject, await reads.rows(SQL["neighbours"], device=subject["id"], **scope.parameters())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
