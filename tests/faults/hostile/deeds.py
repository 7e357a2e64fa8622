"""What is done to the system between two fires: hostile settings through the API, and straight into the tables."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx2
import orjson

from services.core.alarms.policies import DEFAULTS
from services.core.rules.catalog import RULES
from tests.faults.hostile.values import Hostile

AREA = "140931100"
Deed = Callable[[], Awaitable[None]]
POLICIES: dict[str, Any] = {
    "fire_clocks": {"suspected_s": 180, "probable_s": 60, "evidence_window_s": 300, "incident_gap_s": 1800},
    "drill": {"until": None},
    "notices": {"notify_from": "major", "offline_hold_s": 30, "flap_hold_s": 60, "hold_older_than_s": 3600},
    "grouping": {"mains_members": 3, "mains_window_s": 120, "silence_members_area": 4},
    "health": {"storage_low_pct": 80, "stalled_s": 30, "drift_s": 5},
    "escalation": {"steps": [{"code": "fire", "after_s": 0, "channels": ["sms", "webhook"], "until": "acknowledged"}]},
    "rota": {
        "shifts": [{"contacts": [1], "weekdays": [1, 2, 3, 4, 5, 6, 7], "begin": "08:00", "end": "20:00"}],
        "exceptions": [{"day": "2026-12-24", "begin": "08:00", "end": "12:00", "contacts": []}],
    },
    "risk": {"fire_open": {"each": 40, "most": 60}, "red_from": 40, "water_radius_m": 150, "fire_recent_d": 90},
    "responses": {"fire": {"zh": "派队", "en": "send a unit"}},
    "sms_gateway": {"url": "http://127.0.0.1:9/", "headers": {"X-Key": "k"}, "body": {"to": "{address}"}},
    "voice_gateway": {"url": "http://127.0.0.1:9/", "headers": {}, "body": {"tts": "{text}"}},
}
CONTACT = {
    "name": "值班", "channel": "webhook", "address": "http://127.0.0.1:9/", "area": AREA,
    "settings": {"headers": {"X": "y"}},
}  # fmt: skip
SITE = {
    "name": "小学", "area": AREA, "address": "东街", "location": {"lon": 111.09, "lat": 39.02}, "access_note": "北门",
    "contacts": [{"name": "张", "role": "校长", "phone": "13800000000"}],
}  # fmt: skip
DEVICE = {
    "kind": "hydrant", "area": AREA, "name": "栓", "location": {"lon": 111.09, "lat": 39.02}, "form": "aboveground",
    "expected_interval_s": 300, "sleepy": False, "rated_current_a": 63, "limits": {"level_pct_low": 30},
    "attributes": {"vendor": "x"},
}  # fmt: skip
OVERRIDE = {"scope": "device", "target": "hydrant-1", "effective_from": None}
SET_POLICY = """
    insert into policy (name, body, updated_by) values ($1, $2, 'x')
    on conflict (name) do update set body = excluded.body
"""
ADD_OVERRIDE = """
    insert into rule_parameter (code, scope, target, parameters, effective_from, created_by)
    values ($1, 'device', $2, $3, now(), 'x')
"""
MOMENTS = (
    "infinity", "-infinity", "294276-12-31", "10000-01-01", "9999-12-31 23:59:59.999999-12", "0001-01-01 00:00+14",
    "4713-01-01 BC", "1970-01-01", "2262-04-11 23:47:17",
)  # fmt: skip
# the times of what people read in lists, save those that say when something is due or who may still get in
FIND_TIMES = """
    select table_name, column_name from information_schema.columns
    where data_type = 'timestamp with time zone' and table_schema = 'public'
        and table_name = any('{alarm,alarm_transition,incident,device,device_state,device_quality,policy,rule_parameter,
            contact,reject,event,notice,notice_attempt,audit,site,command,set_aside,person,api_key,device_flood}')
        and column_name <> all('{due_at,claimed_until,expires_at,revoked_at,escalates_at,dead_at,delivered_at,
            released_at}')
    order by 1, 2
