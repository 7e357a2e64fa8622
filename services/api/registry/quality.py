"""The loss accounting of devices: gaps, duplicates, late readings, rejects. Lists show it some seconds old."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson

from services.api.request.database import Reads
from services.core.statements import load_queries

QUERIES = load_queries(__file__)
_DAY = timedelta(hours=24)
CLOCKS_DIFFER = timedelta(hours=1)
"""An hour of the accounting that begins later than this was written while the clock was ahead."""
MANY = 100
REMEMBERED = timedelta(seconds=10)


async def read_quality(reads: Reads, ids: Sequence[int], now: datetime) -> dict[int, orjson.Fragment]:
    """Return the loss accounting per device, as JSON."""
    rows = await reads.rows(QUERIES["quality"], ids=list(ids), since=now - _DAY, until=now + CLOCKS_DIFFER)
    return {row["device_id"]: orjson.Fragment(row["quality"]) for row in rows}


class QualityMemory:
    """The loss accounting that lists show, remembered for some seconds, because screens page through all devices.

    One device is always read anew.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[datetime, orjson.Fragment]] = {}

    async def read(self, reads: Reads, ids: Sequence[int], now: datetime) -> dict[int, orjson.Fragment]:
        """Return the loss accounting per device; of many devices, it may be `REMEMBERED` old."""
        if len(ids) < MANY:
            return await read_quality(reads, ids, now)
        found = {
            number: known[1]
            for number in ids
            if (known := self._known.get(number)) is not None and now - known[0] < REMEMBERED
        }
        missing = [number for number in ids if number not in found]
        if missing:
            fresh = await read_quality(reads, missing, now)
            self._known |= {number: (now, quality) for number, quality in fresh.items()}
            found |= fresh
        return found
