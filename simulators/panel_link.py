"""One simulated transmission device on TCP: repeats each message until it is confirmed, answers what it is asked.

Used by `panel_wire` and by the fault runs. Promises: a message keeps its bytes until it is confirmed; it is repeated
after 10 s, and over a new connection after the third repeat; fires go before everything else.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.core.clock import Clock
from services.core.log import logger
from services.core.text import describe_error
from simulators.noise import Dice
from simulators.panel_frames import (
    CONFIRM,
    CONTROL,
    DENY,
    LOCAL_UTC_OFFSET_S,
    REQUEST,
    RESPONSE,
    SEND,
    Heard,
    build,
    cut,
    label,
    unit,
)

log = logger(__name__)

CENTRE = bytes((1, 0, 0, 0, 0, 0))
CONFIRM_WITHIN_S = 10.0  # 6.5 of the standard
TRIES = 4
WINDOW = 8  # messages on the way at once
HEARTBEAT_S = 20.0
LEASE_OF_LINE_S = 40.0  # without any frame from the centre the line is given up


@dataclass(frozen=True, slots=True)
class Habits:
    """What is wrong with a device, as shares of its messages (or of its life)."""

    splits: float = 0.0
    spoils: float = 0.0  # sent with a wrong checksum first
    noise: float = 0.0
    stuck_clock: datetime | None = None
    guard_answers: float = 1.0
    heartbeat_s: float = HEARTBEAT_S
    repeat_after_s: float = CONFIRM_WITHIN_S


@dataclass(slots=True)
class Said:
    """One message until it is confirmed."""

    serial: int
    data: bytes
    fire: bool
    done: asyncio.Future[None]
    made_s: float  # wall clock
    sent: float = 0.0  # monotonic, first time
    due: float = 0.0
    tries: int = 0


@dataclass(slots=True)
class Tally:
    """What one device did."""

    confirmed: int = 0
    repeated: int = 0
    denied: int = 0
    connections: int = 0
    orders: int = 0
    confirm_s: list[float] = field(default_factory=list)


class PanelLink:
    """A device with its own address. `run` keeps it connected; `say` queues a message."""

    def __init__(
        self,
        where: tuple[str, int],
        address: int,
        clock: Clock,
        dice: Dice,
        *,
        habits: Habits,
        on_confirmed: Callable[[Said], None] = lambda _: None,
    ) -> None:
        self.address = address.to_bytes(6, "little")
        self.code = f"utd-{self.address.hex()}"
        self.tally = Tally()
        self._where = where
        self._clock = clock
        self._dice = dice
        self._habits = habits
        self._on_confirmed = on_confirmed
        self._serial = -1
        self._open: OrderedDict[int, Said] = OrderedDict()
        self._writer: asyncio.StreamWriter | None = None
        self._heard = 0.0
        self._beat = 0.0
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Messages not confirmed."""
        return len(self._open)

    @property
    def unconfirmed(self) -> list[Said]:
        """What was said and not confirmed yet."""
        return list(self._open.values())

    def time(self) -> bytes:
        """Return the device's own clock as a label."""
        moment = self._clock.now() + timedelta(seconds=LOCAL_UTC_OFFSET_S)
        return label(self._habits.stuck_clock or moment.astimezone(UTC))

    def say(self, adu: bytes, *, fire: bool = False) -> "asyncio.Future[None]":
        """Queue a message; the future ends with its confirm."""
        self._serial = (self._serial + 1) % 65_536
        data = build(self._serial, SEND, self.address, CENTRE, adu=adu, time=self.time())
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        said = Said(self._serial, data, fire, done, self._clock.now().timestamp())
        self._open[said.serial] = said
        if fire:
            self._open.move_to_end(said.serial, last=False)
        self._wake.set()
        return done

    async def run(self) -> None:
        """Connect, talk, and connect again, until cancelled."""
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(*self._where)
                self.tally.connections += 1
                self._heard = self._clock.monotonic()
                self._beat = 0.0
                for said in self._open.values():
                    said.due, said.tries = 0.0, 0
                await self._talk(reader)
            except OSError as error:
                log.debug("line_lost", device=self.code, error=describe_error(error))
            finally:
                self._hang_up()
            await self._clock.sleep(self._dice.between(0.5, 2.0))

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _talk(self, reader: asyncio.StreamReader) -> None:
        listening = asyncio.create_task(self._listen(reader), name=f"{self.code} listens")
        try:
            while not listening.done():
                await self._send_due()
                self._wake.clear()
                waker = asyncio.create_task(self._wake.wait(), name=f"{self.code} waits")
                await asyncio.wait({listening, waker}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                waker.cancel()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _send_due(self) -> None:
        now = self._clock.monotonic()
        if now - self._heard > max(LEASE_OF_LINE_S, 2 * self._habits.heartbeat_s):
            raise OSError("nothing heard from the centre")
        if now >= self._beat:
            self._beat = now + self._habits.heartbeat_s
            self._serial = (self._serial + 1) % 65_536
            await self._write(build(self._serial, SEND, self.address, CENTRE, time=self.time()))
        for said in list(self._open.values())[:WINDOW]:
            if said.due > now:
                continue
            if said.tries >= TRIES:
                raise OSError("not confirmed after three repeats")
            said.sent = said.sent or now
            said.tries += 1
            self.tally.repeated += said.tries > 1
            said.due = now + self._habits.repeat_after_s
            spoiled = said.tries == 1 and self._dice.chance(self._habits.spoils)
            await self._write(said.data[:-3] + bytes((said.data[-3] ^ 0x55,)) + b"##" if spoiled else said.data)

    async def _write(self, data: bytes) -> None:
        if self._writer is None:
            return
        if self._dice.chance(self._habits.noise):
            data = b"\x00AT+CSQ\r\n" + data
        pieces = [data]
        if len(data) > 30 and self._dice.chance(self._habits.splits):
            at = 1 + self._dice.below(len(data) - 1)
            pieces = [data[:at], data[at:]]
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
            if len(pieces) > 1:
                await self._clock.sleep(0.02)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while data := await reader.read(4096):
                self._heard = self._clock.monotonic()
                buffer += data
                for heard in cut(buffer):
                    await self._take(heard)

    async def _take(self, heard: Heard) -> None:
        if heard.command in {CONTROL, REQUEST}:
            await self._obey(heard)
            return
        said = self._open.get(heard.serial)
        if said is None:
            return
        if heard.command == DENY:
            self.tally.denied += 1
            said.due = 0.0
        elif heard.command == CONFIRM:
            del self._open[heard.serial]
            self.tally.confirmed += 1
            self.tally.confirm_s.append(self._clock.monotonic() - said.sent)
            self._on_confirmed(said)
            if not said.done.done():
                said.done.set_result(None)
        self._wake.set()

    async def _obey(self, heard: Heard) -> None:
        self.tally.orders += 1
        flag = heard.adu[0] if heard.adu else 0
        time = self.time()
        answers = {
            81: unit(21, b"\x01" + time),
            85: unit(25, b"\x02\x07"),
            86: unit(26, b"\x04test"),
            88: unit(28, time),
            61: unit(1, heard.adu[2:4] + b"\x01\x00" + time),
            65: unit(5, heard.adu[2:4] + b"\x01\x00"),
            68: unit(8, heard.adu[2:4] + time),
        }
        if heard.command == REQUEST:
            command, adu = (RESPONSE, answers[flag]) if flag in answers else (DENY, b"")
        else:
            command, adu = CONFIRM, b""
        await self._write(build(heard.serial, command, self.address, heard.source, adu=adu, time=time))
        if flag == 91 and self._dice.chance(self._habits.guard_answers):
            self.say(unit(24, bytes((0b10_0000, 1)) + time))
