"""Open alarms follow their device to another area or site, and incidents them. Called by the bench every second.

Promises that whoever is responsible for where a device is sees what stands of it, and that its contacts are called: a
wrong entry in the registry is often found by the first alarm. What is closed stays where it was.
"""

from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from services.alerts.border import Border
from services.core.alarms.ledger.page import ANNOUNCE, Page
from services.core.alarms.life.happenings import Parted
from services.core.alarms.life.model import Alarm
from services.core.aside import Unit
from services.core.statements import load_queries
from services.core.words import FIRE, NoticeType

SQL = load_queries(__file__)
KIND = "alarm"  # of what is set aside


async def follow_devices(border: Border) -> None:
    """Take every open alarm to where its device is."""
    left_alone = [int(name) for name in border.asides.waiting(KIND)]
    rows = await border.conn.fetch(SQL["moved"], left_alone)
    if rows:
        await border.settle(rows, _follow, lambda row: Unit(KIND, str(row["id"]), row["area"]))


async def _follow(page: Page, rows: Sequence[asyncpg.Record]) -> None:
    fires = [row for row in rows if row["code"] == FIRE]
    devices: dict[str, list[int]] = defaultdict(list)
    for row in fires:
        devices[row["scope"]].append(row["device_id"])
    left = {row["left"] for row in fires}
    scopes = sorted(left | devices.keys())  # their locks first, as everywhere: a person who acts on a fire that moves
    await page.conn.execute(SQL["add_scopes"], scopes)  # has that of where it was
    await page.conn.execute(SQL["lock_scopes"], scopes)
    for scope in sorted(left - devices.keys()):
        await page.load_scope(scope)
    for scope, device_ids in devices.items():  # they leave the test of the old site
        await page.load_scope(scope, device_ids)
    await _part(page, fires)
    ids = {row["id"] for row in rows}
    for entry in page.entries:
        entry.changed = entry.changed or entry.id in ids
    await page.conn.execute(SQL["follow"], sorted(ids), page.now)
    await page.conn.execute(SQL["lock_incidents"], sorted(ids))
    now_in = {entry.id: int(entry.alarm.incident_id) for entry in page.entries if entry.alarm.incident_id is not None}
    await page.conn.execute(SQL["lead_incidents"], sorted(ids), page.now, list(now_in), list(now_in.values()))
    await page.conn.execute(ANNOUNCE)


async def _part(page: Page, fires: Sequence[asyncpg.Record]) -> None:
    """Let the fires that stay be judged by themselves where the one that spoke for them is gone."""
    gone: dict[str, list[Alarm]] = defaultdict(list)
    alarms = {entry.id: entry.alarm for entry in page.entries}
    for row in fires:
        if row["id"] in alarms and row["left"] != row["scope"]:
            gone[row["left"]].append(alarms[row["id"]])
    for scope, left in gone.items():
        spoke = frozenset(alarm.incident_id for alarm in left if NoticeType.FIRE_CONFIRMED in alarm.memory.sent)
        devices = frozenset(alarm.device or "" for alarm in left)
        await page.take_fire(scope, Parted(spoke, devices), "clock", None)
