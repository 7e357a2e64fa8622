"""Applies events that are not fires to alarms: conditions of a device, evidence for a site, the end by a reset.

Called by `events` in its second pass, within one transaction. Promises that at least one of each sort
is an alarm, however many a device reports, and that the rest is counted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from services.alerts.fires import ParametersOf
from services.alerts.flooding import SQL as FLOODING_SQL
from services.alerts.flooding import note_surplus
from services.alerts.registry import Device
from services.alerts.rules.model import Effect
from services.alerts.surplus import Room, read_room
from services.alerts.windows import read_windows
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key
from services.core.alarms.life.components import is_named, normal_component
from services.core.alarms.life.happenings import Evidence, EvidenceKind, Finding, Reset, Situation
from services.core.statements import load_queries
from services.core.words import FIRE

SQL = load_queries(__file__)
Ended = set[tuple[int, str | None]]


class Said(NamedTuple):
    """What an event means, and who sent it."""

    device: Device
    effect: Effect

    @property
    def condition(self) -> Finding | None:
        """Its finding about the device, if that is not a fire."""
        finding = self.effect.finding
        return None if finding is None or finding.code == FIRE else finding


def key_of(device: Device, finding: Finding) -> Key:
    """Return the unique key of a finding's alarm."""
    return Key(device.place.subject, finding.code, normal_component(finding.component))


async def judge_others(page: Page, some: Sequence[Said], parameters_of: ParametersOf) -> Ended:
    """Step the alarms by the meaning of events, in their order.

    Returns what resets ended, by device and code; code None: everything that the device measures.
    """
    ended: Ended = set()
    surplus: Counter[int] = Counter()
    await page.load([key_of(said.device, said.condition) for said in some if said.condition is not None])
    reset_devices = {said.device.id for said in some if said.effect.reset is not None}
    if reset_devices:
        await page.load_devices(reset_devices)
    rooms = await _find_rooms(page, some, parameters_of)
    windows = await read_windows(page.conn, (said.device for said in some if said.condition is not None), page.now)
    scopes = sorted({said.device.place.scope for said in some if said.effect.evidence is not None})
    rows = await page.conn.fetch(SQL["open_fire_scopes"], scopes) if scopes else []
    burning = {row["scope"] for row in rows}
    for said in some:
        device, effect = said
        if said.condition is not None and not _take(page, said, said.condition, rooms, windows):
            surplus[device.id] += 1
        if effect.reset is not None:
            ended |= _reset(page, device, effect.reset)
        if effect.evidence is not None and _tells(effect.evidence, burning=device.place.scope in burning):
            await page.load_scope(device.place.scope)
            await page.take_fire(device.place.scope, effect.evidence, "event", device.place)
    await note_surplus(page, others=surplus)
    return ended


async def _find_rooms(page: Page, some: Sequence[Said], parameters_of: ParametersOf) -> dict[int, Room]:
    """For each device that is about to open an alarm, return how many more it may open."""
    opening = {
        said.device.id: said.device
        for said in some
        if said.condition is not None and said.condition.active and key_of(said.device, said.condition) not in page.open
    }
    rooms: dict[int, Room] = {}
    for device in opening.values():
        room = read_room(parameters_of(device, page.now))
        if room is not None:
            rooms[device.id] = room
    if rooms:
        since = [page.now - room.within for room in rooms.values()]
        for row in await page.conn.fetch(FLOODING_SQL["opened_lately"], list(rooms), since):
            rooms[row["device_id"]].fill(row["opened"], row["codes"])
    return rooms


def _take(page: Page, said: Said, finding: Finding, rooms: Mapping[int, Room], windows: Mapping[int, datetime]) -> bool:
    """Take a condition one step on; False: the device has too many alarms to open this one."""
    device = said.device
    key, room = key_of(device, finding), rooms.get(device.id)
    opens = finding.active and key not in page.open
    if opens and room is not None and not room.takes(finding.code):
        return False
    out_of_service = device.place.out_of_service_until
    situation = Situation(test_until=windows.get(device.id), out_of_service_until=out_of_service)
    page.take(key, finding, "event", device.place, situation)
    return True


def _tells(evidence: Evidence, *, burning: bool) -> bool:
    """Whether the site's row must record it: a note only matters to a fire that is open."""
    return burning or evidence.kind is not EvidenceKind.NOTE


def _reset(page: Page, device: Device, reset: Reset) -> Ended:
    """End what the device reported; a reset of one component, or an old one, leaves its measured conditions alone."""
    whole = not is_named(reset.component) and reset.late_min == 0
    ended: Ended = {(device.id, None)} if whole else set()
    for entry in [entry for key, entry in page.open.items() if key.subject == device.place.subject]:
        if entry.key.code != FIRE:
            stood = entry.alarm.active
            page.take_entry(entry, reset, "event")
            if stood and not entry.alarm.active:
                ended.add((device.id, entry.key.code))
    return ended
