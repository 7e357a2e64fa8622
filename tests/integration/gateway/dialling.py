"""A panel for tests: says exactly the bytes it is told to, and reads what comes back."""

import asyncio
from datetime import UTC, datetime
from typing import Self

from services.gateway.frames import CONFIRM, CONTROL, DENY, REQUEST, SEND, Decoder, Frame, answer, encode, write_time
from services.gateway.objects import Item, write_text31, write_unit
from tests.support.waiting import PATIENCE_S

CENTRE = bytes((1, 0, 0, 0, 0, 0))


def address_of(number: int) -> bytes:
    return number.to_bytes(6, "little")


def label(moment: datetime | None = None) -> bytes:
    return write_time(moment or datetime.now(UTC), 480)


def detector_state(state: int, loop: int = 3, point: int = 12, kind: int = 40, time: bytes | None = None) -> bytes:
    item = Item(
        system_type=1,
        system_address=1,
        component_type=kind,
        component_address=loop.to_bytes(2, "little") + point.to_bytes(2, "little"),
        state=state,
        text=write_text31("三层走廊"),
        time=time or label(),
    )
    return write_unit(2, [item])


def operation(bit: int, flag: int = 24) -> bytes:
    who = {"system_type": 1, "system_address": 1} if flag == 4 else {}
    return write_unit(flag, [Item(operation=1 << bit, operator=1, time=label(), **who)])


class PanelSocket:
    """One TCP connection. Replies and the centre's own messages are kept apart."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.address = address_of(number)
        self.serial = -1
        self.replies: list[Frame] = []
        self.orders: list[Frame] = []
        self.confirm_orders = True
        self.closed = asyncio.Event()
        self._writer = writer
        self._arrived = asyncio.Condition()
        self._task = asyncio.create_task(self._read(reader), name="panel reader")

    @classmethod
    async def dial(cls, port: int, number: int) -> Self:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(reader, writer, number)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = Decoder()
        try:
            while data := await reader.read(65_536):
                for frame in decoder.feed(data):
                    assert isinstance(frame, Frame), frame
                    await self._sort(frame)
        except OSError:
            pass
        self.closed.set()
        async with self._arrived:
            self._arrived.notify_all()

    async def _sort(self, frame: Frame) -> None:
        async with self._arrived:
            if frame.command in {CONTROL, REQUEST}:
                self.orders.append(frame)
                if self.confirm_orders and frame.command == CONTROL:
                    self._writer.write(encode(answer(frame, CONFIRM)))
            else:
                self.replies.append(frame)
            self._arrived.notify_all()

    def frame(self, adu: bytes, command: int = SEND, serial: int | None = None, **fields: object) -> Frame:
        if serial is None:
            self.serial += 1
            serial = self.serial
        return Frame(
            serial, command, adu=adu, **({"source": self.address, "destination": CENTRE, "time": label()} | fields)
        )

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, adu: bytes, **fields: object) -> Frame:
        frame = self.frame(adu, **fields)
        self.write(encode(frame))
        return frame

    async def _await(self, found, what: str, timeout_s: float):
        async def wait():
            async with self._arrived:
                await self._arrived.wait_for(lambda: found() is not None or self.closed.is_set())

        try:
            await asyncio.wait_for(wait(), timeout_s)
        except TimeoutError:
            raise AssertionError(f"not within {timeout_s:g} s: {what}") from None
        assert found() is not None, f"the link was closed before: {what}"
        return found()

    async def reply_to(self, frame: Frame, *, count: int = 1, timeout_s: float = PATIENCE_S) -> Frame:
        def found():
            mine = [reply for reply in self.replies if reply.serial == frame.serial]
            return mine[count - 1] if len(mine) >= count else None

        return await self._await(found, f"reply {count} to serial {frame.serial}", timeout_s)

    async def confirmed(self, frame: Frame, **options) -> Frame:
        reply = await self.reply_to(frame, **options)
        assert reply.command == CONFIRM, reply
        assert (reply.source, reply.destination) == (frame.destination, frame.source)
        return reply

    async def denied(self, frame: Frame, **options) -> Frame:
        reply = await self.reply_to(frame, **options)
        assert reply.command == DENY, reply
        assert (reply.source, reply.destination) == (frame.destination, frame.source)
        return reply

    async def order(self, flag: int, *, count: int = 1, timeout_s: float = PATIENCE_S) -> Frame:
        def found():
            mine = [frame for frame in self.orders if frame.adu[:1] == bytes((flag,))]
            return mine[count - 1] if len(mine) >= count else None

        return await self._await(found, f"order of type {flag}", timeout_s)

    async def close(self) -> None:
        self._writer.transport.abort()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
