"""What a ledger would change in the registry: compared with what stands, row by row. Reads only; used by the import."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.api.registry.gateway_claims import claimed_by, new_claims, refused_claim
from services.api.registry.import_steps import StagedRow
from services.api.registry.save import changes_of, columns_of, hidden_site
from services.api.registry.sheet.doubts import Doubts, LedgerWarning, doubt_attributes
from services.api.registry.sheet.ours import with_those_before
from services.api.registry.sheet.rows import LedgerError, LedgerRow
from services.api.request.chinese import with_chinese
from services.api.request.database import Reads, Row
from services.api.request.problems import Problem
from services.api.request.scope import Scope
from services.core.statements import load_queries

SQL = load_queries(__file__)

ERRORS_SHOWN = 1000
_CHANGES_SHOWN = 1000
_CLAIMS = {"gateway", "gateway_address"}
_AT_ONCE = 1000  # rows compared between two looks at other requests


@dataclass(slots=True)
class Plan:
    """What becomes of each row."""

    rows: int
    errors: list[LedgerError]
    counts: dict[str, int] = field(default_factory=lambda: {"created": 0, "updated": 0, "unchanged": 0})
    shown: list[dict[str, Any]] = field(default_factory=list)
    todo: list[StagedRow] = field(default_factory=list)
    warnings: list[LedgerWarning] = field(default_factory=list)

    def result(self, *, dry_run: bool) -> dict[str, Any]:
        """Return the answer."""
        errors = sorted(self.errors, key=lambda error: error.line)[:ERRORS_SHOWN]
        lines = [with_chinese({"field": one.field, "message": one.message}) | {"line": one.line} for one in errors]
        warned = [one._asdict() for one in self.warnings[:ERRORS_SHOWN]]
        return {
            "dry_run": dry_run, "rows": self.rows, **self.counts, "failed": 0, "errors": lines, "warnings": warned,
            "changes": self.shown, "import_id": None,
        }  # fmt: skip


async def make_plan(reads: Reads, scope: Scope, read: list[LedgerRow | LedgerError]) -> Plan:
    """Compare a ledger with the registry."""
    rows = [row for row in read if isinstance(row, LedgerRow)]
    plan = Plan(len(read), [one for one in read if isinstance(one, LedgerError)])
    known = await _Known.load(reads, scope, {row.code for row in rows})
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        found = await reads.rows(SQL["devices"], codes=[row.code for row in part])
        devices = {row["code"]: row for row in found}
        named = [code for row in part for code in claimed_by(row.body.model_dump(include=_CLAIMS, exclude_unset=True))]
        known.claimed = {row["code"]: row for row in await reads.rows(SQL["claimed"], codes=named)}
        await asyncio.to_thread(_compare, plan, known, part, devices)
    return plan


def _compare(plan: Plan, known: "_Known", part: list[LedgerRow], devices: Mapping[str, Row]) -> None:
    for row in part:
        before = devices.get(row.code)
        try:
            values = columns_of(row.body)
        except Problem as problem:
            plan.errors.append(LedgerError(row.line, *str(problem.detail).split(": ", 1)))
            continue
        if "attributes" in values and before is not None:
            values["attributes"] = with_those_before(values["attributes"], before["attributes"])
        if known.hides_site(values, before):
            del values["site_id"]
        fault = known.fault(row, values, before)
        if fault is not None:
            plan.errors.append(fault)
            continue
        changes = changes_of(values, before)
        plan.warnings += known.doubts(row, values, before, changes)
        action = "created" if before is None else "updated" if changes else "unchanged"
        plan.counts[action] += 1
        if not changes:
            continue
        if len(plan.shown) < _CHANGES_SHOWN:
            shown = "create" if before is None else "update"
            plan.shown.append({"line": row.line, "code": row.code, "action": shown, "fields": changes})
        body = {name: change["to"] for name, change in changes.items()}
        compared = (None, None) if before is None else (before["version"], before["area"])
        plan.todo.append(StagedRow(row.line, row.code, body, changes, *compared))


def _note_places(scope: Scope, areas: Sequence[Row], standing: Sequence[Row]) -> Doubts:
    places = Doubts({row["code"]: (row["lon"], row["lat"]) for row in areas if row["lon"] is not None})
    for row in standing:
        if scope.covers(row["area"]):  # other devices do not exist for this person, not in warnings either
            places.note_standing(row["code"], row["kind"], (row["lon"], row["lat"]))
    return places


class _Known:
    """What the rows refer to, read once."""

    def __init__(
        self, scope: Scope, codes: set[str], areas: set[str], sites: dict[int, str], addresses: dict[str, str]
    ) -> None:
        self._scope = scope
        self._codes = codes
        self.claimed: Mapping[str, Row] = {}  # devices that the rows at hand name as gateways
        self._areas, self._sites, self._addresses = areas, sites, addresses
        self._seen: set[str] = set()
        self.places = Doubts({})

    @classmethod
    async def load(cls, reads: Reads, scope: Scope, codes: set[str]) -> "_Known":
        taken = SQL["addresses"]
        areas = await reads.rows(SQL["areas"])
        known = cls(
            scope,
            codes,
            {row["code"] for row in areas},
            {row["id"]: row["area"] for row in await reads.rows(SQL["sites"])},
            {row["gateway_address"]: row["code"] for row in await reads.rows(taken)},
        )
        standing = await reads.rows(SQL["standing"])
        known.places = await asyncio.to_thread(_note_places, scope, areas, standing)
        return known

    def doubts(
        self, row: LedgerRow, values: Mapping[str, Any], before: Row | None, changes: Mapping[str, Any]
    ) -> list[LedgerWarning]:
        """Return what a person should check before the row is stored; nothing for what is stored like that already."""
        known = before["attributes"] if before is not None and isinstance(before["attributes"], dict) else {}
        found = doubt_attributes(row, [name for name in values.get("attributes", {}) if name not in known])
        if values.get("lon") is None or values.get("lat") is None:
            return found
        stood: Mapping[str, Any] = {} if before is None else before
        kind, area = (values.get(name) or stood.get(name) or "" for name in ("kind", "area"))
        moved = not changes.keys().isdisjoint({"lon", "lat"})
        return found + self.places.look(row, kind, area, (values["lon"], values["lat"]), moved=moved)

    def hides_site(self, values: Mapping[str, Any], before: Row | None) -> bool:
        """Whether the row clears a site that the person does not see."""
        area = self._sites.get(before["site_id"]) if before is not None else None
        return hidden_site(self._scope, values, before, area)

    def fault(self, row: LedgerRow, values: Mapping[str, Any], before: Row | None) -> LedgerError | None:
        """Return why the row cannot be stored, or None."""
        area = values.get("area")
        if row.code in self._seen:
            return LedgerError(row.line, "code", f"{row.code} stands in the file twice")
        self._seen.add(row.code)
        if before is None and ("kind" not in values or area is None):
            return LedgerError(row.line, "kind" if "kind" not in values else "area", "is needed to register a device")
        if area is not None and area not in self._areas:
            return LedgerError(row.line, "area", f"there is no area {area}; register it first")
        covers = self._scope.covers
        if (area is not None and not covers(area)) or (before is not None and not covers(before["area"])):
            return LedgerError(row.line, "area", "your account does not cover it")
        site = values.get("site_id")
        if site is not None and not (site in self._sites and covers(self._sites[site])):
            return LedgerError(row.line, "site", f"there is no site {site}")
        refused = refused_claim(self._scope, row.code, new_claims(values, before), self.claimed, self._codes)
        if refused is not None:
            return LedgerError(row.line, *refused)
        address = values.get("gateway_address")
        if address is not None and self._addresses.setdefault(address, row.code) != row.code:
            return LedgerError(row.line, "gateway_address", "another device has this address")
        return None
