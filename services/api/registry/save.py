"""Stores what a person says of a device. Used by PUT; the import shares the comparison. Promises an audit row."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from services.api.registry.areas import take_area
from services.api.registry.gateway_claims import claimed_by, new_claims, refused_claim
from services.api.registry.import_steps import check_no_claim
from services.api.registry.models import DevicePut
from services.api.request.problems import Problem, invalid
from services.api.request.scope import Scope
from services.api.request.writing import Write
from services.core.rules.device_bounds import limit_faults
from services.core.statements import load_queries

SQL = load_queries(__file__)

_PLAIN = (
    "kind", "area", "name", "form", "source_datum", "address", "owner", "maintainer", "expected_interval_s", "sleepy",
    "rated_current_a", "limits", "gateway", "gateway_address", "gateway_profile", "attributes",
)  # fmt: skip
_WHEN_CLEARED: Mapping[str, Any] = {
    "name": "", "address": "", "owner": "", "maintainer": "", "expected_interval_s": 300, "sleepy": False, "limits": {},
    "attributes": {},
}  # fmt: skip
_MANDATORY = ("kind", "area")


def columns_of(body: DevicePut) -> dict[str, Any]:
    """Return what the body sets, by column. A null clears; kind and area cannot be cleared."""
    values: dict[str, Any] = {}
    for name in _PLAIN:
        if name in body.model_fields_set:
            value = getattr(body, name)
            if value is None and name in _MANDATORY:
                raise invalid(name, "cannot be cleared")
            values[name] = _WHEN_CLEARED.get(name) if value is None else value
    for name, fault in limit_faults(values.get("limits") or {}):
        raise invalid(f"limits.{name}", fault)
    if "site" in body.model_fields_set:
        values["site_id"] = body.site
    if "location" in body.model_fields_set:
        values["lon"], values["lat"] = (None, None) if body.location is None else body.location.wgs84()
        if body.location is not None and body.location.datum is not None:
            values.setdefault("source_datum", body.location.datum)
    if "kind" in values or "area" in values:  # a person has placed it: from then on its topic decides neither
        values["kind_fixed"] = values["area_fixed"] = True
    return values


def hidden_site(scope: Scope, values: Mapping[str, Any], before: Mapping[str, Any] | None, area: str | None) -> bool:
    """Whether `values` clear a site hidden by its `area`: it was shown as null, and a form sends that back."""
    clears = "site_id" in values and values["site_id"] is None
    return clears and before is not None and before["site_id"] is not None and not scope.covers(area)


async def _check_references(write: Write, code: str, values: Mapping[str, Any], row: Mapping[str, Any] | None) -> None:
    connection, area = write.connection, values.get("area")
    if area is not None:
        await take_area(write, area)
    site = values.get("site_id")
    if site is not None:
        site_area = await connection.fetchval(SQL["area_of_site"], site)
        if site_area is None or not write.who.scope.covers(site_area):
            raise invalid("site", f"there is no site {site}")
    claims = new_claims(values, row)
    claimed = claimed_by(claims)
    if claimed:
        rows = await connection.fetch(SQL["claimed"], claimed)
        refused = refused_claim(write.who.scope, code, claims, {row["code"]: dict(row) for row in rows}, ())
        if refused is not None:
            raise invalid(*refused)
    address = values.get("gateway_address")
    if address is not None:
        other = await connection.fetchval(SQL["who_has_address"], address)
        if other is not None and other != code:
            raise Problem(409, "conflict", "gateway_address: another device has this address")


def changes_of(values: Mapping[str, Any], row: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return what `values` change of the device `row` (None: a new one), as {column: {from, to}}."""
    if row is None:
        return {name: {"from": None, "to": value} for name, value in {**values, "registered": True}.items()}
    return {
        name: {"from": row[name], "to": value}
        for name, value in {**values, "registered": True}.items()
        if row[name] != value
    }


async def _write_row(
    write: Write, code: str, row: asyncpg.Record | None, changes: Mapping[str, Mapping[str, Any]]
) -> None:
    """Insert or update one device, with its audit row."""
    values = [change["to"] for change in changes.values()]
    if row is None:
        names = ["code", *changes]
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        statement = f"insert into device ({', '.join(names)}) values ({places})"  # noqa: S608 - our own column names
        await write.connection.execute(statement, code, *values)
    else:
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(changes, 3))
        statement = f"update device set {sets}, version = version + 1, updated_at = $2 where id = $1"  # noqa: S608
        await write.connection.execute(statement, row["id"], write.now, *values)
    await write.record("device.register" if row is None else "device.update", code, changes=changes)


async def save(write: Write, code: str, body: DevicePut, row: asyncpg.Record | None) -> None:
    """Store what a person says of one device."""
    values = columns_of(body)
    await check_no_claim(write.connection, code, values.get("gateway_address"))
    before = None if row is None else dict(row)
    if before is not None and before["site_id"] is not None:
        area = await write.connection.fetchval(SQL["area_of_site"], before["site_id"])
        if hidden_site(write.who.scope, values, before, area):
            del values["site_id"]
    await _check_references(write, code, values, before)
    if row is None:
        for name in _MANDATORY:
            if name not in values:
                raise invalid(name, "is needed to register a device")
    changes = changes_of(values, before)
    if changes:
        await _write_row(write, code, row, changes)
