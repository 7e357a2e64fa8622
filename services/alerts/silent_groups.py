"""Devices that fell silent together have one cause, and one alarm speaks for them. Called by `silence`.

Promises that a device which falls silent later than a group, when its cause is no longer the same, speaks for itself:
one device of a power cut that nobody ever looked after hides no panel of next week.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from services.alerts.incidents import SQL, name_of_area
from services.alerts.registry import Device, Registry
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Grouped, Situation
from services.core.rules.catalog import RULES
from services.core.words import Category, Reason, Severity

CODE = "device_offline"


class Fallen(NamedTuple):
    """A device that fell silent, and since when it has been."""

    device: Device
    since: datetime


class Cause(NamedTuple):
    """Why devices fell silent together: a shared gateway, or something in their area (power, a radio cell).

    Groups that one cause made at different times are told apart by `number`, from 1.
    """

    area: str
    gateway: str = ""
    number: int = 1

    @property
    def text(self) -> str:
        """The cause as stored in the incident's row."""
        return (f"gateway:{self.gateway}" if self.gateway else f"area:{self.area}") + self._mark

    @property
    def key(self) -> Key:
        """The alarm that speaks for the group."""
        return Key(f"area:{self.area}", CODE, self.text if self.gateway else self._mark)

    @property
    def _mark(self) -> str:
        return "" if self.number == 1 else f"#{self.number}"


async def group_silent(page: Page, registry: Registry, fresh: Iterable[Fallen]) -> None:
    """Group by cause the devices that have been silent for some minutes and belong to no incident."""
    number = page.policies.number
    window = timedelta(seconds=number("grouping", "silence_window_s"))
    of_gateway, of_area = number("grouping", "silence_members_gateway"), number("grouping", "silence_members_area")
    lone = await page.conn.fetch(SQL["lone_silent"], page.now - window)
    await registry.load(page.conn, [row["device_id"] for row in lone])
    waiting = {row["device_id"]: Fallen(registry[row["device_id"]], row["since"]) for row in lone}
    waiting |= {one.device.id: one for one in fresh}
    fallen = [one for one in waiting.values() if not _in_works(one.device, page.now)]
    subjects = {Cause(one.device.profile.area).key.subject for one in fallen}
    speakers: dict[str, list[asyncpg.Record]] = {}
    for row in await page.conn.fetch(SQL["silence_speakers"], sorted(subjects)):
        speakers.setdefault(row["subject"], []).append(row)
    taken: set[int] = set()
    for cause, some in _by_gateway(fallen).items():
        known = speakers.get(cause.key.subject, [])
        taken |= await _gather(page, cause, some, known, least=of_gateway, window=window)
    areas: dict[Cause, list[Fallen]] = {}
    for one in fallen:
        if one.device.id not in taken:
            areas.setdefault(Cause(one.device.profile.area), []).append(one)
    for cause, some in areas.items():
        known = speakers.get(cause.key.subject, [])
        await _gather(page, cause, some, known, least=of_area, window=window)


async def _gather(
    page: Page,
    cause: Cause,
    fallen: Sequence[Fallen],
    speakers: Sequence[asyncpg.Record],
    *,
    least: float,
    window: timedelta,
) -> set[int]:
    """Let these join the groups that they fell silent with; the others are a new one, unless they are too few.

    `speakers`: the alarms that speak for groups of the cause's area. Returns who belongs to a group now.
    """
    taken: set[int] = set()
    standing: set[Cause] = set()
    for row in speakers:
        group = _group_of(cause, row["component"])
        if group is None or not await _speaks(page, group):
            continue
        standing.add(group)
        last = None if row["last"] is None else row["last"] + window
        with_them = [one for one in fallen if one.device.id not in taken and (last is None or one.since <= last)]
        await _join(page, with_them, row["incident_id"])
        taken |= {one.device.id for one in with_them}
    left = [one for one in fallen if one.device.id not in taken]
    if left and len(left) >= least:
        fresh = next(one for n in range(1, len(standing) + 2) if (one := cause._replace(number=n)) not in standing)
        await _join(page, left, await _speak(page, fresh, [one.device.id for one in left]))
        taken |= {one.device.id for one in left}
    return taken


def _group_of(cause: Cause, component: str) -> Cause | None:
    """Return which group of the cause an alarm of its area with this component speaks for; None: of another cause."""
    number = component.rpartition("#")[2]
    group = cause._replace(number=int(number)) if "#" in component and number.isdecimal() else cause
    return group if group.key.component == component else None


async def _speaks(page: Page, group: Cause) -> bool:
    await page.load([group.key])
    speaker = page.open.get(group.key)
    return speaker is not None and speaker.alarm.active


async def _join(page: Page, fallen: Sequence[Fallen], incident: int) -> None:
    keys = [Key(one.device.place.subject, CODE) for one in fallen]
    await page.load(keys)
    for key in keys:
        entry = page.open.get(key)
        if entry is not None and entry.alarm.active and not entry.alarm.memory.grouped:
            page.take_entry(entry, Grouped(str(incident)), "clock")


async def _speak(page: Page, cause: Cause, members: Sequence[int]) -> int:
    """Raise the alarm that speaks for the group; an incident whose members came back once goes on.

    `members` are the numbers of their devices.
    """
    await page.load([cause.key])
    name = await name_of_area(page.conn, cause.area)
    where = f"{name} 网关 {cause.gateway}" if cause.gateway else name
    where_en = f"{name}, gateway {cause.gateway}" if cause.gateway else name
    title = Reason(f"{where} 多台设备离线", f"Devices silent in {where_en}")
    incident: asyncpg.Record | None = await page.conn.fetchrow(SQL["silence_incident"], cause.text, members)
    number: int
    if incident is None:
        number = await page.begin_incident("silence", cause.text, title, cause.area)
    else:
        number = incident["id"]
    count = len(members)
    reason = Reason(f"{where} {count} 台设备同时离线", f"{count} devices silent together in {where_en}")
    place = Place(cause.key.subject, area=cause.area, name=name)
    page.take(cause.key, _speaking(cause, reason, count), "clock", place, Situation(incident_id=str(number)))
    return number


def _in_works(device: Device, now: datetime) -> bool:
    """Whether the device is out of service: whoever cuts the power for works expects that its devices are silent."""
    until = device.place.out_of_service_until
    return until is not None and now < until


def _by_gateway(fallen: Sequence[Fallen]) -> dict[Cause, list[Fallen]]:
    """Gather devices by the gateway they report through; a silent gateway counts among its own."""
    gateways = {one.device.gateway for one in fallen if one.device.gateway is not None}
    found: dict[str, list[Fallen]] = {}
    for one in fallen:
        code = one.device.profile.code
        gateway = code if code in gateways else one.device.gateway
        if gateway is not None:
            found.setdefault(gateway, []).append(one)
    return {Cause(members[0].device.profile.area, gateway): members for gateway, members in found.items()}


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
