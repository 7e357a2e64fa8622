"""A small county on the real system: `firetower up` with a stand-in 119 desk, a site, panels, hydrants and a pool.

Used by the fixtures of this folder. Promises to end what it started.
"""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import asyncpg
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from services.api.request import secrets
from services.api.request.auth import COOKIE, SESSION_LIFE
from stack.children import free_port
from tests.support.scratch import scratch_dir
from tests.support.servers import Program, run_in_thread, until
from tests.support.waiting import PATIENCE_S

AREA = "140931100"
SITE = {
    "name": "保德县人民医院", "area": AREA, "address": "府前街 18 号", "location": {"lon": 111.0940, "lat": 39.0180},
    "contacts": [{"name": "王建国", "role": "消防控制室", "phone": "0350-7320119"}],
    "access_note": "东门消防通道，消防控制室在一层",
}  # fmt: skip
HERE = {"longitude": 111.0942, "latitude": 39.0181}
NEAR, WEAK, FAR, POOL = "XHS-0001", "XHS-0002", "XHS-0003", "SC-0001"
PLACES = {
    NEAR: ("hydrant", "府前街1号消火栓", "aboveground", 111.0950, 39.0185),
    WEAK: ("hydrant", "府前街2号消火栓", "aboveground", 111.0945, 39.0180),
    FAR: ("hydrant", "新建路9号消火栓", "crane", 111.1010, 39.0220),
    POOL: ("water", "医院消防水池", "pool", 111.0960, 39.0170),
}


