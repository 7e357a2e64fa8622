"""Contract 5: what the API answers."""

import json

import httpx2
import pytest

from tests.acceptance.contract.system import System, now_ms, wait_for
from tests.support.waiting import PATIENCE_S

PATHS = (
    *("devices", "events", "rejects", "alarms", "incidents", "notices", "slo", "stream", "areas", "sites", "users"),
    *("api-keys", "rules", "policies", "contacts", "audit", "water-sources/nearest?lon=111.09&lat=39.02"),
)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_to_a_stranger(system: System, path: str) -> None:
    answer = httpx2.get(f"{system.endpoints['api']}/api/v1/{path}", timeout=PATIENCE_S)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("path", [p for p in PATHS if p not in ("stream", "slo")])
def test_lists_have_items_and_next(system: System, path: str) -> None:
    answer = system.http.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    assert "items" in answer.json()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/wall"])
def test_health_and_pages_are_public(system: System, path: str) -> None:
    assert httpx2.get(system.endpoints["api"] + path, timeout=PATIENCE_S).status_code == 200


def test_a_person_signs_in_with_a_cookie(system: System) -> None:
    admin = system.endpoints["admin"]
    with httpx2.Client(base_url=system.endpoints["api"], timeout=PATIENCE_S) as browser:
        wrong = browser.post("/api/v1/session", json={"username": admin["username"], "password": "wrong"})
        assert wrong.status_code == 401
        right = browser.post("/api/v1/session", json={"username": admin["username"], "password": admin["password"]})
        assert right.status_code in (200, 201, 204), right.text
        assert "httponly" in right.headers["set-cookie"].lower()
        assert browser.get("/api/v1/devices").status_code == 200


def test_a_registered_device_is_shown_with_all_its_fields(system: System, device: str) -> None:
    body = {
        "kind": "hydrant",
        "area": "140931100",
        "name": "府前街 12 号",
        "form": "aboveground",
        "location": {"lon": 111.0911, "lat": 39.0202},
        "source_datum": "wgs84",
        "expected_interval_s": 300,
    }
    assert system.http.put(f"/api/v1/devices/{device}", json=body).status_code in (200, 201)
    system.publish(device, {"ts": now_ms(), "seq": 1, "pressure_mpa": 0.33})
    wait_for(lambda: system.device(device)["status"] == "online", "online")
    shown = system.device(device)
    expected = (
        "code kind area name site form location source_datum address owner maintainer expected_interval_s sleepy "
        "rated_current_a limits gateway gateway_address status last_seen state quality"
    )
    assert set(expected.split()) <= set(shown)
    nearest = system.http.get("/api/v1/water-sources/nearest", params={"lon": 111.0911, "lat": 39.0202, "limit": 3})
    assert device in json.dumps(nearest.json())
    features = system.http.get("/geo/devices.geojson").json()
    mine = next(f for f in features["features"] if f["properties"]["code"] == device)
    assert mine["geometry"]["coordinates"] == [111.0911, 39.0202]


def test_readings_come_raw_and_in_buckets(system: System, device: str) -> None:
    start = now_ms(-600)
    system.publish(device, [{"ts": start + i * 60_000, "seq": i, "pressure_mpa": 0.3 + i / 100} for i in range(10)])
    wait_for(lambda: len(system.readings(device)) == 10, "ten rows")
    raw = system.http.get(f"/api/v1/devices/{device}/readings", params={"limit": 4}).json()
    assert len(raw["items"]) == 4
    assert {"ts", "seq", "pressure_mpa"} <= set(raw["items"][0])
    assert raw["next"]
    more = system.http.get(f"/api/v1/devices/{device}/readings", params={"limit": 4, "cursor": raw["next"]}).json()
    assert not {r["seq"] for r in raw["items"]} & {r["seq"] for r in more["items"]}
    buckets = system.http.get(f"/api/v1/devices/{device}/readings", params={"bucket": "5m"}).json()["items"]
    assert set(buckets[0]["pressure_mpa"]) == {"min", "max", "mean", "last"}


def test_the_live_stream_tells_of_an_alarm_within_two_seconds(system: System, device: str) -> None:
    with system.http.stream("GET", "/api/v1/stream", timeout=PATIENCE_S) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        system.publish(device, {"event_id": "s", "ts": now_ms(), "type": "manual_alarm"}, kind="panel", channel="event")
        seen = ""
        for line in lines:
            if line.startswith("event:"):
                seen = line.removeprefix("event:").strip()
            if line.startswith("data:") and seen == "alarm" and device in line:
                break


def test_a_device_account_can_touch_only_its_own_topics(system: System, device: str) -> None:
    body = {"kind": "hydrant", "area": "140931100"}
    system.http.put(f"/api/v1/devices/{device}", json=body)
    account = system.http.post(f"/api/v1/devices/{device}/credentials")
    assert account.status_code in (200, 201), account.text
    assert device in account.text