"""
LISTS = (
    "/api/v1/devices", "/api/v1/devices/hydrant-1", "/api/v1/alarms", "/api/v1/alarms?state=open", "/api/v1/events",
    "/api/v1/rejects", "/api/v1/incidents", "/api/v1/notices", "/api/v1/contacts", "/api/v1/policies", "/api/v1/rules",
    "/api/v1/sites", "/api/v1/areas", "/api/v1/users", "/api/v1/api-keys", "/api/v1/audit", "/api/v1/slo",
    "/api/v1/system", "/api/v1/set-aside", "/api/v1/not-configured", "/api/v1/data-quality", "/geo/devices.geojson",
    "/api/v1/on-call?days=7", "/api/v1/devices/hydrant-1/readings?bucket=1h",
    "/api/v1/water-sources/nearest?lon=111.09&lat=39.02", "/api/v1/risk", "/api/v1/hazards", "/api/v1/grids",
    "/api/v1/inspections", "/api/v1/inspections/due", "/api/v1/townships", "/api/v1/reports/monthly",
)  # fmt: skip
SET_TIME = "update {} set {} = $1::text::timestamptz"
assert set(POLICIES) == set(DEFAULTS), "a policy is not tried"


class Deeds:
    """Draws deeds. An answer of 5xx, or none, is a fault of ours and kept in `faults`."""

    def __init__(self, client: httpx2.AsyncClient, conn: asyncpg.Connection, seed: int, *, odd: bool = False) -> None:
        self._worst = 503 if odd else 499  # what may be answered: "come again" while the database behaves oddly
        self._client = client
        self._conn = conn
        self._hostile = Hostile(seed)
        self.done = 0
        self._times: list[tuple[str, str]] = []
        self.faults: list[str] = []

    async def one(self) -> None:
        """Do one."""
        self._times = self._times or [tuple(row) for row in await self._conn.fetch(FIND_TIMES)]
        self.done += 1
        kind = self._hostile.dice.random()
        if kind < 0.5:
            await self._through_the_api()
        elif kind < 0.9:
            await self._into_a_table()
        else:
            await self._request("GET", self._hostile.dice.choice(LISTS))

    async def _through_the_api(self) -> None:
        dice, spoil = self._hostile.dice, self._hostile.spoil
        name, code = dice.choice(list(POLICIES)), dice.choice(list(RULES))
        method, path, body = dice.choice(
            [
                ("PUT", f"/policies/{name}", POLICIES[name]),
                ("PUT", f"/policies/{name}", POLICIES[name]),
                ("POST", "/contacts", CONTACT),
                ("PUT", f"/rules/{code}", OVERRIDE | {"parameters": _numbers_of(code)}),
                ("POST", "/sites", SITE),
                ("PUT", f"/sites/{dice.randrange(1, 4)}", SITE),
                ("PUT", f"/devices/hydrant-{dice.randrange(5)}", DEVICE),
            ]
        )
        raw = _dump(spoil(body))
        await self._request(method, f"/api/v1{path}", raw)

    async def _request(self, method: str, path: str, raw: bytes | None = None) -> None:
        headers = {} if raw is None else {"content-type": "application/json"}
        answer = await self._client.request(method, path, content=raw, headers=headers)
        if answer.status_code in (500, 501, 502, 504) or answer.status_code > self._worst:
            self.faults.append(f"{method} {path} {(raw or b'')[:300]!r}: {answer.status_code} {answer.text[:300]}")

    async def _into_a_table(self) -> None:
        """Write what no check has seen, as an older release or a hand in psql would. The database may refuse it."""
        dice, value = self._hostile.dice, self._hostile.value
        name, code = dice.choice(list(POLICIES)), dice.choice(list(RULES))
        absurd: Any = dict.fromkeys(RULES[code].parameters, dice.choice([1e9, -1e308, 1e308]))
        statement: tuple[Any, ...] = dice.choice(
            [
                (
                    SET_POLICY,
                    name,
                    dice.choice([value(), self._hostile.spoil(POLICIES[name])]),
                ),
                (
                    "insert into contact (name, channel, address, settings) values ($1, $2, $3, $4)",
                    *("x", dice.choice(["webhook", "sms", "voice"]), str(value())[:60].replace("\0", ""), value()),
                ),
                (
                    ADD_OVERRIDE,
                    code,
                    f"hydrant-{dice.randrange(5)}",
                    dice.choice([value(), absurd]),
                ),
                (SET_TIME.format(*dice.choice(self._times)), dice.choice(MOMENTS)),
                ("update device set limits = $1, attributes = $2 where code like 'hydrant-%'", value(), value()),
                ("update site set contacts = $1 where id = $2", value(), dice.randrange(1, 4)),
                ("update device_state set state = $1 where device_id = $2", value(), dice.randrange(1, 8)),
                ("update rule_state set state = $1", value()),
                ("update alarm set life = $1 where code <> 'fire'", value()),
                ("update fire_scope set evidence = $1", value()),
                ("update notice set target = $1 where channel <> 'desk' and state = 'waiting'", value()),
            ]
        )
        try:
            await self._conn.execute(*statement)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError):
            return  # refused: then it cannot stand there


def _numbers_of(code: str) -> dict[str, float]:
    return {name: parameter.default for name, parameter in RULES[code].parameters.items()}


def _dump(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        return repr(body).encode("utf-8", "surrogatepass")
