"""Holds what came out of a run on the whole system to what went in: one row of figures for each promise."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson

from services.core import db
from tests.faults.alerts.script import Script
from tests.faults.chaos.books import row_of, stored_events, stored_readings
from tests.faults.chaos.crowd import AckWatch, Crowd
from tests.faults.chaos.people import Officer, Screen, picture_of
from tests.faults.chaos.whole import Whole
from tests.integration.gateway.crowd import Crowd as Panels
from tests.integration.gateway.crowd import check_books
from tests.support.subscriber import Subscriber
from tests.support.waiting import eventually

CALM_S = 5  # so long nothing may wait before the books are closed

WAITING = """select
    (select count(*) from notice where state = 'waiting')
    + (select count(*) from subscription_event where number is null)
    + (select count(*) from subscription_delivery where state = 'waiting')
    + (select coalesce(max(slots_used), 0) from ingest_lane)"""
NOTICES = "select id::text as id, alarm_id, number, state, body from notice where channel = 'desk'"
EVENTS = """select e.uid::text as id, d.state from subscription_event e
join subscription_delivery d on d.number = e.number where d.subscription_id = $1"""
ALARMS = """select d.code as device, a.code, a.component, count(*) as times from alarm a
join device d on d.id = a.device_id where d.code like 'panel-%' or d.code like 'utd-%' group by 1, 2, 3"""
ACTS = """select alarm_id, act, count(*) as times from alarm_transition
where act in ('acknowledge', 'verify') and actor like 'key:%' group by 1, 2"""


@dataclass
class Cast:
    """Everybody who took part."""

    whole: Whole
    crowd: Crowd
    acks: AckWatch
    script: Script
    panels: Panels
    officer: Officer
    screen: Screen
    receiver: Subscriber
    subscription: int

    async def settle(self, database: asyncpg.Connection, patience_s: float) -> None:
        """Wait until nothing is under way any more."""
        parts = (
            (lambda: self.crowd.settled, "every ack of the devices"),
            (lambda: self.script.all_acked, "every ack of the script"),
            (lambda: not self.panels.said, "every confirm at the panels"),
            (lambda: self.acks.idle, "every ack looked up"),
        )
        for condition, what in parts:
            await eventually(condition, what=what, timeout_s=patience_s, every_s=0.5)
        calm = 0
        for _ in range(round(patience_s)):
            calm = calm + 1 if await database.fetchval(WAITING) == 0 else 0
            if calm >= CALM_S:
                return
            await asyncio.sleep(1)
        raise AssertionError(f"{await database.fetchval(WAITING)} things still wait after {patience_s:g} s")


async def balance(cast: Cast, *, patience_s: float) -> dict[str, Any]:
    """Wait until all has settled, and compare."""
    database = await db.connect(cast.whole.database, program="test", statement_timeout_s=120)
    try:
        await cast.settle(database, patience_s)
        crowd = cast.crowd
        row = row_of(crowd.prefix, crowd.books, await stored_readings(database, crowd.prefix), [])
        events = await stored_events(database, crowd.prefix)
        row["events_missing"] = sorted(crowd.books.events_sent - events.keys())
        row["events_stored_twice"] = sorted(name for name, times in events.items() if times > 1)
        return {
            "crowds": [row],
            "events_acked_before_stored": cast.acks.too_early,
            "event_acks_looked_up": cast.acks.checked,
            "readings_sent_again": crowd.link.counts.readings_resent,
            "events_sent_again": crowd.link.counts.events_resent + cast.script.link.counts.events_resent,
            "panels": await check_books(cast.whole.database, cast.panels.books),
            "alarms": await _alarms(cast, database),
            "notices": await _notices(cast, database),
            "push": await _push(cast, database),
            "acts": await _acts(cast, database),
            "screen": await _screen(cast),
            "audit": _audit(cast.whole.database, cast.whole.programs_folder),
        }
    finally:
        await database.close()


async def _alarms(cast: Cast, database: asyncpg.Connection) -> dict[str, Any]:
    """Each deed of the script and each fire of a panel is one alarm."""
    times = {(row["device"], row["code"], row["component"]): row["times"] for row in await database.fetch(ALARMS)}
    due = {(panel, "fire", "m1") for panel in cast.script.pressed_s}
    due |= {(panel, "power_fault", "") for panel in cast.script.owed.keys() - cast.script.pressed_s.keys()}
    due |= {(panel, "fire", component) for panel, component in cast.panels.books.confirmed_at}
    return {
        "due": len(due),
        "missing": sorted(map(str, due - times.keys())),
        "twice": sorted(str(one) for one in due & times.keys() if times[one] != 1),
    }


async def _notices(cast: Cast, database: asyncpg.Connection) -> dict[str, Any]:
    """What is delivered is what the desk took first, once by id, and in order for each alarm."""
    rows = {row["id"]: row for row in await database.fetch(NOTICES)}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.get(f"{cast.whole.desk_url}/received", params={"limit": "100000"})
    first = [one for one in answer.json()["items"] if one["first"]]
    order: dict[int, list[int]] = {}
    for one in first:
        if one["notice_id"] in rows:
            row = rows[one["notice_id"]]
            order.setdefault(row["alarm_id"], []).append(row["number"])
    told: dict[str, list[str]] = {}
    for one in first:
        if one["body"]["alarm"]["code"] in ("fire", "power_fault") and one["body"]["device"]:
            told.setdefault(one["body"]["device"]["code"], []).append(one["type"])
    delivered = {number for number, row in rows.items() if row["state"] == "delivered"}
    taken = [one["notice_id"] for one in first]
    return {
        "taken": len(taken),
        "states": Counter(row["state"] for row in rows.values()),
        "taken_twice": len(taken) - len(set(taken)),
        "taken_and_unknown": sorted(set(taken) - rows.keys()),
        "delivered_and_not_taken": sorted(delivered - set(taken)),
        "other_bytes": [one["notice_id"] for one in first if one["notice_id"] in rows
                        and rows[one["notice_id"]]["body"].decode() != one["bytes"]],
        "out_of_order": [alarm for alarm, numbers in order.items() if numbers != sorted(numbers)],
        "owed_and_not_told": _not_told(cast.script, told, _withdrawn(rows.values())),
        "fire_to_desk_s": _spread(cast.script, first),
    }  # fmt: skip


def _withdrawn(rows: Iterable[asyncpg.Record]) -> set[str]:
    """Whose fire was called false before its notice had gone out."""
    bodies = [orjson.loads(row["body"]) for row in rows if row["state"] == "withdrawn"]
    return {body["device"]["code"] for body in bodies if body["type"] == "fire.confirmed" and body["device"]}


def _not_told(script: Script, told: dict[str, list[str]], withdrawn: set[str]) -> list[str]:
    """Whose desk did not hear what it is owed; of a fire, what people do with it comes after."""
    found = []
    for panel, owed in script.owed.items():
        heard = told.get(panel, [])
        good = heard[:1] == owed and heard.count(owed[0]) == 1 if panel in script.pressed_s else heard == owed
        if not good and not (panel in withdrawn and panel in script.pressed_s and not heard):
            found.append(f"{panel}: {heard}, owed {owed}")
    return found


def _spread(script: Script, first: Sequence[dict[str, Any]]) -> dict[str, float]:
    took = sorted(
        datetime.fromisoformat(one["received_at"]).timestamp() - script.pressed_s[one["body"]["device"]["code"]]
        for one in first
        if one["type"] == "fire.confirmed" and (one["body"]["device"] or {}).get("code") in script.pressed_s
    )
    return {
        "p50": round(took[len(took) // 2], 2),
        "p95": round(took[int(len(took) * 0.95)], 2),
        "longest": round(took[-1], 2),
    }


async def _push(cast: Cast, database: asyncpg.Connection) -> dict[str, Any]:
    """What is delivered is what the receiver took, once by id, and in order for each subject."""
    states = {row["id"]: row["state"] for row in await database.fetch(EVENTS, cast.subscription)}
    ids = cast.receiver.ids()
    raised = Counter(
        one.event.get_subject()
        for one in {one.id: one for one in cast.receiver.took}.values()
        if one.event.get_type() == "cn.firetower.alarm.raised.v1" and one.event.get_subject() in cast.script.owed
        and one.event.get_data()["alarm"]["code"] in ("fire", "power_fault")
    )  # fmt: skip
    return {
        "taken": len(ids),
        "taken_again": len(cast.receiver.took) - len(ids),
        "taken_and_unknown": sorted(set(ids) - states.keys()),
        "not_delivered": sorted(number for number, state in states.items() if state != "delivered"),
        "delivered_and_not_taken": sorted(
            {number for number, state in states.items() if state == "delivered"} - set(ids)
        ),
        "out_of_order": [
            subject for subject, numbers in cast.receiver.subjects().items() if numbers != sorted(set(numbers))
        ],
        "alarms_not_told_once": sorted(panel for panel in cast.script.owed if raised[panel] != 1),
        "refused_by_the_receiver": cast.receiver.refused,
    }


async def _acts(cast: Cast, database: asyncpg.Connection) -> dict[str, Any]:
    """What was answered was done once, and nothing was done that was not asked."""
    done = {(row["alarm_id"], row["act"]): row["times"] for row in await database.fetch(ACTS)}
    asked = cast.officer.done
    return {
        "answered": len(asked),
        "asked_again": cast.officer.repeated,
        "answered_from_memory": cast.officer.answered_again,
        "answered_and_not_done": sorted(map(str, asked.keys() - done.keys())),
        "done_twice": sorted(str(one) for one, times in done.items() if times != 1),
        "done_and_not_answered": sorted(map(str, done.keys() - asked.keys())),
        "refused": cast.officer.refused,
    }


async def _screen(cast: Cast) -> dict[str, Any]:
    """What a screen shows in the end is what there is."""
    screen = cast.screen
    different: list[int] = []

    async def agrees() -> bool:
        truth = picture_of(await screen.fetch())
        different[:] = [number for number in truth.keys() | screen.picture.keys()
                        if truth.get(number) != screen.picture.get(number)]  # fmt: skip
        return not different

    with suppress(AssertionError):  # the report says which
        await eventually(agrees, what="the screen agrees", every_s=1)
    return {
        "alarms": len(screen.alarms), "told": screen.told, "connections": screen.connections,
        "resyncs": screen.resyncs, "differs": different,
    }  # fmt: skip


def _audit(database: str, folder: Path) -> dict[str, Any]:
    """Ask `firetower audit verify`, as a person would."""
    command = [str(Path(sys.executable).with_name("firetower")), "audit", "verify"]
    env = {"PATH": "/usr/bin:/bin", "FIRETOWER_DATABASE_URL": database, "FIRETOWER_STATE_DIR": str(folder)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    return {"exit_code": done.returncode, "said": (done.stdout + done.stderr).strip()[-1000:]}
