"""A hundred kills of everything that runs, with stalls and cuts between them, while people and devices go on working.

`HUNDRED_KILLS_SEED` repeats a run, `HUNDRED_KILLS` changes how many; reports/hundred-kills.json says what was found.
"""

import asyncio
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from bench.origin import machine
from services.core.clock import SystemClock
from services.core.mqtt import SessionConfig
from simulators.panel_link import Habits
from tests.faults.alerts.script import Script
from tests.faults.chaos.balance import Cast, balance
from tests.faults.chaos.breaking import Act, Breaking
from tests.faults.chaos.crowd import AckWatch, Crowd, EventRows
from tests.faults.chaos.people import Officer, Screen
from tests.faults.chaos.report import write_report
from tests.faults.chaos.whole import Whole
from tests.integration.gateway.crowd import Crowd as Panels
from tests.integration.gateway.crowd import crowd_of
from tests.support.servers import Program
from tests.support.subscriber import Subscriber
from tests.support.wire import Wire

SEED = int(os.environ.get("HUNDRED_KILLS_SEED") or secrets.randbelow(10**6))
KILLS = int(os.environ.get("HUNDRED_KILLS") or 105)
LEAST_OF_EACH = min(5, KILLS // 10)  # of ten that can be killed
PAUSE_S = (0.8, 2.6)
PATIENCE_S = 300.0
RATE_PER_S, EVENTS_PER_S = 150, 2
ALARM_EVERY_S, PANEL_FIRE_EVERY_S = 1.0, 4.0
PANELS = 10


def plan_of(dice: random.Random, whole: Whole, acts: Sequence[str]) -> list[str]:
    """Return what is done, in order: each victim its share, the rest by chance, stalls and cuts among them."""
    victims = whole.victims
    supervised = [name for name in victims if name not in ("up", "stack")]  # a supervisor takes all its children along
    kills = [f"kill {name}" for name in victims for _ in range(LEAST_OF_EACH)]
    kills += [f"kill {dice.choice(supervised)}" for _ in range(KILLS - len(kills))]
    others = [f"hold {dice.choice(supervised)}" for _ in range(KILLS // 6)]
    others += [dice.choice(acts) for _ in range(KILLS // 6)]
    plan = kills + others
    dice.shuffle(plan)
    return plan


async def press(script: Script, stop: asyncio.Event) -> None:
    """Let one thing after the other happen at the panels on MQTT until `stop`."""
    number = 0
    while not stop.is_set():
        await script.alarm(number)
        number += 1
        await asyncio.sleep(ALARM_EVERY_S)


async def burn(panels: Panels, stop: asyncio.Event) -> None:
    """Let another detector of a panel on the gateway fire now and then until `stop`; wait for every confirm."""
    async with asyncio.TaskGroup() as fires:
        number = 0
        while not stop.is_set():
            fires.create_task(panels.fire(number % PANELS, 1 + number // PANELS % 8, 1 + number // PANELS))
            number += 1
            await asyncio.sleep(PANEL_FIRE_EVERY_S)


async def subscribe(client: httpx2.AsyncClient, receiver: Subscriber) -> int:
    """Order everything at the API."""
    answer = await client.post("/api/v1/subscriptions", json={"name": "platform", "url": receiver.url, "types": ["*"]})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    receiver.secret = made["secret"]
    return int(made["id"])


@pytest.fixture
async def whole(program: Callable[..., Program], scratch: Path, wire: Callable[[int], Awaitable[Wire]]) -> Whole:
    made = Whole(program, scratch, random.Random(SEED))
    await made.start(wire)
    return made


@pytest.mark.chaos
@pytest.mark.timeout(3000)
async def test_a_hundred_kills_lose_nothing_double_nothing_and_tell_each_notice_once(whole: Whole) -> None:
    print(f"HUNDRED_KILLS_SEED={SEED}")  # noqa: T201
    dice, clock, host = random.Random(SEED + 1), SystemClock(), machine()
    started_s = clock.monotonic()
    rows = EventRows(whole.database)
    acks = AckWatch(rows.fetch)
    crowd = Crowd(
        "OURS", whole.devices_url, started_s,
        devices=50, rate=RATE_PER_S, events_per_s=EVENTS_PER_S, on_event_acked=acks.take,
    )  # fmt: skip
    config = SessionConfig.from_url(
        urlsplit(whole.devices_url), "firetower.fleet.script", filters=("fire/v1/+/panel/+/down/ack",)
    )
    script = Script(config)
    breaking = Breaking(whole.wires, dice, clock, started_s)
    acts: dict[str, Act] = breaking.acts()
    plan = plan_of(dice, whole, list(acts))
    for name in whole.victims:
        acts[f"kill {name}"] = lambda name=name: whole.kill(name)
        acts[f"hold {name}"] = lambda name=name: whole.stall(name)
    stop = asyncio.Event()
    headers = {"Authorization": f"Bearer {whole.api_key}"}
    habits = Habits(splits=0.1, spoils=0.02, noise=0.02, repeat_after_s=5)
    async with (
        httpx2.AsyncClient(base_url=whole.api_url, headers=headers, trust_env=False) as client,
        Subscriber() as receiver,
        crowd_of(whole.wires["panels-gateway"].port, PANELS, habits, database=whole.database) as panels,
    ):
        officer, screen = Officer(client, random.Random(SEED + 2)), Screen(client)
        cast = Cast(
            whole, crowd, acks, script, panels, officer, screen, receiver, await subscribe(client, receiver)
        )  # fmt: skip
        async with asyncio.TaskGroup() as tasks:
            links = [tasks.create_task(one.link.run()) for one in (crowd, script)]
            others = [tasks.create_task(work) for work in (acks.run(), screen.follow())]
            for one in (crowd, script):
                await one.link.ready()
            working = [
                tasks.create_task(work)
                for work in (crowd.publish(stop), press(script, stop), burn(panels, stop), officer.work(stop))
            ]
            from_s = breaking.now_s()
            for what in plan:
                await clock.sleep(dice.uniform(*PAUSE_S))
                await breaking.do(what, acts[what])
            under_load_s = breaking.now_s() - from_s
            stop.set()
            await whole.all_run()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*working)
            found = await balance(cast, patience_s=PATIENCE_S)
            for one in (crowd, script):
                await one.link.stop()
            for task in others:
                task.cancel()
            await asyncio.gather(*links)
    await rows.close()
    whole.stop()
    report = {"machine": host} | figures(whole, breaking, under_load_s) | found
    write_report("hundred-kills", report)
    check(report)


def figures(whole: Whole, breaking: Breaking, under_load_s: float) -> dict[str, Any]:
    """Return what was done to the system."""
    return {
        "seed": SEED,
        "seconds_under_load": round(under_load_s, 1),
        "messages_per_s": RATE_PER_S + EVENTS_PER_S,
        "kills": sum(whole.kills.values()),
        "kills_of": dict(sorted(whole.kills.items())),
        "stalls_of": dict(sorted(whole.stalls.items())),
        "wire_breaks": sum(not one.what.startswith(("kill ", "hold ")) for one in breaking.breaks),
        "ended_by_themselves": whole.ended_by_themselves(),
        "supervisor_starts_in_vain": whole.starts_in_vain,
        "breaks": [asdict(one) for one in breaking.breaks],
    }


NOTHING = {  # what has to be empty or 0
    "alarms": ("missing", "twice"),
    "notices": (
        "taken_twice", "taken_and_unknown", "delivered_and_not_taken", "other_bytes", "out_of_order",
        "owed_and_not_told",
    ),
    "push": (
        "taken_and_unknown", "not_delivered", "delivered_and_not_taken", "out_of_order", "alarms_not_told_once",
        "refused_by_the_receiver",
    ),
    "acts": ("answered_and_not_done", "done_twice", "done_and_not_answered", "refused"),
    "screen": ("differs",),
    "audit": ("exit_code",),
}  # fmt: skip


def check(report: dict[str, Any]) -> None:
    """Hold the run to the promises; all that is wrong is said at once."""
    [ours] = report["crowds"]
    wrong = {f"{part}.{name}": report[part][name] for part, names in NOTHING.items() for name in names
             if report[part][name]}  # fmt: skip
    for name in ("acked_and_missing", "stored_twice", "events_missing", "events_stored_twice"):
        if ours[name]:
            wrong[name] = ours[name]
    for name in ("ended_by_themselves", "events_acked_before_stored"):
        if report[name]:
            wrong[name] = report[name]
    assert not wrong, wrong
    assert ours["events_acked"] == ours["events_sent"]
    assert report["kills"] == KILLS
    assert min(report["kills_of"].values()) >= LEAST_OF_EACH
    assert report["screen"]["resyncs"] > 0
    assert report["acts"]["answered"] > 0
