"""Numbers that people set: refused out of bounds by field, and named where an older release stored them."""

from typing import Any

import asyncpg
import pytest

from services.core.rules.catalog import RULES
from tests.integration.api.conftest import AREA, Client

ABSURD = (1e9, "3", True, None, [3])
DEVICE = "/api/v1/devices/h-1"


async def test_absurd_numbers_of_a_rule_are_refused_by_field_and_bounds(client: Client) -> None:
    for code, rule in RULES.items():
        for name, parameter in rule.parameters.items():
            for value in ABSURD if name == "enabled" else ABSURD[:2]:
                answer = await client.put(f"/api/v1/rules/{code}", json={"parameters": {name: value}})
                assert answer.status_code == 422, (code, name, value)
                (error,) = answer.json()["errors"]
                assert error["field"] == f"parameters.{name}"
            refused = await client.put(f"/api/v1/rules/{code}", json={"parameters": {name: parameter.bounds.most + 1}})
            assert f"from {parameter.bounds.least:g} to {parameter.bounds.most:g}" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expected_interval_s", 0), ("expected_interval_s", 10**12), ("expected_interval_s", True),
        ("rated_current_a", 0), ("rated_current_a", 1e9), ("rated_current_a", True),
        ("limits.level_pct_low", 1e9), ("limits.level_pct_low", "30"), ("limits.level_pct_low", True),
        ("limits.level_m_high", 101), ("limits.level_pct_low", 110), ("limits.full_m", 0), ("limits.level_pct_lo", 30),
    ],
)  # fmt: skip
async def test_absurd_figures_of_a_device_are_refused_by_field(client: Client, field: str, value: Any) -> None:
    name, _, limit = field.partition(".")
    figures = {limit: value, "level_pct_high": 105} if limit else value
    answer = await client.put(DEVICE, json={"kind": "water", "area": AREA, name: figures})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


async def test_what_an_older_release_stored_is_named_and_breaks_no_page(
    client: Client, connection: asyncpg.Connection
) -> None:
    await client.put(DEVICE, json={"kind": "water", "area": AREA})
    await connection.execute("""update device set limits = '{"level_pct_low": "30", "level_pct_high": 1e999}'""")
    await connection.execute(
        """insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
           select code, 'device', 'h-1', cast(numbers as jsonb), now(), 'user:old' from (values
               ('water_level_low', '{"low_pct": 1e9, "inside_pct": "five"}'), ('water_level_low', '[1]'),
               ('battery_low', '{"low_pct": 1e999, "clear": 3}'), ('gone_rule', '{"a": 1}')) old (code, numbers)"""
    )
    (first, second) = (await client.get("/api/v1/rules/water_level_low")).json()["overrides"]
    assert [fault.split(":")[0] for fault in first["faults"]] == ["parameters.low_pct", "parameters.inside_pct"]
    assert len(second["faults"]) == 1
    lines = {line["code"]: line for line in (await client.get(DEVICE)).json()["rule_limits"]}
    assert (lines["water_level_low"]["raise"], lines["water_level_low"]["clear"]) == (150, 155)
    assert lines["water_level_high"]["raise"] == 105
    for path in ("devices", "rules", "water-sources/nearest?lon=111&lat=39"):
        assert (await client.get(f"/api/v1/{path}")).status_code == 200, path
