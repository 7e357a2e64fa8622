"""The devices as alerts knows them: profile for the rules, place for the alarms. Read from the registry and kept fresh.

Called by the loop. Promises an answer for every device id that a reading or event carries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from services.core.alarms.ledger.rows import Place
from services.core.rules.profile import DeviceProfile
from services.core.statements import load_queries

SQL = load_queries(__file__)
OVERLAP = timedelta(seconds=10)  # longer than any registry transaction: updated_at is its start, not its commit
AT_ONCE = 500  # changed devices read at once: an import changes tens of thousands, and fires come between
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Device:
    """One device of the registry."""

    id: int
    profile: DeviceProfile
    place: Place
    gateway: str | None


class Registry:
    """A cache of devices by id."""

    def __init__(self) -> None:
        self._devices: dict[int, Device] = {}
        self._changed_at = EPOCH
        self._taken: dict[int, datetime] = {}  # changes inside the overlap that were read and will be seen again
        self.newest = EPOCH  # the time of the newest change that a refresh has read
        self.behind = False  # more has changed than one refresh read

    def __getitem__(self, device_id: int) -> Device:
        return self._devices[device_id]

    async def load(self, conn: asyncpg.Connection, device_ids: Iterable[int]) -> None:
        """Load these devices."""
        missing = {device_id for device_id in device_ids if device_id not in self._devices}
        if missing:
            for row in await conn.fetch(SQL["devices"], sorted(missing)):
                self._devices[row["id"]] = read_device(row)

    async def refresh(self, conn: asyncpg.Connection) -> list[Device]:
        """Read what was changed since the last time, up to `AT_ONCE`; return the devices that are different now."""
        now: datetime = await conn.fetchval("select clock_timestamp()")
        if not self._devices:
            self._changed_at = self.newest = now
            return []
        since = min(self._changed_at, now) - OVERLAP  # a clock that was set back would hide what changes now
        self.newest = min(self.newest, now)
        found = await conn.fetch(SQL["devices_changed"], since)
        fresh = [(row["id"], row["updated_at"]) for row in found if self._taken.get(row["id"]) != row["updated_at"]]
        # who was never heard is read with its first row, so a registry that was just filled is passed over at once
        known = [place for place, (device_id, _) in enumerate(fresh) if device_id in self._devices]
        self.behind = len(known) > AT_ONCE
        taken = fresh[: known[AT_ONCE]] if self.behind else fresh
        still_met = {row["id"] for row in found}
        self._taken = {number: at for number, at in self._taken.items() if number in still_met} | dict(taken)
        self._changed_at = taken[-1][1] if self.behind else now
        self.newest = max([self.newest, *(row["updated_at"] for row in found if row["updated_at"] <= now)])
        changed: list[Device] = []
        wanted = [fresh[place][0] for place in known[:AT_ONCE]]
        for row in await conn.fetch(SQL["devices"], wanted) if wanted else ():
            device = read_device(row)
            if self._devices[device.id] != device:
                changed.append(device)
                self._devices[device.id] = device
        return changed


def read_device(row: asyncpg.Record) -> Device:
    """Make a device of a row of the query `devices`; a figure out of bounds counts as the nearest bound."""
    return Device(
        id=row["id"],
        profile=DeviceProfile.of(row),
        place=Place(
            subject=f"device:{row['id']}",
            device_id=row["id"],
            device=row["code"],
            site_id=row["site_id"],
            area=row["area"],
            name=row["name"] or row["code"],
            out_of_service_until=row["out_of_service_until"],
        ),
        gateway=row["gateway"],
    )
