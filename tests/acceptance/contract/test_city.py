"""Contract 9: what a city platform reads, and how soon it is told."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.acceptance.contract.system import AREA, System, now_ms, wait_for
from tests.support.waiting import PATIENCE_S

TOLD_WITHIN_S = 2.0


class Platform:
    """A platform that is subscribed to everything and checks every signature. `took` are the time and the event."""

    def __init__(self) -> None:
        self.secret = ""
        self.took: list[tuple[float, dict[str, Any]]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                Webhook(platform.secret).verify(body, {k.lower(): v for k, v in self.headers.items()})
                platform.took.append((time.time(), json.loads(body)))
                self.send_response(204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, device: str, status: str) -> list[tuple[float, dict[str, Any]]]:
        return [
            one
            for one in list(self.took)
            if one[1]["subject"] == device and one[1]["data"].get("device", {}).get("status") == status
        ]


@pytest.fixture
def platform(system: System) -> Iterator[Platform]:
    made = Platform()
    body = {"name": "city", "url": made.url, "types": ["device.status"], "areas": [AREA]}
    answer = system.http.post("/api/v1/subscriptions", json=body)
    assert answer.status_code == 201, answer.text
    made.secret = answer.json()["secret"]
    yield made
    system.http.delete(f"/api/v1/subscriptions/{answer.json()['id']}")
    made.server.shutdown()
    made.server.server_close()


def test_a_platform_is_told_of_a_status_within_two_seconds_of_its_commit(
    system: System, platform: Platform, device: str
) -> None:
    def hears_of(status: str) -> float:
        (arrived, event), *_ = wait_for(lambda: platform.told(device, status), f"{device} is {status}")
        (row,) = system.rows("select made_at from subscription_event where uid = $1::uuid", event["id"])
        assert arrived - row["made_at"].timestamp() < TOLD_WITHIN_S
        assert event["type"] == "cn.firetower.device.status.v1"
        platform.took.clear()
        return arrived

    body = {"kind": "hydrant", "area": AREA}
    assert system.http.put(f"/api/v1/devices/{device}", json=body).status_code in (200, 201)
    system.publish(device, {"ts": now_ms(), "seq": 1, "pressure_mpa": 0.33})
    hears_of("online")
    until = datetime.now(UTC) + timedelta(seconds=4)
    address = f"/api/v1/devices/{device}/out-of-service"
    assert system.http.post(address, json={"until": until.isoformat(), "reason": "换阀"}).status_code == 200
    hears_of("out_of_service")
    # its end comes with time alone: nobody writes anything
    assert 0 < hears_of("online") - until.timestamp() < TOLD_WITHIN_S
    system.rows(
        """update device_state set online = false, offline_since = now()
           where device_id = (select id from device where code = $1)""",
        device,
    )
    hears_of("offline")


def test_every_standard_begins_at_its_root_and_takes_a_key_as_gis_clients_send_it(system: System) -> None:
    api, key = system.endpoints["api"], system.endpoints["admin"]["api_key"]
    sent = "Basic " + base64.b64encode(f"gis:{key}".encode()).decode()
    for path in (
        "/sta/v1.1",
        "/sta/v1.1/Things",
        "/ogc",
        "/ogc/",
        "/ogc/collections",
        "/cap/alarms.atom",
        "/geo/devices.geojson",
    ):
        stranger = httpx2.get(f"{api}{path}", timeout=PATIENCE_S)
        assert stranger.status_code == 401, path
        assert stranger.headers["www-authenticate"].startswith("Basic "), path
        assert httpx2.get(f"{api}{path}", headers={"authorization": sent}, timeout=PATIENCE_S).status_code == 200, path


def test_what_a_device_sends_is_read_through_both_standards(system: System, device: str) -> None:
    body = {"kind": "hydrant", "area": AREA, "location": {"lon": 111.09, "lat": 39.02}}
    assert system.http.put(f"/api/v1/devices/{device}", json=body).status_code in (200, 201)
    system.publish(
        device, [{"ts": now_ms(-60), "seq": 1, "pressure_mpa": 0.31}, {"ts": now_ms(), "seq": 2, "pressure_mpa": 0.32}]
    )
    wait_for(lambda: len(system.readings(device)) == 2, "both readings")
    options = {
        "$filter": f"name eq '{device}'",
        "$expand": "Locations,Datastreams($expand=Observations($top=1;$orderby=phenomenonTime desc))",
    }
    (thing,) = system.http.get("/sta/v1.1/Things", params=options).json()["value"]
    streams = {one["name"].partition(":")[2]: one for one in thing["Datastreams"]}
    assert [one["result"] for one in streams["pressure_mpa"]["Observations"]] == [0.32]
    rest = system.http.get(streams["pressure_mpa"]["Observations@iot.nextLink"]).json()
    assert [one["result"] for one in rest["value"]] == [0.31]
    page = system.http.get("/ogc/collections/hydrants/items", params={"code": device}).json()
    assert page["numberMatched"] == 1
    assert (
        page["features"][0]["geometry"]["coordinates"]
        == [111.09, 39.02]
        == thing["Locations"][0]["location"]["coordinates"]
    )
    assert page["features"][0]["properties"]["pressure_mpa"] == 0.32
