"""The road of a device's messages on a table top: bytes through ingest's plan into the rules, without any program."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from services.alerts.rules.walk import DeviceRules
from services.core.contracts import READING_FIELDS
from services.core.moment import from_us
from services.core.rules.profile import DeviceProfile
from services.core.topics import Kind
from services.ingest.account import Tally, advance
from services.ingest.decode import decode
from services.ingest.devices import Device
from services.ingest.moment import late_after_us
from services.ingest.plan import make_plan
from tests.unit.alerts.readings import say

START_US = int(datetime(2026, 1, 1, 8, tzinfo=UTC).timestamp()) * 1_000_000
Fields = dict[str, Any]


class Road:
    """One hydrant. Times are seconds; `sent` of a reading is what its own clock says."""

    def __init__(self, *, interval_s: int = 60, sleepy: bool = False) -> None:
        profile = DeviceProfile("h-1", "hydrant", "140931100", expected_interval_s=interval_s, sleepy=sleepy)
        self.rules = DeviceRules(profile)
        self.device = Device(
            1, "h-1", Kind.HYDRANT, profile.area, is_placed=False,
            late_after_us=late_after_us(interval_s, sleepy),
        )  # fmt: skip
        self.rows: list[dict[str, Any]] = []
        self.said: list[str] = []
        self._seq = 0

    def number(self) -> int:
        """The next sequence number; a device numbers its readings when it measures."""
        self._seq += 1
        return self._seq

    def send(self, received_s: float, sent_s: float, **fields: Any) -> list[str]:
        """Send one reading alone; return what it turned."""
        return self.send_many(received_s, [(sent_s, self.number(), fields)])

    def send_many(
        self, received_s: float, readings: Iterable[tuple[float, int, Fields]], *, prompt: bool = True
    ) -> list[str]:
        """Send readings (device's time, number, fields) in one message; return what it turned."""
        elements = [{"ts": _us(at) // 1000, "seq": seq, **fields} for at, seq, fields in readings]
        payload = orjson.dumps(elements[0] if len(elements) == 1 else elements)
        message = decode("fire/v1/140931100/hydrant/h-1/up/telemetry", payload, _us(received_s))
        message.prompt = prompt
        plan = make_plan([message], {"h-1": self.device})
        found = [_row(row) for row in plan.readings.get(Kind.HYDRANT, {}).values()]
        self._commit(plan.heard[1].clock, found)
        self.rows += found
        self.rules.note_time(from_us(_us(received_s)))
        said = [say(finding) for finding in self.rules.walk(found)]
        self.said += said
        return said

    def _commit(self, clock: Any, found: list[dict[str, Any]]) -> None:
        self.device.clock = clock
        for row in found:
            ts_us = int(row["ts"].timestamp() * 1e6)
            self.device.telemetry = advance(self.device.telemetry, ts_us, row["seq"], Tally())


def _us(seconds: float) -> int:
    return START_US + round(seconds * 1000) * 1000


def _row(row: tuple[Any, ...]) -> dict[str, Any]:
    values = zip(READING_FIELDS[Kind.HYDRANT], row[6:-1], strict=True)
    return {
        "ts": from_us(row[1]), "seq": row[2], "received_at": from_us(row[3]), "late": row[4], "clock_behind": row[5],
        **dict(values),
    }  # fmt: skip
