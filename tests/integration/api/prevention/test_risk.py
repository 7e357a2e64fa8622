"""The graded risk over HTTP: worst first, in parts, inside the caller's areas, with its history by day."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.core.clock import COUNTY
from tests.integration.api.conftest import AREA, OTHER_AREA, Client

Score = Callable[..., Awaitable[int]]


@pytest.fixture
def score(client: Client, connection: asyncpg.Connection) -> Score:
    """A function that registers a site and gives it a risk, as alerts would; returns its id."""

    async def make(points: int, grade: str, area: str = AREA) -> int:
        made = await client.post("/api/v1/sites", json={"name": f"单位 {points}", "area": area})
        site_id: int = made.json()["id"]
        reason = {"code": "alarm_major", "points": points, "full_points": points, "count": 1, "zh": "告警",
                  "en": "alarm", "since": "2026-11-29T00:00:00.000Z"}  # fmt: skip
        await connection.execute(
            "update site_risk set score = $2, grade = $3, reasons = $4 where site_id = $1",
            site_id, points, grade, [reason] if points else [],
        )  # fmt: skip
        return site_id

    return make


async def listed(who: Client, query: str = "") -> list[tuple[int, str]]:
    answer = await who.get(f"/api/v1/risk{query}")
    assert answer.status_code == 200, answer.text
    return [(item["score"], item["grade"]) for item in answer.json()["items"]]


async def test_a_site_has_a_risk_from_its_first_moment(client: Client) -> None:
    site = (await client.post("/api/v1/sites", json={"name": "学校", "area": AREA})).json()
    assert site["risk"] == {"score": 0, "grade": "blue"}
    shown = (await client.get(f"/api/v1/sites/{site['id']}/risk")).json()
    assert (shown["score"], shown["grade"], shown["reasons"], shown["history"]) == (0, "blue", [], [])
    assert (shown["policy_version"], shown["devices"], shown["as_of"]) == (0, 0, None)
    changed = await client.put("/api/v1/policies/risk", json={"fire_open": {"each": 60, "most": 80}})
    assert (changed.status_code, changed.json()["version"]) == (200, 1)
    later = (await client.post("/api/v1/sites", json={"name": "后来", "area": AREA})).json()
    assert (await client.get(f"/api/v1/sites/{later['id']}/risk")).json()["policy_version"] == 1


async def test_the_worst_sites_come_first_and_the_list_goes_on_behind_its_cursor(client: Client, score: Score) -> None:
    made = [await score(*one) for one in ((15, "yellow"), (70, "red"), (0, "blue"), (15, "yellow"), (31, "orange"))]
    assert await listed(client) == [(70, "red"), (31, "orange"), (15, "yellow"), (15, "yellow"), (0, "blue")]
    assert await listed(client, "?grade=red,orange") == [(70, "red"), (31, "orange")]
    assert await listed(client, "?grade=yellow&limit=1") == [(15, "yellow")]
    found, cursor = [], ""
    while True:
        part = (await client.get(f"/api/v1/risk?limit=2{cursor}")).json()
        found += [item["site"]["id"] for item in part["items"]]
        if part["next"] is None:
            break
        cursor = f"&cursor={part['next']}"
    assert found == [made[1], made[4], made[0], made[3], made[2]]
    for item in (await client.get("/api/v1/risk")).json()["items"]:
        assert sum(reason["points"] for reason in item["reasons"]) == item["score"]
    table = await client.get("/api/v1/risk?format=csv&limit=1")
    assert table.text.splitlines()[0].startswith("site_id,site_name,area,location_lon,location_lat,score,grade")
    assert f"{made[1]},单位 70,{AREA},,,70,red" in table.text


@pytest.mark.parametrize("query", ["grade=green", "grade=", "limit=0", "area=x", "cursor=x"])
async def test_a_filter_that_makes_no_sense_is_refused_by_its_name(client: Client, query: str) -> None:
    refused = await client.get(f"/api/v1/risk?{query}")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].endswith(query.split("=", maxsplit=1)[0])


async def test_a_township_sees_its_own_sites_alone(client: Client, visit: Callable[..., Client], score: Score) -> None:
    own, other = await score(15, "yellow"), await score(70, "red", OTHER_AREA)
    made = await client.post("/api/v1/api-keys", json={"name": "own", "role": "viewer", "areas": [AREA]})
    township = visit(made.json()["key"])
    assert await listed(township) == [(15, "yellow")]
    assert await listed(township, f"?area={OTHER_AREA}") == []
    assert await listed(client, f"?area={OTHER_AREA}") == [(70, "red")]
    assert (await township.get(f"/api/v1/sites/{own}/risk")).status_code == 200
    hidden = await township.get(f"/api/v1/sites/{other}/risk")
    assert (hidden.status_code, (await township.get("/api/v1/sites/999/risk")).status_code) == (404, 404)


async def test_history_is_by_day_of_the_county_the_oldest_first(
    client: Client, score: Score, connection: asyncpg.Connection
) -> None:
    site = await score(15, "yellow")
    today = datetime.now(UTC).astimezone(COUNTY).date()
    for back in (-9, 0, 1, 40):  # our clock was nine days ahead once
        day = today - timedelta(days=back)
        await connection.execute(
            "insert into site_risk_daily values ($1, $2, $3, 'yellow', 31, 'orange', 2)", site, day, 15 + back
        )

    async def days(query: str = "") -> list[tuple[str, int]]:
        shown: dict[str, Any] = (await client.get(f"/api/v1/sites/{site}/risk{query}")).json()
        return [(line["day"], line["score"]) for line in shown["history"]]

    yesterday, old = str(today - timedelta(days=1)), str(today - timedelta(days=40))
    assert await days() == [(yesterday, 16), (str(today), 15)]
    assert await days("?days=1") == [(str(today), 15)]
    assert await days("?days=41") == [(old, 55), (yesterday, 16), (str(today), 15)]
    (line,) = (await client.get(f"/api/v1/sites/{site}/risk?days=1")).json()["history"]
    assert line | {"day": "", "score": 0} == {
        "day": "", "score": 0, "grade": "yellow", "worst_score": 31, "worst_grade": "orange", "policy_version": 2,
    }  # fmt: skip


async def test_weights_that_make_no_sense_are_refused_by_field(client: Client) -> None:
    for body, field in (
        ({"fire_open": {"each": 101, "most": 5}}, "fire_open.each"),
        ({"fire_open": {"each": 1.5, "most": 5}}, "fire_open.each"),
        ({"fire_open": {"each": 1}}, "fire_open.most"),
        ({"red_from": 0}, "red_from"),
        ({"green_from": 1}, "green_from"),
    ):
        refused = await client.put("/api/v1/policies/risk", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_sites_carry_their_risk_on_the_map_of_features(client: Client, score: Score) -> None:
    site = await score(31, "orange")
    await score(0, "blue")
    found = (await client.get("/ogc/collections/sites/items?risk_grade=orange")).json()
    (feature,) = found["features"]
    assert feature["id"] == site
    assert (feature["properties"]["risk"], feature["properties"]["risk_grade"]) == (31, "orange")
    assert feature["properties"]["risk_since"] is not None
    assert len((await client.get("/ogc/collections/sites/items?risk=0")).json()["features"]) == 1
