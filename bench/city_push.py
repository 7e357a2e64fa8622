"""The part of `firetower bench city` that measures push: alarm committed to accepted, at twenty subscribers at once.

Called by `city`. Alarms are raised as alerts raises them, in transactions of their own; receivers are sockets of this
process that answer at once, save those that answer a byte a second. Times are this machine's: the event's row is
stamped when it is written.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import asyncpg
import httpx2
import orjson

from bench.callpoints import CallPoints
from bench.load import run_prefix
from bench.system import System
from services.core.alarms.ledger.page import Page
from services.core.alarms.ledger.rows import Key, Place
from services.core.alarms.life.happenings import Finding
from services.core.alarms.policies import load_policies
from services.core.words import Category, Reason, Severity

AREA = "140931100"
CODE = "bench_push"
SUBSCRIBERS, SLOW = 20, 10
RATE, SECONDS = 20.0, 15.0  # alarms a second of a bad hour of a county
P99_TARGET_MS, LATER_BY_MS = 300.0, 100.0
PRESS_EVERY_S = 0.2
LANES = 4  # connections that raise alarms
PATIENCE_S = 900.0
RECORDED_S = 1.0  # what came of the last attempts is written by then
DEVICES = 500  # subjects: what is told of one device comes one after the other
_DEVICES = """
    insert into device (code, kind, area, registered)
    select 'bench-push-' || n, 'hydrant', $1, true from generate_series(1, $2::integer) n
    on conflict (code) do update set registered = true returning id, code
"""
_WAYS = """
    select e.uid::text, e.made_at, e.number, d.subscription_id, d.last_at
    from subscription_event e join subscription_delivery d on d.number = e.number
    where e.made_at >= $1 and d.last_at is not null
