"""Every route that changes something is called once with success, and leaves one row of the audit."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

import services.api
from services.api.people.first_admin import FirstAdmin
from services.api.request.state import State
from tests.integration.api.conftest import AREA, Client, Raise, Store
from tests.integration.api.people.test_browsers import BODY
from tests.integration.api.test_routes import routes_of
from tests.support.servers import Broker

WEB = Path(services.api.__file__).parent / "web"


class Recorder:
    """Makes one call after the other and holds each to one new row of the audit by its caller."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.called: set[tuple[str, str]] = set()

    async def call(
        self,
        who: Client,
        method: str,
        route: str,
        body: Any = None,
        *,
        actor: str = "key:supervisor",
        expected: int = 1,
        **names: Any,
    ) -> Any:
        """Return the body of the answer; a body that is text is sent as CSV."""
        sent: dict[str, Any] = {"json": body, "headers": {"If-Match": "*"} if method == "POST" else {}}
        if isinstance(body, str):
            sent = {"content": body.encode(), "headers": {"Content-Type": "text/csv"}}
        newest = await self._connection.fetchval("select coalesce(max(id), 0) from audit")
        answer = await who.request(method, route.format(**names), **sent)
        assert answer.is_success, (method, route, answer.text)
        rows = await self._connection.fetch("select actor, action from audit where id > $1", newest)
        assert [row["actor"] for row in rows] == [actor] * expected, (method, route, rows)
        self.called.add((method, route))
        return answer.json() if answer.content else None


