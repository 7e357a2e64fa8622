"""One device that floods, as a program of its own so that its work is not measured: MODE, URL, DEVICE.

Each mode is a burst of what a broken or hostile device can send with its own account, as fast as the broker takes it.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import orjson

from bench.packets import PreparedPublish
from bench.publisher import Endpoint, publish
from services.core.log import configure_log
from services.core.mqtt import Session, SessionConfig, Will
from tests.support.broker_fleet import drop, now_ms, reading, topic

LIST_BYTES = 256 * 1024


class Sent(NamedTuple):
    """One message."""

    topic: str
    payload: bytes
    retain: bool = False


def fire(number: int) -> dict[str, object]:
    return {"event_id": f"flood-{number}", "ts": now_ms(), "seq": number, "type": "fire", "component": f"1-{number}"}


def fires(device: str) -> Iterator[Sent]:
    for n in range(20_000):
        yield Sent(topic(device, "up/event", "panel"), orjson.dumps(fire(n)))


def presses(device: str) -> Iterator[Sent]:
    """Manual alarms, which are never surplus."""
    for start in range(0, 20_000, 100):
        body = orjson.dumps([{**fire(n), "type": "manual_alarm"} for n in range(start, start + 100)])
        yield Sent(topic(device, "up/event", "panel"), body)


def lists(device: str) -> Iterator[Sent]:
    for start in range(0, 20_000, 100):
        body = orjson.dumps([fire(n) for n in range(start, start + 100)])
        yield Sent(topic(device, "up/event", "panel"), body)


def full_lists(device: str, count: int = 100) -> Iterator[Sent]:
    """Lists as large as the broker takes; a hundred of them are a quarter of a million fires."""
    length = LIST_BYTES // (len(orjson.dumps(fire(10**6))) + 1) - 1
    for start in range(0, count * length, length):
        body = orjson.dumps([fire(n) for n in range(start, start + length)])
        yield Sent(topic(device, "up/event", "panel"), body)


def million(device: str) -> Iterator[Sent]:
    """A million fires and some more, three times as many bytes as the event lane may hold unacknowledged."""
    return full_lists(device, 400)


def telemetry(device: str) -> Iterator[Sent]:
    for start in range(0, 180_000, 600):
        since = now_ms() - 86_400_000
        body = [reading(n, since + n, pressure_mpa=0.3, flow_lps=1.0) for n in range(start, start + 600)]
        yield Sent(topic(device), orjson.dumps(body))


def rejects(device: str) -> Iterator[Sent]:
    for n in range(10_000):
        yield Sent(topic(device, "up/event", "panel"), b'{"fire": "manual_alarm %d"' % n)
        yield Sent(topic(device), b"\xff\x00 fire %d" % n)


def full_rejects(device: str) -> Iterator[Sent]:
    for n in range(100):
        yield Sent(topic(device, "up/event", "panel"), b"[" + b"%010d," % n * 23_000)  # neither JSON nor an event


def status(device: str) -> Iterator[Sent]:
    for n in range(20_000):
        yield Sent(topic(device, "up/status", "panel"), b'{"online": %s}' % (b"true" if n % 2 else b"false"))


def retained(device: str) -> Iterator[Sent]:
    for n in range(10_000):
        yield Sent(topic(device, "up/event", "panel"), orjson.dumps(fire(n)), retain=True)


BURSTS: dict[str, Callable[[str], Iterator[Sent]]] = {
    "fires": fires, "presses": presses, "lists": lists, "full_lists": full_lists, "million": million,
    "telemetry": telemetry, "rejects": rejects, "full_rejects": full_rejects, "status": status, "retained": retained,
}  # fmt: skip
WILLS = 500
BEYOND = 200_000
MODES = (*BURSTS, "beyond", "wills")


async def send(mode: str, url: str, device: str) -> int:
    """Send one burst; return how many messages."""
    config = SessionConfig.from_url(
        urlsplit(url), f"flood-{device}", clean_start=True, session_expiry_s=0, max_outgoing=2000
    )
    session = Session(config)
    running = asyncio.create_task(session.run())
    await session.ready()
    answers = []
    for sent in BURSTS[mode](device):
        await session.room()
        answers.append(session.submit(sent.topic, sent.payload, retain=sent.retain))
    await asyncio.gather(*answers)
    await session.stop()
    await running
    return len(answers)


async def send_beyond(url: str, device: str) -> int:
    """Send ten times as many fires, one a message, as the event lane may hold unacknowledged, over four connections."""
    address = urlsplit(url)
    endpoint = Endpoint(
        address.hostname or "", address.port or 0, unquote(address.username or ""), unquote(address.password or "")
    )
    where = topic(device, "up/event", "panel")
    messages = [
        PreparedPublish(where, {"event_id": f"beyond-{n}", "type": "fire", "component": f"1-{n}"})
        for n in range(20_000)
    ]
    return (await publish(endpoint, messages, count=BEYOND)).acknowledged


async def die(url: str, device: str) -> int:
    """Connect and drop the connection again and again, with a fire as the last will."""
    address = urlsplit(url)
    for n in range(WILLS):
        config = SessionConfig.from_url(
            address, f"flood-{device}-{n}", clean_start=True, session_expiry_s=0,
            will=Will(topic(device, "up/event", "panel"), orjson.dumps(fire(n)), retain=False),
        )  # fmt: skip
        session = Session(config)
        running = asyncio.create_task(session.run())
        await session.ready()
        drop(session)
        await running
    return WILLS


def main(mode: str, url: str, device: str) -> None:
    configure_log("flood", "error", "console")
    begun = time.monotonic()
    special = {"wills": die, "beyond": send_beyond}
    count = asyncio.run(special[mode](url, device) if mode in special else send(mode, url, device))
    sys.stdout.write(f"{mode}: {count} messages in {time.monotonic() - begun:.2f} s\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
