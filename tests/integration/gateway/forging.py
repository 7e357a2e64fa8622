"""Links that forge fires without end, as quickly as the gateway lets them; run as a program of its own."""

import asyncio
import contextlib
import itertools
import sys

from services.gateway.frames import SEND, Frame, encode
from tests.integration.gateway.dialling import CENTRE, detector_state, label

AT_ONCE = 50  # frames in one write


def frames(link: int, many_addresses: bool):
    for n in itertools.count():
        address = (0xF0_0000_0000 + link * 1_000_000 + (n if many_addresses else 0)).to_bytes(6, "little")
        adu = detector_state(0b11, loop=n // 250 % 250, point=n % 250)
        yield encode(Frame(n & 0xFFFF, SEND, address, CENTRE, adu, label()))


async def forge(port: int, link: int, *, many_addresses: bool) -> None:
    """One link after the other, each until it is hung up on or its addresses are used up."""
    said = frames(link, many_addresses)
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                for _ in range(4 if many_addresses else 1_000_000):
                    writer.write(b"".join(itertools.islice(said, AT_ONCE)))
                    async with asyncio.timeout(1):
                        await writer.drain()
                        await reader.read(65_536)
            except TimeoutError:
                pass
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.01)


async def main(port: int, links: int) -> None:
    """Half of the links use ever new addresses, half one each."""
    await asyncio.gather(*(forge(port, link, many_addresses=link % 2 == 0) for link in range(links)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