async def test_every_write_leaves_one_audit_row(  # noqa: PLR0915 - one line per route is the list to read
    *, app: Any, state: State, client: Client, visit: Callable[..., Client], admin: FirstAdmin, broker: Broker,
    connection: asyncpg.Connection, open_alarm: Raise, store_notice: Store,
) -> None:  # fmt: skip
    state.settings = state.settings.model_copy(update={"mqtt_url": broker.provisioner_url})
    recorder, api = Recorder(connection), "/api/v1"
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    window = {"until": until, "reason": "检修"}

    async def call(method: str, path: str, body: Any = None, **names: Any) -> Any:
        return await recorder.call(client, method, api + path, body, **names)

    await call("PUT", "/areas/{code}", {"name": "新区", "parent": "140931"}, code="140931300")
    await call("DELETE", "/areas/{code}", code="140931300")
    await call("PUT", "/devices/{code}", {"kind": "hydrant", "area": AREA}, code="h-1")
    ledger = f"code,kind,area,lon,lat,datum\nh-2,hydrant,{AREA},111.1,39.0,wgs84\n"
    await call("POST", "/devices/import", ledger)
    await call("POST", "/devices/{code}/out-of-service", window, code="h-1")
    await call("POST", "/devices/{code}/commands", {"command": "guard_check"}, code="h-1")
    await call("POST", "/devices/{code}/credentials", code="h-1")

    site = (await call("POST", "/sites", {"name": "医院", "area": AREA}))["id"]
    await call("PUT", "/sites/{id}", {"name": "县医院"}, id=site)
    await call("POST", "/sites/{id}/test-window", window, id=site)

    found = {"device": "h-1", "code": "hydrant_blocked", "owner": "供水公司"}
    hazard, severe, none = [(await call("POST", "/hazards", found))["id"] for _ in range(3)]
    await call("PATCH", "/hazards/{id}", {"grade": "major"}, id=severe)
    await call("POST", "/hazards/{id}/supervise", {"authority": "县消防救援大队"}, id=severe)
    await call("POST", "/hazards/{id}/close", {"outcome": "unfounded", "note": "现场无遮挡"}, id=none)
    for step in ("assign", "rectify", "verify", "reopen"):
        await call("POST", f"/hazards/{{id}}/{step}", {}, id=hazard)

    square = {"type": "Polygon", "coordinates": [[[111.0, 39.0], [111.1, 39.0], [111.1, 39.1], [111.0, 39.0]]]}
    await call("PUT", "/grids/{id}", {"name": "一", "polygon": square}, id="g-1")
    one = {"type": "Feature", "id": "g-2", "properties": {"name": "二"}, "geometry": square}
    await call("POST", "/grids/import", {"type": "FeatureCollection", "features": [one]})
    await call("DELETE", "/grids/{id}", id="g-1")
    await call("POST", "/inspections", {"device": "h-1", "answers": {"flows": True}})

    fire, tamper = await open_alarm("p-1", fire=True), await open_alarm("p-2")
    await call("POST", "/alarms/{id}/verify", {"outcome": "real"}, id=fire)
    false = await open_alarm("p-4", fire=True)
    await call("POST", "/alarms/{id}/verify", {"outcome": "false"}, id=false)
    await call("POST", "/alarms/{id}/correct", {"outcome": "test", "reason": "联动测试"}, id=false)
    await call("POST", "/alarms/{id}/acknowledge", id=tamper)
    await call("POST", "/alarms/{id}/notes", {"text": "已通知维保"}, id=tamper)
    await call("POST", "/alarms/{id}/shelve", window, id=tamper)
    await call("POST", "/alarms/{id}/unshelve", id=tamper)
    await call("POST", "/alarms/{id}/clear", id=tamper)
    await call("POST", "/notices/{id}/replay", id=await store_notice(tamper, "dead"))
    await call("POST", "/notices/{id}/release", id=await store_notice(await open_alarm("p-3", fire=True), "held"))
    reject = await connection.fetchval(
        """insert into reject (received_at, batch_id, topic, payload, reason, detail)
           values (now(), 1, 'nonsense', '', 'bad_topic', '') returning id"""
    )
    await call("POST", "/rejects/{id}/replay", id=reject)
    aside = await connection.fetchval(
        """insert into set_aside (program, kind, name, error, first_at, last_at)
           values ('alerts', 'event', 'e', 'ValueError', now(), now()) returning id"""
    )
    await call("POST", "/set-aside/{id}/retry", id=aside)
    await call("POST", "/set-aside/{id}/drop", id=aside)

    person = {"name": "值班队长", "channel": "sms", "address": "13800000000"}
    contact = (await call("POST", "/contacts", person))["id"]
    await call("PUT", "/contacts/{id}", person | {"enabled": False}, id=contact)
    await call("DELETE", "/contacts/{id}", id=contact)
    await call("PUT", "/policies/drill", {"until": until})
    await call("PUT", "/policies/{name}", {"suspected_s": 120}, name="fire_clocks")
    rule = await call("PUT", "/rules/{code}", {"parameters": {"static_mpa": 0.16}}, code="hydrant_pressure_low")
    override = rule["overrides"][0]["id"]
    await call("DELETE", "/rules/{code}/overrides/{id}", code="hydrant_pressure_low", id=override)
    past = {"parameters": {"static_mpa": 0.16}, "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
    trial = (await call("POST", "/rules/{code}/trials", past, code="hydrant_pressure_low"))["id"]
    await call("POST", "/rules/{code}/trials/{id}/cancel", code="hydrant_pressure_low", id=trial)

    subscription = {"name": "智慧城市平台", "url": "https://city.example/hooks/firetower"}
    platform = (await call("POST", "/subscriptions", subscription))["id"]
    await call("POST", "/subscriptions/{id}/test", id=platform)
    await call("POST", "/subscriptions/{id}/rotate-secret", id=platform)
    await call("POST", "/subscriptions/{id}/replay", {"from": datetime.now(UTC).isoformat()}, id=platform)
    await call("PATCH", "/subscriptions/{id}", {"state": "paused"}, id=platform)
    await call("DELETE", "/subscriptions/{id}", id=platform)

    await call("POST", "/users", {"username": "li", "password": "correct horse", "role": "viewer", "areas": ["*"]})
    await call("PUT", "/users/{username}", {"name": "李"}, username="li")
    await call("DELETE", "/users/{username}", username="li")
    link = await call("POST", "/townships", {"name": "dongguan", "areas": [AREA]})
    relay = visit(link["api_key"])
    for path, body in (
        ("commands", {"replies": []}),
        ("readings", {"rows": []}),
        ("report", {"version": "1", "backlog_rows": 0, "backlog_s": 0}),
    ):
        await recorder.call(relay, "POST", f"{api}/relay/{path}", body, expected=0)  # every second: no act of anybody
    opened = (await client.get(f"/api/v1/alarms/{await open_alarm('p-9', fire=True)}")).json()
    where = {name: opened[name] for name in ("device", "code", "component", "opened_at")}
    act = {"act_id": str(uuid4()), "act": "verify", "outcome": "real", "person": "user:li", "at": until, "alarm": where}
    await recorder.call(relay, "POST", f"{api}/acts", act, actor="user:li@dongguan")
    await call("DELETE", "/townships/{name}", name="dongguan")
    key = (await call("POST", "/api-keys", {"name": "gis", "role": "viewer"}))["id"]
    await call("DELETE", "/api-keys/{id}", id=key)

    page, actor = visit(), f"user:{admin.username}"
    login = {"username": admin.username, "password": admin.password}
    await recorder.call(page, "POST", f"{api}/session", login, actor=actor)
    await recorder.call(page, "DELETE", f"{api}/session/others", actor=actor)
    await connection.execute("insert into web_push_state (is_on, public_key) values (true, $1)", BODY["public_key"])
    await recorder.call(page, "PUT", f"{api}/session/push", BODY, actor=actor)
    await recorder.call(page, "DELETE", f"{api}/session/push", actor=actor)
    shift = {"shift": "白班", "from": datetime.now(UTC).isoformat()}
    signed = (await recorder.call(page, "POST", f"{api}/handovers", shift, actor=actor))["id"]
    taker = {"username": "zhao", "password": "correct horse", "role": "duty_officer", "areas": ["*"]}
    await call("POST", "/users", taker)
    proof = {name: taker[name] for name in ("username", "password")}
    await recorder.call(page, "POST", f"{api}/handovers/{{id}}/accept", proof, actor=actor, id=signed)
    change = {"current": admin.password, "new": "correct horse battery"}
    await recorder.call(page, "PUT", f"{api}/session/password", change, actor=actor)
    await recorder.call(page, "DELETE", f"{api}/session", actor=actor)

    unsafe = {(method, route.path) for method, route in routes_of(app) if method not in {"GET", "HEAD"}}
    assert recorder.called == unsafe
    actions = {row["action"] for row in await connection.fetch("select distinct action from audit")}
    words = (WEB / "js" / "words" / "zh-admin-names.js").read_text(encoding="utf-8")
    assert not {one for one in actions if f'"audit.{one}":' not in words}  # the page of the audit says each in words
