"""What the centre says to a panel: commands as data units, and the exchanges they begin. Pure; times are passed in.

Used by link.py (exchanges) and commands.py (orders). 6.5 of the standard: an answer within 10 s, three repeats.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.core.errors import FiretowerError
from services.gateway.frames import CONFIRM, CONTROL, REQUEST, RESPONSE, Frame, write_time
from services.gateway.objects import Item, Unit, write_unit
from services.gateway.profiles import Profile
from services.gateway.tables import TABLES

ANSWER_WITHIN_S = 10.0
TRIES = 4
UNANSWERED_AFTER_S = TRIES * ANSWER_WITHIN_S
INITIALISE, SYNC_CLOCK, GUARD_CHECK, READ_OWN_STATE = 89, 90, 91, 81
MAX_RECORDS = 102  # of operations, wanted by one read

FLAGS: Mapping[str, int] = {kind.en: kind.code for kind in TABLES.types.values() if kind.direction == "down"} | {
    "sync_clock": SYNC_CLOCK,
    "clock_sync": SYNC_CLOCK,
    "initialise": INITIALISE,
    "initialize": INITIALISE,
    "guard_check": GUARD_CHECK,
}


class CannotSay(FiretowerError):
    """The command or one of its arguments makes no data unit; the text names it and the cure."""


def _number(arguments: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = arguments.get(name)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise CannotSay(f"{name}: give a whole number from {low} to {high}")
    return value


def _address(arguments: Mapping[str, Any], profile: Profile) -> bytes:
    raw = arguments.get("component_address")
    if raw is not None:
        try:
            address = bytes.fromhex(str(raw))
        except ValueError:
            address = b""
        if len(address) != 4:
            raise CannotSay("component_address: give its four bytes as 8 hex digits, in wire order")
        return address
    if profile.component_address == "flat":
        return _number(arguments, "point", 0, 0, 2**32 - 1).to_bytes(4, "little")
    halves = [_number(arguments, name, 0, 0, 65_535).to_bytes(2, "little") for name in ("loop", "point")]
    return b"".join(halves if profile.component_address == "low_high" else reversed(halves))


def _since(arguments: Mapping[str, Any], profile: Profile, now: datetime) -> bytes:
    given = arguments.get("since")
    try:
        moment = now - timedelta(days=1) if given is None else datetime.fromisoformat(str(given))
        return (
            write_time(moment, profile.utc_offset_min) if moment.tzinfo else write_time(moment.replace(tzinfo=UTC), 0)
        )
    except ValueError:
        raise CannotSay("since: give a time such as 2026-05-01T08:00:00+08:00") from None


def data_unit(command: str, arguments: Mapping[str, Any], profile: Profile, now: datetime) -> tuple[int, bytes]:
    """Return type flag and data unit of a command.

    Raises:
        CannotSay: no such command, or an argument that does not fit.
    """
    flag = FLAGS.get(command)
    if flag is None:
        raise CannotSay(f"command {command}: a panel knows {', '.join(sorted(FLAGS))}")
    makers: dict[str, Callable[[], int | bytes]] = {
        "system_type": lambda: _number(arguments, "system_type", 1, 0, 255),
        "system_address": lambda: _number(arguments, "system_address", 1, 0, 255),
        "component_address": lambda: _address(arguments, profile),
        "count": lambda: _number(arguments, "count", 10, 1, MAX_RECORDS),
        "timeout_min": lambda: _number(arguments, "timeout_min", 10, 1, 255),
        "reserved": lambda: 0,
        "time": lambda: (
            write_time(now, profile.utc_offset_min) if flag == SYNC_CLOCK else _since(arguments, profile, now)
        ),
    }
    fields: dict[str, Any] = {name: makers[name]() for name, _ in TABLES.types[flag].layout}
    return flag, write_unit(flag, [Item(**fields)])


def command_byte(flag: int) -> int:
    """Return the command a downlink type is sent with: 89 to 91 control, reads request (clause 8.1)."""
    return CONTROL if flag in {INITIALISE, SYNC_CLOCK, GUARD_CHECK} else REQUEST


@dataclass(slots=True)
class Exchange:
    """One message of the centre that waits for its answer."""

    flag: int
    frame: Frame
    order: UUID | None
    due: float
    tries: int = 1


class Exchanges:
    """The open exchanges with one address. The centre counts its own serials."""

    def __init__(self) -> None:
        self._serial = 0
        self._open: dict[int, Exchange] = {}

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, flag: int, adu: bytes, *, like: Frame, label: bytes, at: float) -> Exchange:
        """Make the next message to the sender of `like`; `label` is its time label."""
        frame = Frame(
            serial=self._serial,
            command=command_byte(flag),
            source=like.destination,
            destination=like.source,
            adu=adu,
            time=label,
            version_main=like.version_main,
            version_user=like.version_user,
        )
        self._serial = (self._serial + 1) & 0xFFFF
        exchange = Exchange(flag, frame, None, at + ANSWER_WITHIN_S)
        self._open[frame.serial] = exchange
        return exchange

    def answered(self, frame: Frame, unit: Unit) -> Exchange | None:
        """Return the exchange a reply ends; a response without our serial ends the oldest one it could answer."""
        exchange = self._open.get(frame.serial)
        if exchange is not None and frame.command == RESPONSE and TABLES.types[exchange.flag].reply != unit.flag:
            exchange = None
        if exchange is None and frame.command == RESPONSE:
            matching = (one for one in self._open.values() if TABLES.types[one.flag].reply == unit.flag)
            exchange = next(matching, None) if unit.flag is not None else None
        if exchange is None:
            return None
        if frame.command == CONFIRM and TABLES.types[exchange.flag].reply is not None:
            return None  # a read is answered by its data
        del self._open[exchange.frame.serial]
        return exchange

    def drop(self) -> list[Exchange]:
        """End all of them, for their link is gone, and return them."""
        dropped = list(self._open.values())
        self._open.clear()
        return dropped

    def overdue(self, at: float) -> tuple[list[Exchange], list[Exchange]]:
        """Return what is to be sent again, and what got no answer after the last repeat."""
        again, failed = [], []
        for exchange in list(self._open.values()):
            if exchange.due > at:
                continue
            if exchange.tries >= TRIES:
                del self._open[exchange.frame.serial]
                failed.append(exchange)
            else:
                exchange.tries += 1
                exchange.due = at + ANSWER_WITHIN_S
                again.append(exchange)
        return again, failed
