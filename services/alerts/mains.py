"""Hydrants of an area losing pressure together: one alarm speaks for all, its members stay silent (contract 7).

Called by the readings feed for pressure findings. Promises the same grouping after a restart, because it is read from
the rows.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from services.alerts.incidents import SQL, Parameters, name_of_area
from services.alerts.registry import Device
from services.alerts.rules.mains import MEMBER_CODES, MainsWatch
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding, Grouped, Situation
from services.core.rules.parameters import DEFAULTS
from services.core.statements import load_queries
from services.core.words import Reason

_SQL = load_queries(__file__)
MAINS = "mains_event"
_ANOTHER = Reason("同一区域发生另一起管网事件", "another event of the mains began in this area")


def _is_time(text: str | None) -> bool:
    try:
        return text is not None and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _speaker(area: str) -> Key:
    return Key(f"area:{area}", MAINS)


def _in_works(device: Device, now: datetime) -> bool:
    """Whether the device is out of service: whoever drains a main for works expects that its hydrants are empty."""
    until = device.place.out_of_service_until
    return until is not None and now < until


def _numbers(parameters: Parameters, page: Page) -> Mapping[str, float]:
    """Return the numbers of the rule; those that nobody has set are the policy's."""
    set_now, usual = parameters[MAINS], DEFAULTS[MAINS]
    policy = {
        "devices": page.policies.number("grouping", "mains_members"),
        "within_min": page.policies.number("grouping", "mains_window_s") / 60,
    }
    return {**set_now, **{name: value for name, value in policy.items() if set_now[name] == usual[name]}}


class Mains:
    """The pressure alarms of every area, as far as they matter for grouping."""

    def __init__(self) -> None:
        self._watches: dict[str, MainsWatch] = {}
        self._incidents: dict[str, int] = {}

    def forget(self, area: str) -> None:
        """Forget the area: its event is over, or somebody else changed its alarms. They are read anew next time."""
        self._watches.pop(area, None)
        self._incidents.pop(area, None)

    async def weigh(
        self, page: Page, key: Key, device: Device, finding: Finding, parameters: Parameters
    ) -> Situation | None:
        """Return the situation of a pressure alarm that becomes a member of an event; None for any other finding."""
        if finding.code not in MEMBER_CODES:
            return None
        entry = page.open.get(key)
        standing = entry is not None and entry.alarm.active
        area, code = device.profile.area, device.profile.code
        watch = self._watches.get(area) or await self._load(page, area, parameters)
        if not finding.active:
            watch.ended(code, finding.code)
            return None
        if standing or _in_works(device, page.now):
            return None
        watch.obey(_numbers(parameters, page))
        long_ago = watch.is_long_ago(page.now)
        if watch.active and not await self._speaks(page, area):
            watch.end()
        another = watch.active
        says = watch.began(code, finding.code, page.now)
        if not says.member:
            return None
        if says.finding is not None:
            await self._begin(page, area, says.finding, says.joined, another=another, afresh=another or long_ago)
        number = self._incidents.get(area)
        return Situation(
            incident_id=None if number is None else str(number),
            grouped=True,
            out_of_service_until=device.place.out_of_service_until,
        )

    async def _speaks(self, page: Page, area: str) -> bool:
        """Whether the alarm of the area's event stands; a person may have ended it while its members went on."""
        key = _speaker(area)
        await page.load([key])
        entry = page.open.get(key)
        return entry is not None and entry.alarm.active

    async def _load(self, page: Page, area: str, parameters: Parameters) -> MainsWatch:
        watch = self._watches[area] = MainsWatch(area, parameters)
        rows = await page.conn.fetch(SQL["pressure_alarms"], area, sorted(MEMBER_CODES), page.now)
        newest: datetime | None = None
        counted = [row for row in rows if not row["in_works"] and _is_time(row["last_at"])]
        for row in rows:
            if row["member"]:
                self._incidents[area] = max(row["incident_id"], self._incidents.get(area, 0))
                if _is_time(row["last_at"]):  # an incident also changes when somebody takes one of its alarms
                    last = datetime.fromisoformat(row["last_at"])
                    newest = last if newest is None else max(newest, last)
        watch.load(
            {
                "recent": [[row["device"], row["code"], row["last_at"]] for row in counted],
                "members": [[row["device"], row["code"]] for row in rows if row["member"]],
                "newest": None if newest is None else newest.isoformat(),
            }
        )
        return watch

    async def _begin(
        self, page: Page, area: str, finding: Finding, joined: tuple[str, ...], *, another: bool, afresh: bool
    ) -> None:
        """Begin an event; `another`: one of before still stands, and its alarm makes room for this one.

        `afresh`: the incident that is open is not this one's, for a hydrant of long ago keeps it open.
        """
        name = await name_of_area(page.conn, area)
        title = Reason(f"{name} 多处消火栓失压", f"Hydrants lose pressure in {name}")
        standing = await page.conn.fetchrow(SQL["open_incident"], "mains", f"area:{area}")
        number = None if standing is None or afresh else standing["id"]
        if number is None:  # a burst that was detected before the limit tripped is the same event
            number = await page.conn.fetchval(_SQL["burst_incident"], list(joined))
        if number is None:
            number = await page.begin_incident("mains", f"area:{area}", title, area)
        self._incidents[area] = number
        key = _speaker(area)
        await page.load([key])
        place = Place(key.subject, area=area, name=name)
        if another:
            page.take(key, replace(finding, active=False, reason=_ANOTHER), f"rule:{finding.code}", place)
        page.take(key, finding, f"rule:{finding.code}", place, Situation(incident_id=str(number)))
        ids = await page.conn.fetch(_SQL["devices_by_code"], list(joined))
        stored = await page.load_devices([row["id"] for row in ids])
        opened_here = [entry for entry in page.open.values() if entry.new and entry.alarm.device in joined]
        for entry in (*stored, *opened_here):
            if entry.key.code in MEMBER_CODES and entry.alarm.active:
                page.take_entry(entry, Grouped(str(number)), f"rule:{finding.code}")