class System:
    """The running system, as a device, a person with a key and the 119 side see it."""

    def __init__(self, *, dispatching: bool = True) -> None:
        self.folder = scratch_dir()
        port = free_port()
        self.desk_url = f"http://127.0.0.1:{port}"
        self.desk = Program("desk", {"FIRETOWER_DESK_PORT": str(port)})
        self.desk.wait_ready()
        state = self.folder / "state"
        self.up = Program(
            "up",
            {
                "FIRETOWER_DISPATCH_URL": self.desk_url if dispatching else "",
                "FIRETOWER_SUBSCRIPTION_NETWORKS": "127.0.0.0/8",
                "FIRETOWER_WEB_PUSH_CONTACT": "mailto:duty@county.example",
            },
            ("--state-dir", str(state)),
        )
        self.endpoints_file = state / "endpoints.json"
        until(self._is_ready, what="the system is up", timeout_s=180)
        self.api: str = self.endpoints()["api"]
        self.admin: dict[str, str] = self.endpoints()["admin"]
        self._numbers = count(1)
        self._mqtt = self._connect()

    def _is_ready(self) -> bool:
        assert self.up.process.poll() is None, self.up.log_text()
        return self.endpoints_file.exists()

    def endpoints(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.endpoints_file.read_text())
        return found

    def _connect(self) -> mqtt.Client:
        where = self.endpoints()["mqtt"]
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="fleet.browser-tests", protocol=mqtt.MQTTv5)
        client.username_pw_set(where["fleet"]["username"], where["fleet"]["password"])
        client.connect(where["host"], where["port"])
        client.loop_start()
        until(client.is_connected, what="the fleet's connection")
        return client

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Call the API with the administrator's key; the parsed answer."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            self.api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.admin['api_key']}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.code} {refused.read().decode()}") from refused
        return json.loads(text) if text else None

    def metrics(self) -> str:
        """What the API measures of itself."""
        with urllib.request.urlopen(f"{self.api}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310
            text: str = answer.read().decode()
        return text

    def publish(self, device: str, kind: str, channel: str, body: Any) -> float:
        """Publish with QoS 1, wait for the broker; the time just before."""
        sent_at = time.time()
        topic = f"fire/v1/{AREA}/{kind}/{device}/up/{channel}"
        self._mqtt.publish(topic, json.dumps(body), qos=1).wait_for_publish(PATIENCE_S)
        return sent_at

    def publish_soon(self, device: str, kind: str, body: str) -> None:
        """Publish a reading without waiting for the broker."""
        self._mqtt.publish(f"fire/v1/{AREA}/{kind}/{device}/up/telemetry", body, qos=1)

    def fire(self, panel: str, *, component: str = "1-1-001", kind: str = "fire", zone: str = "三层东走廊") -> float:
        """Let a panel report a fire; the time just before it was published."""
        number = next(self._numbers)
        now_ms = int(time.time() * 1000)
        event = {"event_id": f"{panel}-{number}", "ts": now_ms, "seq": number, "type": kind, "component": component}
        return self.publish(panel, "panel", "event", event | {"zone": zone})

    def reading(self, device: str, kind: str, **fields: Any) -> None:
        """Let a device report values of now."""
        self.publish(device, kind, "telemetry", {"ts": int(time.time() * 1000), "seq": next(self._numbers), **fields})

    def panel(self, code: str, *, site: int | None = None, lon: float = 111.094, lat: float = 39.018) -> str:
        """Register an alarm panel."""
        body = {"kind": "panel", "area": AREA, "name": f"报警主机 {code}", "location": {"lon": lon, "lat": lat}}
        self.call("PUT", f"/api/v1/devices/{code}", body | {"site": site, "source_datum": "wgs84"})
        return code

    def alarms(self, **wanted: str) -> list[dict[str, Any]]:
        """List alarms."""
        asked = "&".join(f"{name}={value}" for name, value in wanted.items())
        items: list[dict[str, Any]] = self.call("GET", f"/api/v1/alarms?limit=1000&{asked}")["items"]
        return items

    def fire_of(self, panel: str) -> dict[str, Any]:
        """Wait for the open fire of a panel."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found[:] = [alarm for alarm in self.alarms(device=panel, category="fire") if alarm["state"] != "closed"]
            return bool(found)

        until(look, what=f"an alarm of {panel}")
        return found[0]

    def age_alarm(self, alarm_id: int, seconds: float) -> None:
        """Let an alarm have been opened so much earlier than it was."""
        self.execute(
            "update alarm set opened_at = opened_at - make_interval(secs => $2) where id = $1", alarm_id, seconds
        )

    def age_notices(self, alarm_id: int, seconds: float) -> None:
        """Let the notices of an alarm have been made so much earlier than they were."""
        self.execute(
            "update notice set created_at = created_at - make_interval(secs => $2) where alarm_id = $1",
            alarm_id,
            seconds,
        )

    def date_notices(self, alarm_id: int, seconds_ago: float) -> None:
        """Let the notices of an alarm have been made so many seconds ago."""
        self.execute(
            "update notice set created_at = clock_timestamp() - make_interval(secs => $2) where alarm_id = $1",
            alarm_id,
            seconds_ago,
        )

    def signed_in(self) -> dict[str, Any]:
        """Begin a session of the administrator's; its cookie.

        As a sign-in leaves it, without what that takes for judging a password: as long as all else of opening a page.
        """
        token = secrets.new_token()
        self.execute(
            """insert into web_session (token_hash, person_id, created_at, expires_at)
               select $1, id, now(), now() + $2 from person where username = $3""",
            secrets.digest(token), SESSION_LIFE, self.admin["username"],
        )  # fmt: skip
        return {"name": COOKIE, "value": token, "url": self.api, "httpOnly": True, "sameSite": "Lax"}

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement on the database of the system."""

        async def execute() -> None:
            connection = await asyncpg.connect(self.endpoints()["database"])
            try:
                await connection.execute(statement, *values)
            finally:
                await connection.close()

        run_in_thread(execute())

    def received(self, kind: str, alarm_id: int) -> list[dict[str, Any]]:
        """What the 119 side got about one alarm."""
        asked = f"{self.desk_url}/received?type={kind}&alarm={alarm_id}"
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
            items: list[dict[str, Any]] = json.loads(answer.read())["items"]
        return items

    def settle(self) -> None:
        """Close every fire, those nobody judged by the verdict false, so that the next test begins in quiet.

        Until 119 has heard of it: the next test may tell 119 to refuse what comes.
        """
        for fire in self.alarms(state="open", category="fire"):
            until(lambda fire=fire: self._closed(fire["id"]), what=f"the end of fire {fire['id']}")
        waits = "/api/v1/notices?state=waiting&limit=1"
        until(lambda: not self.call("GET", waits)["items"], what="119 heard that all is over", timeout_s=120)

    def _closed(self, alarm_id: int) -> bool:
        """Close a fire; False when it changed meanwhile, as the end of one fire changes the others of its site."""
        path = f"/api/v1/alarms/{alarm_id}"
        now = self.call("GET", path)
        if now["verification"] not in {"none", "pending"}:
            self.call("POST", f"{path}/clear", {})
            return True
        body = {"outcome": "false", "note": "test over"}
        try:
            self.call("POST", f"{path}/verify", body, {"If-Match": f'"{now["version"]}"'})
        except AssertionError as refused:
            if ": 412 " not in str(refused):
                raise
            return False
        return True

    def last_words(self) -> str:
        """The ends of the programs' logs, for the report of a test that failed."""
        logs = [self.up.log, *sorted((self.folder / "state" / "logs").glob("*.log"))]
        return "".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1500:]}\n" for log in logs if log.exists())

    def close(self) -> None:
        """End everything."""
        self._mqtt.loop_stop()
        self._mqtt.disconnect()
        self.up.process.terminate()
        self.up.process.wait(PATIENCE_S)
        self.up.close()
        self.desk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def furnish(system: System) -> int:
    """Register the site and its water; the id of the site."""
    site: int = system.call("POST", "/api/v1/sites", SITE)["id"]
    system.panel("UTD-0001", site=site)
    for code, (kind, name, form, lon, lat) in PLACES.items():
        body = {"kind": kind, "area": AREA, "name": name, "form": form, "location": {"lon": lon, "lat": lat}}
        system.call("PUT", f"/api/v1/devices/{code}", body | {"source_datum": "wgs84"})
    for code, pressure_mpa in ((NEAR, 0.31), (WEAK, 0.06), (FAR, 0.28)):
        system.reading(code, "hydrant", pressure_mpa=pressure_mpa, flow_lps=0, water_temp_c=9.5, battery_pct=88)
    system.reading(POOL, "water", level_pct=91.5, level_m=3.2, battery_pct=77)
    return site


@contextmanager
def running(*, dispatching: bool = True) -> Iterator[System]:
    """Start a system, end it."""
    system = System(dispatching=dispatching)
    try:
        yield system
    finally:
        system.close()
