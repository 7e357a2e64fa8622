"""The devices as alerts knows them: profile for the rules, place for the alarms. Read from the registry, kept fresh.

Called by the feed. Promises an answer for every device id that a reading or event carries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from services.alerts.rules.model import DeviceProfile
from services.core.alarms.rows import Place
from services.core.db import load_queries
from services.core.device_bounds import EXPECTED_INTERVAL_S, RATED_CURRENT_A, usable_limits

SQL = load_queries(Path(__file__).with_name("feed.sql"))
OVERLAP = timedelta(seconds=10)  # longer than any registry transaction: updated_at is its start, not its commit
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = datetime(9999, 1, 1, tzinfo=UTC)


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

    def __getitem__(self, device_id: int) -> Device:
        return self._devices[device_id]

    async def load(self, conn: asyncpg.Connection, device_ids: Iterable[int]) -> None:
        """Have these devices at hand."""
        missing = {device_id for device_id in device_ids if device_id not in self._devices}
        if missing:
            for row in await conn.fetch(SQL["devices"], sorted(missing), FUTURE):
                self._devices[row["id"]] = read_device(row)

    async def refresh(self, conn: asyncpg.Connection) -> list[Device]:
        """Read what was changed since the last time; return the devices that are different now."""
        rows = await conn.fetch(SQL["devices"], [], self._changed_at - OVERLAP if self._devices else FUTURE)
        changed: list[Device] = []
        for row in rows:
            self._changed_at = max(self._changed_at, row["updated_at"])
            known, device = self._devices.get(row["id"]), read_device(row)
            if known is not None and known != device:
                changed.append(device)
                self._devices[device.id] = device
        return changed


def read_device(row: asyncpg.Record) -> Device:
    """Make a device of a row of the query `devices`; figures out of bounds count as the nearest that can be used."""
    return Device(
        id=row["id"],
        profile=DeviceProfile(
            code=row["code"],
            kind=row["kind"],
            area=row["area"],
            expected_interval_s=EXPECTED_INTERVAL_S.clamp(row["expected_interval_s"]) or EXPECTED_INTERVAL_S.least,
            sleepy=row["sleepy"],
            rated_current_a=RATED_CURRENT_A.clamp(row["rated_current_a"]),
            limits=usable_limits(row["limits"]),
        ),
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
