"""What strangers send: endless, broken, truncated, dripping and merely silent connections, all from one seed.

Run as a program of its own (`attackers`), so that making the bytes does not slow the good panel of the same test.
"""

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache

from services.gateway.frames import SEND, Frame, encode
from services.gateway.tables import TABLES


def frame_of(rng: random.Random, adu_bytes: int = 40) -> bytes:
    return encode(Frame(rng.randrange(65_536), SEND, rng.randbytes(6), rng.randbytes(6), rng.randbytes(adu_bytes)))


def noise(rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(1, 20_000))


def marks(rng: random.Random) -> bytes:
    return b"@" * 10_000 + b"@@##" * 2_000


def endless(rng: random.Random) -> bytes:
    """A header that promises the most, over and over, and never an end."""
    return (b"@@" + bytes(22) + b"\xff\x03\x02" + bytes(100)) * 100


def truncated(rng: random.Random) -> bytes:
    return b"".join(frame_of(rng)[: rng.randrange(1, 60)] for _ in range(100))


def oversized(rng: random.Random) -> bytes:
    """More than 1 024 bytes of data, promised and delivered."""
    sizes = [rng.randrange(1025, 5000) for _ in range(20)]
    heads = (b"@@" + bytes(22) + size.to_bytes(2, "little") + b"\x02" for size in sizes)
    return b"".join(head + bytes(size + 1) + b"##" for head, size in zip(heads, sizes, strict=True))


def mutated(rng: random.Random) -> bytes:
    """A fuzzing corpus: frames of every type, damaged in up to three places."""
    return b"".join(damaged(rng) for _ in range(300))


def damaged(rng: random.Random) -> bytes:
    adu = bytes((rng.choice(list(TABLES.types)), rng.randrange(4))) + rng.randbytes(rng.randrange(100))
    data = bytearray(encode(Frame(rng.randrange(65_536), rng.randrange(8), b"mutant", bytes(6), adu)))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(data)


def flood(rng: random.Random) -> bytes:
    return b"".join(frame_of(rng, 2) for _ in range(20)) + b"".join(
        encode(Frame(n & 0xFFFF, SEND, b"flood!", bytes(6))) for n in range(5_000)
    )


def spoofed(rng: random.Random) -> bytes:
    return encode(Frame(0, SEND, rng.randbytes(6), bytes(6)))


def wrong_sums(rng: random.Random) -> bytes:
    return b"".join(frame_of(rng)[:-3] + b"?##" for _ in range(300))


def deaf(rng: random.Random) -> bytes:
    """Unknown commands, whose denials nobody reads."""
    return b"".join(encode(Frame(n, 9, b"deaf!!", bytes(6))) for n in range(3_000))


def beginning(rng: random.Random) -> bytes:
    return b"@@\x00"


MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    make.__name__: make
    for make in (noise, marks, endless, truncated, oversized, mutated, flood, spoofed, wrong_sums, deaf)
} | {"drip": beginning, "silent": beginning}
KINDS = tuple(MAKERS)


@lru_cache(maxsize=64)
def bytes_of(kind: str, seed: int) -> bytes:
    return MAKERS[kind](random.Random(seed))


async def attack(port: int, kind: str, seed: int, tally: Counter, hold_s: float) -> None:
    """One hostile connection, from connecting to being thrown out or `hold_s`."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 20)
    except (OSError, TimeoutError):
        tally["refused"] += 1
        return
    data = bytes_of(kind, seed if kind == "spoofed" else seed % 50)
    tally["bytes"] += len(data)
    tally[kind] += 1
    try:
        async with asyncio.timeout(hold_s):
            if kind == "drip":
                for byte in data * 1000:
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0.2)
            writer.write(data)
            if kind == "deaf":
                await asyncio.sleep(hold_s)
            while await reader.read(65_536):
                pass
        tally["thrown_out"] += 1
    except TimeoutError:
        tally["stayed"] += 1
    except OSError:
        tally["thrown_out"] += 1
    finally:
        with contextlib.suppress(OSError):
            writer.transport.abort()


async def attack_with(port: int, connections: int, at_once: int, hold_s: float) -> Counter:
    tally: Counter[str] = Counter()
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await attack(port, KINDS[number % len(KINDS)], number, tally, hold_s)

    await asyncio.gather(*(one(number) for number in range(connections)))
    return tally


@asynccontextmanager
async def attackers(port: int, connections: int, at_once: int, hold_s: float) -> AsyncIterator[asyncio.Task[Counter]]:
    """The attack in a process of its own; the task ends with its tally."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, *map(str, (port, connections, at_once, hold_s)), stdout=asyncio.subprocess.PIPE
    )

    async def tally() -> Counter:
        out, _ = await process.communicate()
        assert process.returncode == 0
        return Counter(json.loads(out))

    task = asyncio.create_task(tally(), name="attackers")
    try:
        yield task
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(attack_with(*(int(n) for n in numbers[:3]), float(numbers[3])))))  # noqa: T201
