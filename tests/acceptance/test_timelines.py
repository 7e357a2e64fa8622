"""Escalation in a running system, read like a table of times: what happens at which second, what the desk hears when.

Every row is a site of its own; all run side by side against one worker with clocks of seconds instead of minutes. The
table counts in steps, long enough that a busy machine takes no moment for the next one.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.core.alarms.ledger import acts
from tests.integration.alerts.conftest import DeskControl
from tests.support.county import County
from tests.support.servers import Program
from tests.support.waiting import eventually

STEP_S = 3.0
SUSPECTED, PROBABLE, WINDOW_LASTS = 6, 3, 8  # in steps
LATE = 2.5  # steps that a busy machine may add to a moment of the table

HEAD, HEAD_2, BUTTON = ("fire", "d1"), ("fire", "d2"), ("manual_alarm", "m1")
FEEDBACK, RESET = ("feedback", "damper"), ("reset", "")
ACKNOWLEDGE, REAL, FALSE, TEST, WINDOW = "acknowledge", "real", "false", "test", "window"
CONFIRMED, ESCALATED, UPDATED, CLEARED = "fire.confirmed", "alarm.escalated", "alarm.updated", "alarm.cleared"

#   what happens, at which step                  what the desk hears, at which step
TABLE = {
    "one head": ([(0, HEAD)], [(6, ESCALATED)]),
    "one head, acknowledged": ([(0, HEAD), (1, ACKNOWLEDGE)], [(6, ESCALATED)]),
    "one head, reset": ([(0, HEAD), (1, RESET)], [(6, ESCALATED)]),
    "one head with feedback": ([(0, HEAD), (1, FEEDBACK)], [(4, ESCALATED)]),
    "one head, real": ([(0, HEAD), (2, REAL)], [(2, CONFIRMED)]),
    "one head, false": ([(0, HEAD), (2, FALSE)], []),
    "one head, a test": ([(0, HEAD), (2, TEST)], []),
    "one head, false too late": ([(0, HEAD), (9, FALSE)], [(6, ESCALATED), (9, UPDATED), (9, CLEARED)]),
    "one head, real too late": ([(0, HEAD), (9, REAL)], [(6, ESCALATED), (9, CONFIRMED)]),
    "two heads": ([(0, HEAD), (2, HEAD_2)], [(2, CONFIRMED), (2, UPDATED)]),
    "a call point": ([(0, BUTTON)], [(0, CONFIRMED)]),
    "a head in a test window": ([(0, WINDOW), (1, HEAD)], [(8 + 6, ESCALATED)]),
    "a head called a test in its window": ([(0, WINDOW), (1, HEAD), (3, TEST)], []),
    "a call point in a test window": ([(0, WINDOW), (1, BUTTON)], [(1, CONFIRMED)]),
}


async def happen(county: County, lock: asyncio.Lock, site: int, device: str, deed: str | tuple[str, str]) -> None:
    now = datetime.now(UTC)
    async with lock:  # one connection for all rows
        if isinstance(deed, tuple):
            event = {"device": device, "type": deed[0], "component": deed[1], "component_type": 40}
            await county.send_events(
                [event if deed[1].startswith("d") and deed != FEEDBACK else event | {"component_type": None}]
            )
        elif deed == WINDOW:
            until = now + timedelta(seconds=WINDOW_LASTS * STEP_S)
            await acts.set_test_window(county.conn, site, until=until, reason="周检", actor="user:t", now=now)
        else:
            (alarm,) = await eventually(
                lambda: county.alarms("d.code = $1 and a.state <> 'closed'", device), what=f"the alarm of {device}"
            )
            if deed == ACKNOWLEDGE:
                await acts.acknowledge(county.conn, alarm["id"], actor="user:t", now=now)
            else:
                await acts.verify(county.conn, alarm["id"], outcome=deed, note="", actor="user:t", now=now)


def agrees(heard: list[tuple[float, str]], wanted: list[tuple[int, str]]) -> bool:
    """Whether each was heard in its time; two alarms of one moment go side by side, so their order is free."""
    by_type, by_type_wanted = sorted((kind, at) for at, kind in heard), sorted((kind, at) for at, kind in wanted)
    return len(heard) == len(wanted) and all(
        kind == wanted_kind and -0.1 <= at - step <= LATE
        for (kind, at), (wanted_kind, step) in zip(by_type, by_type_wanted, strict=True)
    )


async def test_every_row_of_the_table(county: County, desk: DeskControl, alerts: Callable[..., Program]) -> None:
    await county.set_policy("fire_clocks", suspected_s=SUSPECTED * STEP_S, probable_s=PROBABLE * STEP_S)
    sites = {name: await county.add_site(name) for name in TABLE}
    for n, (name, site) in enumerate(sites.items()):
        await county.add_device(f"row-{n}", site_id=site, name=name)
    alerts()
    await county.send_events([{"device": "row-0", "type": "fault"}])
    await eventually(county.alarms, what="the worker at work")
    started = datetime.now(UTC)
    lock = asyncio.Lock()

    async def play(device: str, site: int, deeds: list[tuple[int, str | tuple[str, str]]]) -> None:
        for step, deed in deeds:
            await asyncio.sleep(max(0.0, step * STEP_S - (datetime.now(UTC) - started).total_seconds()))
            await happen(county, lock, site, device, deed)

    async with asyncio.TaskGroup() as rows:
        for n, (name, (deeds, _)) in enumerate(TABLE.items()):
            rows.create_task(play(f"row-{n}", sites[name], deeds))
    last = max(step for _, heard in TABLE.values() for step, _ in heard)
    end_s = (last + LATE) * STEP_S
    expected = sum(len(heard) for _, heard in TABLE.values())

    async def all_heard() -> bool:
        past = datetime.now(UTC) - started > timedelta(seconds=end_s)
        return past or sum(one["first"] for one in await desk.received()) > expected

    await eventually(all_heard, what="the end of the table", timeout_s=end_s + 5, every_s=0.2)
    heard: dict[str, list[tuple[float, str]]] = {name: [] for name in TABLE}
    decided = {str(notice["id"]): notice["created_at"] for notice in await county.notices()}
    for one in await desk.received():
        if one["first"]:  # how long the way to the desk takes is no matter of this table
            at = (decided[one["notice_id"]] - started).total_seconds() / STEP_S
            heard[one["body"]["device"]["name"]].append((at, one["type"]))
    wrong = {name: (heard[name], wanted) for name, (_, wanted) in TABLE.items() if not agrees(heard[name], wanted)}
    assert wrong == {}
