"""Random and mutated frames on several links, and registered panels' fires between them: each confirmed, told once."""

import asyncio
import contextlib
import random
from collections import Counter

from services.gateway.frames import KNOWN_COMMANDS, Frame, encode
from services.gateway.tables import TABLES
from tests.integration.gateway.dialling import address_of, detector_state, label
from tests.integration.gateway.leaving import known, register
from tests.support.waiting import eventually

PANELS = range(81, 85)
ROUNDS, FUZZERS = 12, 6


def junk(rng: random.Random) -> bytes:
    """Something that nearly is a frame, most often of a panel that is registered."""
    count = rng.randrange(8)
    adu = bytes((rng.choice(list(TABLES.types)), count)) + rng.randbytes(rng.randrange(120))
    if rng.random() < 0.3:
        adu = rng.randbytes(rng.randrange(1025))
    source = address_of(rng.choice(PANELS)) if rng.random() < 0.5 else rng.randbytes(6)
    data = bytearray(
        encode(
            Frame(
                rng.randrange(65_536), rng.choice([*KNOWN_COMMANDS, 0, 7, 255]), source, rng.randbytes(6), adu,
                rng.randbytes(6), rng.randrange(256), rng.randrange(256),
            )
        )
    )  # fmt: skip
    for _ in range(rng.choice((0, 0, 0, 1, 2, 5))):
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(4)] = rng.randbytes(rng.randrange(4))
    return bytes(data)


async def fuzz(port: int, seed: int, stop: asyncio.Event, sent: Counter[int]) -> None:
    rng = random.Random(seed)
    while not stop.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        reading = asyncio.create_task(reader.read(-1), name="replies")
        with contextlib.suppress(OSError):  # thrown out
            for _ in range(rng.randrange(1, 40)):
                writer.write(junk(rng))
                sent[seed] += 1
                await writer.drain()
                await asyncio.sleep(0.005)
        writer.close() if rng.random() < 0.5 else writer.transport.abort()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_every_fire_between_frames_of_junk_is_confirmed_and_told_once(
    gateway, store, dial, database, gateway_port
):
    await register(database, *PANELS)
    await known(gateway, len(PANELS))
    panels = [await dial(number) for number in PANELS]
    for panel in panels:
        await panel.confirmed(panel.send(b""))
    stop, sent = asyncio.Event(), Counter[int]()
    fuzzers = [asyncio.create_task(fuzz(gateway_port, 100 + n, stop, sent), name="fuzz") for n in range(FUZZERS)]
    said = []
    for turn in range(ROUNDS):
        fires = []
        for panel in panels:
            panel.serial = 1000 + turn
            name = f"{turn}-{panel.address[0]}"
            frame = panel.frame(detector_state(0b11, 251, turn * 10 + panel.address[0] % 10), time=label())
            panel.write(encode(frame))
            fires.append((panel, frame))
            said.append((panel, name))
        for panel, frame in fires:
            await panel.confirmed(frame)
        junk_so_far = 100 * (turn + 1)
        await eventually(lambda least=junk_so_far: sent.total() >= least, what="junk between the fires")
    stop.set()
    await asyncio.gather(*fuzzers)
    assert gateway.process.poll() is None
    told = [
        (event["device"], event["component"])  # a loop that junk does not say
        for event in store.of("fire")
        if event.get("component", "").startswith("251-") and event["component"].endswith("感烟火灾探测器")
    ]
    assert len(told) == len(set(told)) == len(said), (len(told), len(said))
