"""A plain consumer in Python as most people write it: paho, automatic acknowledgement, batches by COPY.

A program of its own, started by `bench.peers.story`. Tuned: the network thread only appends; the loop is uvloop, JSON
is read by orjson, rows go by asyncpg's binary COPY, and the next batch gathers while one is written.
"""

import asyncio
import os
import sys
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import uvloop
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.limits import TELEMETRY
from bench.peers.contestant import Contestant
from bench.peers.counting import ON_ARRIVAL, SQL, peer_settings
from bench.system import System, own_environment

SESSION = "peer.plain"
BATCH_ROWS = 500
BATCH_S = 0.1
# What a field may hold; anything else is stored as null.
_RANGES = {
    "pressure_mpa": (-0.1, 4), "flow_lps": (0, 200), "water_temp_c": (-40, 80), "tilt_deg": (0, 180),
    "battery_pct": (0, 100), "rsrp_dbm": (-160, 0),
}  # fmt: skip
_FLAGS = ("cap_open", "water_present")
COLUMNS = ("device", "ts", "seq", *_RANGES, *_FLAGS)


def plain_consumer(system: System) -> Contestant:
    """The program below."""
    return Contestant(
        name="paho + asyncpg",
        promise=ON_ARRIVAL,
        command=[sys.executable, "-m", "bench.peers.plain"],
        environment={**own_environment(), **peer_settings(system)},
        log=system.state_dir / "plain.log",
        moving=SQL["peer_moving"],
        kept=SQL["peer_kept"],
        session=SESSION,
    )


def row_of(topic: str, payload: bytes | bytearray) -> tuple[Any, ...] | None:
    """Return a message as a row of COLUMNS, or None when it is no reading."""
    try:
        reading = orjson.loads(payload)
        at = datetime.fromtimestamp(reading["ts"] / 1000, UTC)
        seq = reading["seq"]
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError, OverflowError):
        return None
    if type(seq) is not int:
        return None
    numbers = [
        value if type(value := reading.get(name)) in {int, float} and least <= value <= most else None
        for name, (least, most) in _RANGES.items()
    ]
    flags = [value if type(value := reading.get(name)) is bool else None for name in _FLAGS]
    return (topic.split("/")[4], at, seq, *numbers, *flags)


class _Inbox:
    """What the network thread received and the loop has not stored."""

    def __init__(self) -> None:
        self._messages: deque[tuple[str, bytes | bytearray]] = deque()
        self._full = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def put(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        """Take a message; the library acknowledges it when this returns."""
        self._messages.append((message.topic, message.payload))
        if len(self._messages) == BATCH_ROWS:
            self._loop.call_soon_threadsafe(self._full.set)

    async def take(self) -> list[tuple[str, bytes | bytearray]]:
        """Return up to BATCH_ROWS messages, at the latest after BATCH_S."""
        if len(self._messages) < BATCH_ROWS:
            self._full.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BATCH_S):
                    await self._full.wait()
        return [self._messages.popleft() for _ in range(min(BATCH_ROWS, len(self._messages)))]


async def consume() -> None:
    """Store what comes, for ever."""
    database = await asyncpg.connect(os.environ["PEER_DATABASE_URL"])
    inbox = _Inbox()
    client = paho.Client(CallbackAPIVersion.VERSION2, SESSION, clean_session=False)
    client.username_pw_set(os.environ["PEER_MQTT_USERNAME"], os.environ["PEER_MQTT_PASSWORD"])
    client.on_connect = lambda client, *_: client.subscribe(TELEMETRY, qos=1)
    client.on_message = inbox.put
    client.connect(os.environ["PEER_MQTT_HOST"], int(os.environ["PEER_MQTT_PORT"]))
    client.loop_start()
    while True:
        found = (row_of(topic, payload) for topic, payload in await inbox.take())
        rows = [row for row in found if row is not None]
        if rows:
            await database.copy_records_to_table("peer_reading", records=rows, columns=COLUMNS)


if __name__ == "__main__":
    uvloop.run(consume())
