"""A wire to a server on which it sometimes answers as it should not; seeded. What it says is in the subclasses."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

from tests.support.tcp import TcpServer, until_one_ends

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


class OddWire:
    """A proxy to 127.0.0.1:`target_port`; of so many answers, `share` are odd while `hostile`."""

    def __init__(self, target_port: int, seed: int, share: float) -> None:
        self.port = 0
        self.said: Counter[str] = Counter()
        self.hostile = False
        self._target_port = target_port
        self._share = share
        self._dice = random.Random(seed)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """Serve until the end of the block."""
        async with TcpServer(self._carry) as server:
            self.port = server.port
            yield self

    def draw(self, answers: Sequence[Any]) -> Any | None:
        """Return which odd answer comes now; None: what is right."""
        if not self.hostile or self._dice.random() >= self._share:
            return None
        return self._dice.choice(answers)

    async def _carry(self, reader: Reader, writer: Writer) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            await until_one_ends(self._ways(reader, writer, far_reader, far_writer), far_writer)

    def _ways(self, reader: Reader, writer: Writer, far_reader: Reader, far_writer: Writer) -> Sequence[Any]:
        """Return what carries requests, and what carries answers."""
        raise NotImplementedError
