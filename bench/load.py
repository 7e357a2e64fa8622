"""The devices of a load: prepared readings of a believable fleet with codes of their own for every run.

Called by the benches. Promises: device codes start with the run's prefix, so that counts touch nothing else.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from itertools import cycle

import asyncpg

from bench.packets import PreparedPublish
from services.core.statements import load_queries
from services.core.topics import ROOT, Kind, parse_topic
from simulators.places import place_of
from simulators.twin import make_twin

SQL = load_queries(__file__)
_TWINS = 10_000  # devices ten thousand apart read the same: the twins of a million take a minute
_AT_ONCE = 20_000
# Of ten devices: six hydrants (about 190 bytes a reading), three circuits (430), one basin (140).
_MIX = (Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT, Kind.WATER, Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT,
        Kind.HYDRANT, Kind.ELECTRICAL, Kind.HYDRANT)  # fmt: skip


def run_prefix() -> str:
    """Return a prefix of device codes that no earlier run used."""
    return f"BEN{secrets.token_hex(4)}-"


def prepare(devices: int, prefix: str, kinds: Sequence[Kind] = _MIX) -> list[PreparedPublish]:
    """Return one prepared reading per device."""
    now_s = time.time()
    twins = [_Twin(kinds[number % len(kinds)], number, now_s) for number in range(1, min(devices, _TWINS) + 1)]
    return [
        PreparedPublish(f"{ROOT}/{twin.area}/{twin.kind}/{prefix}{number:05d}/up/telemetry", twin.fields)
        for number, twin in zip(range(1, devices + 1), cycle(twins), strict=False)
    ]


class _Twin:
    """Where a simulated device stands and what it reads now."""

    __slots__ = ("area", "fields", "kind")

    def __init__(self, kind: Kind, number: int, now_s: float) -> None:
        twin = make_twin(kind, number, place=place_of(kind, number, 1), seed=1, at_s=now_s)
        self.area, self.kind = twin.place.area, kind
        self.fields = {name: value for name, value in twin.read(now_s, now_s).items() if name not in {"ts", "seq"}}


async def register(database: asyncpg.Connection, messages: Sequence[PreparedPublish]) -> None:
    """Put the devices of these messages into the registry, as in a county that has grown."""
    topics = [topic for topic in (parse_topic(one.topic) for one in messages) if topic is not None]
    for start in range(0, len(topics), _AT_ONCE):
        part = topics[start : start + _AT_ONCE]
        await database.execute(
            SQL["register"], [one.device for one in part], [str(one.kind) for one in part], [one.area for one in part]
        )


async def wait_until_known(dsn: str, prefix: str, devices: int, patience_s: float = 120.0) -> None:
    """Wait until so many devices of a run stand in the registry.

    Raises:
        TimeoutError: they do not within the patience.
    """
    database = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(patience_s):
            while await database.fetchval(SQL["known"], prefix) < devices:  # noqa: ASYNC110  it tells nobody
                await asyncio.sleep(0.1)
    finally:
        await database.close()