"""
_PARTS = ("to_numbered_ms", "to_sent_ms", "to_accepted_ms")
_YES = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"


@dataclass(slots=True)
class Receiver:
    """Answers at once and notes which event came when."""

    came: dict[str, float] = field(default_factory=dict)  # Unix seconds by event id
    order: dict[str, list[int]] = field(default_factory=dict)
    twice: int = 0
    subscription: int = 0
    slow: bool = False  # a byte a second, and never a whole status line

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body = await reader.readexactly(length)
                if self.slow:
                    for place in range(len(_YES)):
                        if writer.is_closing():  # the sender waited long enough
                            return
                        writer.write(_YES[place : place + 1])
                        await asyncio.sleep(1)
                writer.write(_YES)
                self._note(orjson.loads(body), time.time())
        writer.close()

    def _note(self, event: dict[str, Any], at: float) -> None:
        if event["data"]["alarm"]["code"] != CODE:  # the county has alarms of its own meanwhile
            return
        if event["id"] in self.came:
            self.twice += 1
            return
        self.came[event["id"]] = at
        self.order.setdefault(event["subject"], []).append(int(event["sequence"]))


@asynccontextmanager
async def receivers(count: int, *, slow: bool = False) -> AsyncIterator[dict[str, Receiver]]:
    """Run `count` receivers; yield them by their address."""
    async with AsyncExitStack() as stack:
        found = {}
        for _ in range(count):
            one = Receiver(slow=slow)
            server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            found[f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"] = one
        yield found


@asynccontextmanager
async def subscribed(client: httpx2.AsyncClient, count: int, *, slow: bool = False) -> AsyncIterator[list[Receiver]]:
    """Run `count` receivers, each with its subscription."""
    async with receivers(count, slow=slow) as found, AsyncExitStack() as stack:
        for number, (url, receiver) in enumerate(found.items()):
            body = {"name": f"bench {number}", "url": url, "types": ["alarm.raised"]}
            made = await client.post("/api/v1/subscriptions", json=body)
            made.raise_for_status()
            receiver.subscription = made.json()["id"]
            stack.push_async_callback(client.delete, f"/api/v1/subscriptions/{made.json()['id']}")
        yield list(found.values())


async def measure(
    client: httpx2.AsyncClient, system: System, desk: str, *, burst_rate: float, burst_s: float
) -> list[dict[str, Any]]:
    """Measure push alone, beside receivers that hardly answer, and with a burst of alarms.

    Call points are pressed during the first two, and must not reach 119 later for receivers that hardly answer.
    """
    async with AsyncExitStack() as stack:
        lanes = [await _connect(system.database, stack) for _ in range(LANES)]
        devices = await lanes[0].fetch(_DEVICES, AREA, DEVICES)
        async with fires(system, desk) as quiet_fires:
            alone = await _run(client, lanes, devices, rate=RATE, seconds=SECONDS)
        async with subscribed(client, SLOW, slow=True), fires(system, desk) as other_fires:
            beside = await _run(client, lanes, devices, rate=RATE, seconds=SECONDS)
        burst = await _run(client, lanes, devices, rate=burst_rate, seconds=burst_s)
    alone["missed"] |= alone["p99_ms"] is None or alone["p99_ms"] > P99_TARGET_MS
    beside["what"] += f", beside {SLOW} that answer a byte a second"
    if alone["p99_ms"] is not None and beside["p99_ms"] is not None:
        beside["later_by_ms"] = round(beside["p99_ms"] - alone["p99_ms"], 1)
        beside["missed"] |= beside["later_by_ms"] > LATER_BY_MS
    alone["fires"], beside["fires"] = _told(quiet_fires), _told(other_fires)
    later_ms = beside["fires"]["later_by_ms"] = beside["fires"]["p95_ms"] - alone["fires"]["p95_ms"]
    beside["missed"] |= later_ms > LATER_BY_MS or len(other_fires.told_s) < len(other_fires.pressed_s)
    return [alone, beside, burst]


@asynccontextmanager
async def fires(system: System, desk: str) -> AsyncIterator[CallPoints]:
    """Press call points meanwhile; at the end the desk has been told of all of them, within reason."""
    calls = CallPoints(system, desk, run_prefix())
    pressing = asyncio.create_task(calls.press_every(PRESS_EVERY_S), name="call points")
    yield calls
    pressing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await pressing
    await calls.settle()


def _told(calls: CallPoints) -> dict[str, int]:
    parts = {name: calls.percentile_s(share) for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("worst_ms", 1.0))}
    late_ms = {name: round(1000 * (PATIENCE_S if late_s is None else late_s)) for name, late_s in parts.items()}
    return {"pressed": len(calls.pressed_s), "told": len(calls.told_s), **late_ms}


async def _connect(dsn: str, stack: AsyncExitStack) -> asyncpg.Connection:
    conn = await asyncpg.connect(dsn)
    stack.push_async_callback(conn.close)
    await conn.set_type_codec(
        "jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads, schema="pg_catalog"
    )
    return conn


async def _run(
    client: httpx2.AsyncClient, lanes: Sequence[asyncpg.Connection], devices: Sequence[asyncpg.Record], *, rate: float,
    seconds: float,
) -> dict[str, Any]:  # fmt: skip
    """Raise alarms at `rate` for `seconds` and return how late they came to every subscriber."""
    async with subscribed(client, SUBSCRIBERS) as found:
        began, events, run = datetime.now(UTC), round(rate * seconds), f"{time.time_ns():x}"
        started = time.monotonic()

        async def raise_all(lane: int) -> None:
            for number in range(lane, events, len(lanes)):
                await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
                await _raise_alarm(lanes[lane], devices[number % len(devices)], f"{run}-{number}")

        await asyncio.gather(*(raise_all(lane) for lane in range(len(lanes))))
        raised_s = time.monotonic() - started
        deadline = time.monotonic() + PATIENCE_S
        while any(len(one.came) < events for one in found) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        arrived_s = max(max(one.came.values(), default=0) for one in found) - began.timestamp()
        await asyncio.sleep(RECORDED_S)
        ways = _ways(await lanes[0].fetch(_WAYS, began), {one.subscription: one for one in found})
    return _figures(found, ways, events, rate, raised_s=raised_s, arrived_s=arrived_s)


def _ways(rows: Sequence[asyncpg.Record], receivers: Mapping[int, Receiver]) -> list[tuple[float, ...]]:
    """Return for each delivery how long it took as a whole and in `_PARTS`, in milliseconds, the fastest first.

    An event's number is the microsecond in which it was given.
    """
    found = []
    for row in rows:
        receiver = receivers.get(row["subscription_id"])
        if receiver is None or (came := receiver.came.get(row["uid"])) is None:
            continue
        moments = (row["made_at"].timestamp(), row["number"] / 1e6, row["last_at"].timestamp(), came)
        parts = ((after - before) * 1000 for before, after in pairwise(moments))
        found.append(((came - moments[0]) * 1000, *parts))
    return sorted(found)


def _mean(ways: Sequence[tuple[float, ...]]) -> dict[str, float]:
    return {name: round(sum(one[place] for one in ways) / len(ways), 1) for place, name in enumerate(_PARTS, 1)}


async def _raise_alarm(conn: asyncpg.Connection, device: asyncpg.Record, component: str) -> None:
    place = Place(f"device:{device['id']}", device["id"], device["code"], area=AREA)
    key = Key(place.subject, CODE, component)
    how = {"device": device["code"], "area": AREA, "component": component}
    finding = Finding(key.code, Category.DEVICE, Severity.MINOR, Reason("压测", "bench"), cause=key.code, **how)
    async with conn.transaction():
        page = Page(conn, datetime.now(UTC), await load_policies(conn))
        await page.load([key])
        page.take(key, finding, "rule", place)
        await page.write()


def _figures(
    found: list[Receiver], ways: list[tuple[float, ...]], events: int, rate: float, *, raised_s: float, arrived_s: float
) -> dict[str, Any]:
    late_ms = [one[0] for one in ways]

    def at(share: float) -> float | None:
        return round(late_ms[min(len(late_ms) - 1, int(len(late_ms) * share))], 1) if late_ms else None

    missing = sum(events - len(one.came) for one in found)
    ordered = all(numbers == sorted(numbers) for one in found for numbers in one.order.values())
    return {
        "what": f"{events:,} alarms at {rate:g}/s, committed to accepted at {len(found)} subscribers",
        "subscribers": len(found), "alarms": events, "raised_in_s": round(raised_s, 1),
        "arrived_in_s": round(arrived_s, 1), "p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99),
        "worst_ms": round(late_ms[-1], 1) if late_ms else None, "missing": missing, "in_order": ordered,
        "twice": sum(one.twice for one in found),
        "mean": _mean(ways) if ways else None,
        "slowest_1_percent": _mean(ways[-max(1, len(ways) // 100) :]) if ways else None,
        "missed": missing > 0 or not ordered,
    }  # fmt: skip
