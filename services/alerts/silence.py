"""Devices that fell silent, judged only while ingest could have heard them; many with one cause are one incident.

Called by the bench every second, with what `silent_devices` found. Promises that no device's silence counts while
ingest's own probes do not come back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.alerts.border import Border
from services.alerts.incidents import SQL, name_of_area
from services.alerts.registry import Device, Registry
from services.alerts.rule_states import RuleStates
from services.alerts.rules.offline import Watermark, find_back, find_offline
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Grouped, Situation
from services.core.aside import Unit, own_fault
from services.core.rules.catalog import RULES
from services.core.words import Category, Reason, Severity

CODE = "device_offline"
KIND = "silence"  # of what is set aside


class Silent(NamedTuple):
    """A device that fell silent."""

    device: Device
    finding: Finding
    last_seen: datetime


class Heard(NamedTuple):
    """A device that is heard again."""

    device: Device


class Look(NamedTuple):
    """What a look through all devices found: how far was heard, and who may be silent for too long by then."""

    mark: Watermark
    rows: Sequence[asyncpg.Record]


class Cause(NamedTuple):
    """Why devices fell silent together: a shared gateway, or something in their area (power, a radio cell)."""

    area: str
    gateway: str = ""

    @property
    def text(self) -> str:
        """The cause as stored in the incident's row."""
        return f"gateway:{self.gateway}" if self.gateway else f"area:{self.area}"

    @property
    def key(self) -> Key:
        """The alarm that speaks for the group."""
        return Key(f"area:{self.area}", CODE, self.text if self.gateway else "")


