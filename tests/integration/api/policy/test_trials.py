from typing import Any

import asyncpg
import pytest

from tests.integration.api.conftest import AREA, OTHER_AREA, Client

TRIALS = "/api/v1/rules/hydrant_pressure_low/trials"
PAST = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
BODY: dict[str, Any] = {"parameters": {"static_mpa": 0.16}, **PAST}


async def test_a_trial_waits_is_listed_without_its_findings_and_shown_with_them(
    client: Client, register: Any, connection: asyncpg.Connection
) -> None:
    await register("h-1")
    asked = await client.post(TRIALS, json=BODY | {"scope": "device", "target": "h-1"})
    assert asked.status_code == 202, asked.text
    shown = asked.json()
    assert (shown["state"], shown["progress"], shown["parameters"]) == ("waiting", 0, {"static_mpa": 0.16})
    address = asked.headers["location"]
    finding = {
        "device": "h-1", "area": AREA, "members": 1, "severity": "major", "raised_at": PAST["from"],
        "cleared_at": None, "reason": "低", "reason_en": "low", "alarm": 7, "verification": "real",
    }  # fmt: skip
    result = {
        "before": 1, "after": 0, "counts": {"both": 0, "missed": 1, "new": 0}, "real_missed": 1, "real_kept": 0,
        "both": [], "missed": [finding], "new": [],
    }  # fmt: skip
    await connection.execute("update rule_trial set state = 'done', result = $1", result)
    assert (await client.get(address)).json()["result"] == result
    (listed,) = (await client.get(TRIALS)).json()["items"]
    assert (listed["id"], "result" in listed) == (shown["id"], False)
    assert (await client.get(address.replace("pressure_low", "tilt"))).status_code == 404


@pytest.mark.parametrize(
    ("code", "change", "error"),
    [
        ("hydrant_pressure_low", {"parameters": {"static_mpa": 9}}, ("parameters.static_mpa", "4")),
        ("hydrant_pressure_low", {"parameters": {"volume": 1}}, ("parameters.volume", "static_mpa")),
        ("hydrant_pressure_low", {"parameters": {}}, ("parameters", "at least 1")),
        ("hydrant_pressure_low", {"to": "2026-10-01T00:00:00Z"}, ("to", "later than from")),
        ("hydrant_pressure_low", {"to": "2027-10-01T00:00:00Z"}, ("to", "92 days")),
        ("hydrant_pressure_low", {"from": "2100-01-01T00:00:00Z", "to": "2100-01-02T00:00:00Z"}, ("to", "future")),
        ("hydrant_pressure_low", {"scope": "device", "target": "h-9"}, ("target", "no device h-9")),
        ("cable_temperature_high", {"parameters": {"enabled": 0}}, ("target", "electrical")),
        ("device_offline", {"parameters": {"enabled": 0}}, ("code", "water_burst")),
        ("water_burst", {"parameters": {"members": 4}, "from": "2026-09-01T00:00:00Z"}, ("to", "fewer days")),
    ],
)
async def test_what_cannot_be_tried_is_refused_with_its_field_and_the_cure(
    client: Client, register: Any, code: str, change: dict[str, Any], error: tuple[str, str]
) -> None:
    for number in range(3):
        await register(f"h-{number}", expected_interval_s=1)
    refused = await client.post(f"/api/v1/rules/{code}/trials", json=BODY | change)
    assert refused.status_code == 422, refused.text
    (said,) = refused.json()["errors"]
    assert said["field"] == error[0]
    assert error[1] in said["message"]


async def test_a_trial_is_cancelled_once_and_few_wait_at_a_time(
    client: Client, register: Any, connection: asyncpg.Connection
) -> None:
    await register("h-1")
    address = (await client.post(TRIALS, json=BODY)).headers["location"]
    cancelled = await client.post(f"{address}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (await client.post(f"{address}/cancel")).status_code == 409
    audit = (await client.get("/api/v1/audit")).json()["items"]
    assert [row["action"] for row in audit[:2]] == ["rule.cancel_trial", "rule.try"]
    assert audit[1]["detail"]["parameters"] == {"static_mpa": 0.16}
    await connection.execute(
        """insert into rule_trial (code, scope, target, parameters, since, until, created_by, created_at)
           select 'hydrant_tilt', 'all', '', '{}', now(), now(), 'test', now() from generate_series(1, 20)"""
    )
    assert (await client.post(TRIALS, json=BODY)).status_code == 409


async def test_a_township_tries_and_sees_only_what_is_its_own(client: Client, visit: Any, register: Any) -> None:
    await register("h-1")
    await register("h-2", area=OTHER_AREA)
    made = await client.post("/api/v1/api-keys", json={"name": "t", "role": "administrator", "areas": [AREA]})
    township = visit(made.json()["key"])
    theirs = [
        (await client.post(TRIALS, json=BODY)).headers["location"],
        (await client.post(TRIALS, json=BODY | {"scope": "device", "target": "h-2"})).headers["location"],
    ]
    for status, refused in (
        (403, {}),
        (403, {"scope": "area", "target": OTHER_AREA}),
        (422, {"scope": "device", "target": "h-2"}),  # what it may not see does not exist
    ):
        assert (await township.post(TRIALS, json=BODY | refused)).status_code == status
    own = await township.post(TRIALS, json=BODY | {"scope": "area", "target": AREA})
    assert own.status_code == 202, own.text
    assert [item["id"] for item in (await township.get(TRIALS)).json()["items"]] == [own.json()["id"]]
    for address in theirs:
        assert (await township.get(address)).status_code == 404
        assert (await township.post(f"{address}/cancel")).status_code == 404
