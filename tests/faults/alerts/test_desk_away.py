"""The desk away for ten minutes (DESK_AWAY_S shortens it), then back with late answers, duplicates and errors."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import pytest

from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

FIRES, SUSPICIONS, FAULTS = 40, 20, 40


async def is_back(desk: DeskControl) -> bool:
    try:
        await desk.received(limit=1)
    except httpx2.TransportError:
        return False
    return True


async def dismiss(county: County, device: str) -> None:
    (alarm,) = await eventually(lambda: county.alarms("d.code = $1", device), what=f"the alarm of {device}")
    await acts.verify(county.conn, alarm["id"], outcome="false", note="", actor="user:t", now=datetime.now(UTC))


async def play(county: County, desk: DeskControl, away_s: float) -> dict[str, list[str]]:
    """Take the desk away, let things happen, and bring it back in a bad mood; what each device owes the desk."""
    owed: dict[str, list[str]] = {}
    await desk.behave(mode="vanish", seconds=away_s)
    gone = datetime.now(UTC)
    for n in range(SUSPICIONS):
        await county.send_events([{"device": f"head-{n}", "type": "fire", "component": "d1"}])
        owed[f"head-{n}"] = ["alarm.escalated"]
    for n in range(0, SUSPICIONS, 2):
        await dismiss(county, f"head-{n}")
        del owed[f"head-{n}"]
    for n in range(FIRES):
        await county.send_events([{"device": f"panel-{n}", "type": "manual_alarm", "component": "m1"}])
        owed[f"panel-{n}"] = ["fire.confirmed"]
    for n in range(0, FIRES, 4):  # due before the verdict: sent, and taken back
        await dismiss(county, f"panel-{n}")
        owed[f"panel-{n}"] += ["alarm.updated", "alarm.cleared"]
    for n in range(FAULTS):
        await county.send_events([{"device": f"mains-{n}", "type": "mains_fault"}])
        owed[f"mains-{n}"] = ["alarm.raised"]
    for n in range(0, FAULTS, 4):
        await county.send_events([{"device": f"mains-{n}", "type": "mains_fault", "active": False}])
        owed[f"mains-{n}"] += ["alarm.cleared"]
    due = sum(map(len, owed.values()))
    await eventually(lambda: county.notices("channel = 'desk'", at_least=due), what="all due", timeout_s=away_s + 30)
    await eventually(lambda: is_back(desk), what="the desk", timeout_s=away_s + 30, every_s=0.05)
    assert (datetime.now(UTC) - gone).total_seconds() >= away_s
    for mood in (
        {
            "mode": "delay",
            "seconds": 3,
            "count": 30,
        },  # takes it, but answers a fire too late: the next one is a duplicate
        {"mode": "error", "count": 30},
        {"mode": "busy", "retry_after": "1", "count": 10},
    ):
        await desk.behave(**mood)
        await eventually(lambda: calm(desk), what=f"the end of {mood}", timeout_s=120)
    return owed


async def calm(desk: DeskControl) -> bool:
    """Whether the desk's mood has passed."""
    return (await desk.behaviour())["mode"] == "ok"


@pytest.mark.chaos
@pytest.mark.timeout(1200)
async def test_everything_due_arrives_once_in_order_and_nothing_called_false_in_time(
    county: County, desk: DeskControl, alerts: Callable[..., Program]
) -> None:
    away_s = float(os.environ.get("DESK_AWAY_S", "600"))
    await county.set_policy("fire_clocks", suspected_s=min(180, away_s / 2))
    for name, count in (("head", SUSPICIONS), ("panel", FIRES), ("mains", FAULTS)):
        for n in range(count):
            await county.add_device(f"{name}-{n}")
    alerts()
    owed = await play(county, desk, away_s)
    due = sum(map(len, owed.values()))
    await eventually(lambda: county.notices("state = 'delivered'", at_least=due), what="all", timeout_s=150)
    requests = await desk.received(limit=100_000)
    told: dict[str, list[str]] = {}
    for one in requests:
        if one["first"]:
            told.setdefault(one["body"]["device"]["code"], []).append(one["type"])
    assert told == owed
    assert not await county.notices("state <> 'delivered'")
    answers = [one["answered"] for one in requests]
    counts = {status: answers.count(status) for status in (200, 409, 429, 500)}
    assert counts[200] == due
    assert all(counts[status] for status in (409, 429, 500)), counts
    failed = await county.alarms("a.code = 'dispatch_failed'")
    assert bool(failed) == (away_s > 60)
    over = "a.code = 'dispatch_failed' and cleared_at is not null"
    if failed:
        await eventually(lambda: county.alarms(over, at_least=len(failed)), what="the end of dispatch_failed")
    print(json.dumps({"away_s": away_s, "notices": due, "answers": counts}))  # noqa: T201
