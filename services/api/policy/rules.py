"""Rules: what raises and clears an alarm, with the numbers in force and who changed them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.api.policy.not_configured import count_not_configured
from services.api.registry.models import Number
from services.api.request import tables
from services.api.request.answers import answer
from services.api.request.auth import Reader, require_county
from services.api.request.database import Inside, Reads
from services.api.request.described import described
from services.api.request.fields import BIGINT, Line, Moment
from services.api.request.paging import Cursor, Limit, Page, page_of
from services.api.request.problems import Problem, invalid, not_found
from services.api.request.roles import Who
from services.api.request.state import Here
from services.api.request.writing import AdministratorWriter, Write
from services.core.rules.catalog import RULES
from services.core.rules.parameters import faults_of
from services.core.rules.rule import Rule as RuleData
from services.core.rules.trials import TRIED
from services.core.statements import load_queries
from services.core.topics import Kind

SQL = load_queries(__file__)

router = APIRouter(prefix="/api/v1", tags=["rules"])
RuleCode = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,64}$", examples=["hydrant_pressure_low"])]
_TELL_ALERTS = SQL["tell_alerts"]  # as with a change of a device, it counts for the next reading
_parameter = tables.rule_parameter.c


class RuleParameter(BaseModel):
    """One number of a rule."""

    default: float
    unit: str
    source: str
    least: float
    most: float
    whole: bool = Field(description="only whole numbers")


class Override(BaseModel):
    """Numbers that hold for all, a kind, an area or a device from a time on. The narrowest wins, then the newest."""

    id: int
    scope: Literal["all", "kind", "area", "device"]
    target: str
    parameters: Any = Field(description="numbers by name, as stored", examples=[{"static_mpa": 0.16}])
    effective_from: str
    created_by: str
    created_at: str
    faults: list[str] = Field(
        description="what is stored and cannot be used: the nearest bound counts instead, what is no number does not"
    )


class Rule(BaseModel):
    """A rule with its numbers."""

    code: str
    kinds: list[str]
    category: str
    severity: str
    title: str
    raises: str
    clears: str
    parameters: dict[str, RuleParameter]
    overrides: list[Override]
    tried: bool = Field(description="whether its numbers can be tried on stored readings: POST /rules/{code}/trials")
    not_configured: int = Field(
        description="devices that the rule cannot judge because a figure of theirs is missing: GET /not-configured"
    )


class OverridePut(BaseModel):
    """Numbers for all, a kind, an area (a code; covers what begins with it) or a device."""

    model_config = ConfigDict(
        extra="forbid",  # without its scope a number counts for all
        json_schema_extra={"examples": [{"scope": "area", "target": "140931100", "parameters": {"static_mpa": 0.16}}]},
    )

    scope: Literal["all", "kind", "area", "device"] = "all"
    target: Line = ""
    parameters: dict[Line, Number] = Field(max_length=20)
    effective_from: Moment | None = None


async def read_rules(reads: Reads, who: Who) -> list[dict[str, Any]]:
    """Return every rule with the overrides one may see."""
    devices = tables.device.c
    targets = sa.and_(_parameter.scope == "device", devices.code == _parameter.target)
    statement = sa.select(tables.rule_parameter, devices.area).outerjoin(tables.device, targets)
    rows = await reads.rows(statement.order_by(_parameter.effective_from))
    missing = await count_not_configured(reads, who.scope)
    overrides: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if _may_see(who, row):
            shown = {name: row[name] for name in Override.model_fields if name != "faults"}
            shown["faults"] = [f"{field}: {reason}" for field, reason in faults_of(row["code"], row["parameters"])]
            overrides.setdefault(row["code"], []).append(shown)
    return [
        {
            **_document(RULES[code]),
            "tried": code in TRIED,
            "overrides": overrides.get(code, []),
            "not_configured": missing.get(code, 0),
        }
        for code in RULES
    ]


def _document(rule: RuleData) -> dict[str, Any]:
    return {
        "code": rule.code, "kinds": rule.kinds, "category": rule.category, "severity": rule.severity,
        "title": rule.zh, "raises": rule.raises, "clears": rule.clears,
        "parameters": {
            name: {
                "default": parameter.default, "unit": parameter.unit, "source": parameter.source,
                **parameter.bounds._asdict(),
            }
            for name, parameter in rule.parameters.items()
        },
    }  # fmt: skip


def _may_see(who: Who, row: Mapping[str, Any]) -> bool:
    """Whether the override concerns what `who` sees; one for an area above theirs does."""
    if row["scope"] == "device":
        return who.scope.covers(row["area"])
    if row["scope"] == "area":
        target = row["target"]
        return who.scope.covers(target) or any(code.startswith(target) for code in who.scope.areas)
    return True


async def _one(reads: Reads, who: Who, code: str) -> dict[str, Any]:
    for rule in await read_rules(reads, who):
        if rule["code"] == code:
            return rule
    raise not_found(f"rule {code}")


@router.get("/rules", responses=described(Page[Rule]))
async def list_rules(here: Here, who: Reader, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """List every rule with its numbers and overrides."""
    return page_of(await read_rules(here.database, who), "code", limit, cursor)


@router.get("/rules/{code}", responses=described(Rule, 404))
async def show_rule(code: RuleCode, here: Here, who: Reader) -> Response:
    """Show one rule."""
    return answer(await _one(here.database, who, code))


def check_parameters(code: str, parameters: dict[str, float]) -> None:
    """Refuse numbers that the rule does not have or cannot use.

    Raises:
        Problem: 404 or 422.
    """
    if code not in RULES:
        raise not_found(f"rule {code}")
    for field, reason in faults_of(code, parameters):
        raise invalid(field, reason)


async def check_target(write: Write, scope: str, target: str) -> str | None:
    """Return the area that a scope and its target lie in, None for the county's; refuse what the person may not name.

    Raises:
        Problem: 403 or 422.
    """
    if scope in {"all", "kind"}:
        require_county(write.who)
    if scope == "all" and target:
        raise invalid("target", "must be empty for scope all")
    if scope == "kind" and target not in set(Kind):
        raise invalid("target", f"must be one of {', '.join(Kind)}")
    if scope not in {"area", "device"}:
        return None
    if scope == "device":
        area: str | None = await write.connection.fetchval(SQL["area_of_device"], target)
        if area is None or not write.who.scope.covers(area):  # of both the same is said
            raise invalid("target", f"there is no device {target}")
        return area
    if not target.isascii() or not target.isdigit():
        raise invalid("target", "must be an area code")
    if not write.who.scope.covers(target):
        raise Problem(403, "forbidden", "target: your account does not cover it")
    return target


@router.put("/rules/{code}", responses=described(Rule, 404))
async def put_rule(code: RuleCode, body: OverridePut, writer: AdministratorWriter) -> Response:
    """Set numbers of a rule from a time on (now, when none is named).

    Earlier overrides stay: a backtest judges each reading by the numbers of its own time.
    """
    check_parameters(code, body.parameters)

    async def work(write: Write) -> Response:
        await check_target(write, body.scope, body.target)
        begin: datetime = body.effective_from or write.now
        await write.connection.execute(
            SQL["add_override"],
            code,
            body.scope,
            body.target,
            body.parameters,
            begin,
            write.who.actor,
            write.now,
        )
        await write.record("rule.put", code, **body.model_dump(mode="json"))
        await write.connection.execute(_TELL_ALERTS)
        return answer(await _one(Inside(write.connection), write.who, code))

    return await writer.perform(work)


@router.delete("/rules/{code}/overrides/{id}", responses=described(Rule, 404))
async def delete_override(
    code: RuleCode, override_id: Annotated[int, Path(alias="id", ge=1, le=BIGINT)], writer: AdministratorWriter
) -> Response:
    """Take an override back for all times, a backtest's too; the audit keeps what it said."""

    async def work(write: Write) -> Response:
        row = await write.connection.fetchrow(SQL["find_override"], override_id, code)
        if row is None or not _may_see(write.who, dict(row)):
            raise not_found(f"override {override_id} of rule {code}")
        await check_target(write, row["scope"], row["target"])
        await write.connection.execute(SQL["delete_override"], override_id)
        taken_back = {name: row[name] for name in ("scope", "target", "parameters", "effective_from")}
        await write.record("rule.delete_override", code, **taken_back)
        await write.connection.execute(_TELL_ALERTS)
        return answer(await _one(Inside(write.connection), write.who, code))

    return await writer.perform(work)