class Silence:
    """The watch over silent devices."""

    def __init__(self, registry: Registry, states: RuleStates) -> None:
        self._registry = registry
        self._states = states
        self._look: Look | None = None

    def take(self, look: Look) -> None:
        """Take over what the newest look found; it is judged at the bench's next turn."""
        self._look = look

    async def watch(self, border: Border, now: datetime) -> None:
        """Raise devices that fell silent, group those that belong together, and end those that are heard again."""
        found = await self._find(border, now)
        back = [row["device_id"] for row in await border.conn.fetch(SQL["back_again"], border.asides.waiting(KIND))]
        await self._registry.load(border.conn, back)
        items: list[Silent | Heard] = [*found, *(Heard(self._registry[device_id]) for device_id in back)]
        if items:
            await border.settle(items, self._judge, _name)

    async def _find(self, border: Border, now: datetime) -> list[Silent]:
        """Return the devices that are silent for too long."""
        look, self._look = self._look, None
        if look is None:
            return []
        mark, rows = look
        await self._registry.load(border.conn, [row["id"] for row in rows])
        found: list[Silent] = []
        for row in rows:
            device = self._registry[row["id"]]
            try:
                parameters = self._states.parameters(device, now)
                finding = find_offline(device.profile, row["last_seen"], _mark_of(row, mark), parameters)
            except Exception as error:
                if not own_fault(error):
                    raise
                await border.asides.add(border.conn, _name(Heard(device)), error)
                continue
            if finding is not None:
                found.append(Silent(device, finding, row["last_seen"]))
        return found

    async def _judge(self, page: Page, some: Sequence[Silent | Heard]) -> None:
        silent = [item for item in some if isinstance(item, Silent)]
        back = [item.device for item in some if isinstance(item, Heard)]
        marked: set[int] = set()
        if silent:
            ids, seen = [item.device.id for item in silent], [item.last_seen for item in silent]
            marked = {row["device_id"] for row in await page.conn.fetch(SQL["mark_offline"], ids, seen)}
        raised = [(item.device, item.finding) for item in silent if item.device.id in marked]
        if not raised and not back:
            return
        ended = [(device, find_back(device.profile)) for device in back]
        await page.load([Key(device.place.subject, CODE) for device, _ in (*raised, *ended)])
        for device, finding in (*raised, *ended):
            situation = Situation(out_of_service_until=device.place.out_of_service_until)
            page.take(Key(device.place.subject, CODE), finding, "clock", device.place, situation)
        if raised:
            await self._group(page, [device for device, _ in raised])

    async def _group(self, page: Page, fresh: Sequence[Device]) -> None:
        """Group by cause the devices that have been silent for some minutes and belong to no incident."""
        policies = page.policies
        window = timedelta(seconds=policies.number("grouping", "silence_window_s"))
        lone = await page.conn.fetch(SQL["lone_silent"], page.now - window)
        await self._registry.load(page.conn, [row["device_id"] for row in lone])
        devices = {row["device_id"]: self._registry[row["device_id"]] for row in lone} | {d.id: d for d in fresh}
        least_gateway = policies.number("grouping", "silence_members_gateway")
        least_area = policies.number("grouping", "silence_members_area")
        for cause, members in _by_gateway(devices.values()).items():
            if await self._gather(page, cause, members, least_gateway):
                for member in members:
                    devices.pop(member.id, None)
        areas: dict[Cause, list[Device]] = {}
        for device in devices.values():
            areas.setdefault(Cause(device.profile.area), []).append(device)
        for cause, members in areas.items():
            await self._gather(page, cause, members, least_area)

    async def _gather(self, page: Page, cause: Cause, members: Sequence[Device], least: float) -> bool:
        """Make one incident of these, or let them join the open one; False when they are too few."""
        await page.load([cause.key])
        speaker = page.open.get(cause.key)
        speaks = speaker is not None and speaker.alarm.active and speaker.alarm.incident_id is not None
        if not speaks and len(members) < least:
            return False
        number = int(speaker.alarm.incident_id or 0) if speaker is not None and speaks else None
        if number is None:
            number = await self._speak(page, cause, len(members))
        await page.load([Key(member.place.subject, CODE) for member in members])
        for member in members:
            entry = page.open.get(Key(member.place.subject, CODE))
            if entry is not None and entry.alarm.active and not entry.alarm.memory.grouped:
                page.take_entry(entry, Grouped(str(number)), "clock")
        return True

    async def _speak(self, page: Page, cause: Cause, count: int) -> int:
        """Raise the alarm that speaks for the group; an incident whose members came back once goes on."""
        name = await name_of_area(page.conn, cause.area)
        where = f"{name} 网关 {cause.gateway}" if cause.gateway else name
        where_en = f"{name}, gateway {cause.gateway}" if cause.gateway else name
        title = Reason(f"{where} 多台设备离线", f"Devices silent in {where_en}")
        incident = await page.conn.fetchrow(SQL["open_incident"], "silence", cause.text)
        number: int
        if incident is None:
            number = await page.begin_incident("silence", cause.text, title, cause.area)
        else:
            number = incident["id"]
        reason = Reason(f"{where} {count} 台设备同时离线", f"{count} devices silent together in {where_en}")
        place = Place(cause.key.subject, area=cause.area, name=name)
        page.take(cause.key, _speaking(cause, reason, count), "clock", place, Situation(incident_id=str(number)))
        return number


def _mark_of(row: asyncpg.Record, mark: Watermark) -> Watermark:
    """Return how far a device was heard: one of a township with a system of its own, by that system too."""
    if row["heard_until"] is None:
        return mark
    return mark.within(Watermark(row["heard_since"] or mark.since, row["heard_until"]))


def _name(item: Silent | Heard) -> Unit:
    return Unit(KIND, item.device.profile.code, item.device.profile.area)


def _by_gateway(devices: Iterable[Device]) -> dict[Cause, list[Device]]:
    """Gather devices by the gateway they report through; a silent gateway counts among its own."""
    devices = list(devices)
    gateways = {device.gateway for device in devices if device.gateway is not None}
    found: dict[str, list[Device]] = {}
    for device in devices:
        gateway = device.profile.code if device.profile.code in gateways else device.gateway
        if gateway is not None:
            found.setdefault(gateway, []).append(device)
    return {Cause(members[0].profile.area, gateway): members for gateway, members in found.items()}


def _speaking(cause: Cause, reason: Reason, count: int) -> Finding:
    return Finding(
        code=CODE,
        category=Category.DEVICE,
        severity=Severity.MAJOR,
        reason=reason,
        area=cause.area,
        component=cause.key.component,
        value=float(count),
        limit=RULES[CODE].parameters["intervals"].default,
        cause=CODE,
    )
