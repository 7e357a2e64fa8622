"""Panels that say something and are gone at once, each in a way of its own. Plain sockets: no loop smooths it over."""

import asyncio
import contextlib
import fcntl
import socket
import sqlite3
import struct
import termios
import time
from collections.abc import Callable, Sequence

import asyncpg

from services.gateway.frames import SEND, Decoder, Frame, encode
from tests.integration.gateway.dialling import CENTRE, address_of, detector_state, label
from tests.support.servers import Program
from tests.support.waiting import PATIENCE_S, eventually

RST_ON_CLOSE = struct.pack("ii", 1, 0)


def fire_of(number: int, serial: int = 0, point: int = 12) -> bytes:
    """One fire frame of panel `number`."""
    adu = detector_state(0b11, point=point)
    return encode(Frame(serial, SEND, address_of(number), CENTRE, adu, label()))


def _close(line: socket.socket) -> None:
    line.close()


def _half_close(line: socket.socket) -> None:
    line.shutdown(socket.SHUT_WR)


def _reset(line: socket.socket) -> None:
    while fcntl.ioctl(line, termios.TIOCOUTQ, bytes(4)) != bytes(4):  # a reset throws away what is not there yet
        time.sleep(0.001)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    line.close()


WAYS: dict[str, Callable[[socket.socket], None]] = {"close": _close, "half-close": _half_close, "reset": _reset}


def say_and_leave(port: int, parts: Sequence[bytes], way: str) -> socket.socket:
    """Connect, send the parts one by one, leave; return the socket (open in one direction after a half-close)."""
    line = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for part in parts:
        line.sendall(part)
    WAYS[way](line)
    return line


def replies_on(line: socket.socket) -> list[Frame]:
    """Read until the other side closes, too."""
    decoder, found = Decoder(), []
    with line, contextlib.suppress(OSError):
        line.settimeout(PATIENCE_S)
        while data := line.recv(4096):
            found += [frame for frame in decoder.feed(data) if isinstance(frame, Frame)]
    return found


async def register(database: str, *numbers: int) -> None:
    """Enter panels into the registry, as the API does."""
    connection = await asyncpg.connect(database)
    await connection.executemany(
        "insert into device (code, kind, area, registered, gateway_address) values ($1, 'panel', '140931', true, $2)",
        [(f"panel-{number}", address_of(number).hex()) for number in numbers],
    )
    await connection.close()
    await asyncio.sleep(0)


def rows_in(gateway: Program, table: str) -> int:
    """How many rows a table of the gateway's journal has."""
    file = gateway.folder / "gateway" / "journal.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as journal:
        found: int = journal.execute(f"select count(*) from {table}").fetchone()[0]  # noqa: S608 - our own names
    return found


def look_ups_failed(gateway: Program) -> int:
    """How often the registry did not answer within the time for which a fire waits: its panel was a stranger then."""
    return gateway.log_text().count('"look_up_failed"')


async def known(gateway: Program, panels: int = 1) -> None:
    """Wait until the gateway has read so many panels from the registry: no fire of theirs waits for a look-up."""
    await eventually(lambda: rows_in(gateway, "known_panel") >= panels, what=f"{panels} panels are known")
