from datetime import UTC, datetime

import pytest

from tests.integration.api.conftest import AREA, Client


async def test_rules_list_their_numbers_and_take_overrides(client: Client) -> None:
    rules = {rule["code"]: rule for rule in (await client.get("/api/v1/rules")).json()["items"]}
    assert rules["hydrant_pressure_low"]["parameters"]["static_mpa"]["default"] == 0.14
    body = {"scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}}
    changed = await client.put("/api/v1/rules/hydrant_pressure_low", json=body)
    assert changed.json()["overrides"][0]["parameters"] == {"static_mpa": 0.16}
    bad = await client.put("/api/v1/rules/hydrant_pressure_low", json={"parameters": {"volume": 1}})
    assert bad.status_code == 422
    assert "static_mpa" in bad.json()["detail"]


async def test_an_override_taken_back_no_longer_holds_and_the_audit_keeps_what_it_said(client: Client) -> None:
    body = {
        "scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}, "effective_from": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    put = await client.put("/api/v1/rules/hydrant_pressure_low", json=body)
    (override,) = put.json()["overrides"]
    address = f"/api/v1/rules/hydrant_pressure_low/overrides/{override['id']}"
    other = await client.delete(address.replace("pressure_low", "tilt"))
    assert other.status_code == 404
    deleted = await client.delete(address)
    assert deleted.status_code == 200, deleted.text
    assert deleted.json()["overrides"] == []
    assert (await client.delete(address)).status_code == 404
    audit = (await client.get("/api/v1/audit")).json()["items"]
    (row,) = [row for row in audit if row["action"] == "rule.delete_override"]
    assert row["target"] == "hydrant_pressure_low"
    at = datetime.fromisoformat(row["detail"].pop("effective_from"))
    assert at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert row["detail"] == {"scope": "area", "target": AREA, "parameters": {"static_mpa": 0.16}}


@pytest.mark.parametrize(
    ("path", "name"),
    [("rules", "code"), ("policies", "name"), ("checklists", "name"), ("hazard-codes", "code")],
)
async def test_a_short_list_comes_in_parts_too(client: Client, path: str, name: str) -> None:
    whole = [one[name] for one in (await client.get(f"/api/v1/{path}")).json()["items"]]
    parts, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        part = (await client.get(f"/api/v1/{path}", params=params)).json()
        parts += [one[name] for one in part["items"]]
        cursor = part["next"]
        if cursor is None:
            break
    assert parts == whole
    assert (await client.get(f"/api/v1/{path}", params={"cursor": "WyJub25lIl0"})).status_code == 422
