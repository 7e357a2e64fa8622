"""A device's clock that is behind by a constant, told from a back-fill (contract 8). Pure; the plan asks per message.

A right clock makes a reading old only when it was held back, and what was held back catches up. A clock that is behind
keeps its distance, message after message.
"""

from typing import NamedTuple

from services.core.moment import MINUTE_US

SECOND_US = 1_000_000
IN_A_ROW = 3  # so many late messages in a row must be about equally far behind
ABOUT_US = MINUTE_US  # what "about equally far behind" allows for the network and for a drifting clock
ROUNDED_US = SECOND_US  # many devices send whole seconds
APART_US = 10 * SECOND_US  # one measurement in several messages ends sooner; a clock that stands still does not


class Late(NamedTuple):
    """One late message: the device's time and ours, and what it measured, a bit for each field."""

    ts_us: int
    received_us: int
    fields: int

    @property
    def lag_us(self) -> int:
        """How far behind the clock is."""
        return self.received_us - self.ts_us

    def belongs_to(self, before: "Late") -> bool:
        """Whether it carries other fields of the same measurement, and so says nothing new about the clock."""
        at_once = self.received_us - before.received_us < APART_US
        return at_once and self.ts_us == before.ts_us and not self.fields & before.fields


class Clock(NamedTuple):
    """What the newest messages of a device say of its clock."""

    behind_us: int | None = None  # how far behind it is known to be
    late: tuple[Late, ...] = ()  # the newest late messages, at most IN_A_ROW - 1


RIGHT = Clock()


def follow(clock: Clock, message: Late, late_after_us: int) -> tuple[Clock, bool]:
    """Return what is known after a message of one reading, the newest of its device; True: judge it by receive time.

    The message may turn out not to be late.
    """
    lag_us = message.lag_us
    if _keeps_distance(clock, message) and lag_us > late_after_us // 2:
        return Clock(lag_us, (message,)), True
    if lag_us <= late_after_us:
        return RIGHT, False
    if clock.late and message.belongs_to(clock.late[-1]):
        return clock, False
    row = (*clock.late[1 - IN_A_ROW :], message)
    if len(row) == IN_A_ROW and _is_steady(row):
        return Clock(lag_us, (message,)), True
    return Clock(None if _is_refuted(clock, lag_us) else clock.behind_us, row[1 - IN_A_ROW :]), False


def follow_many(clock: Clock, newest_lag_us: int, late_after_us: int) -> Clock:
    """Return what is known after a message of several readings, which can only show that the clock is right."""
    if _is_refuted(clock, newest_lag_us):
        clock = RIGHT
    fine_us = late_after_us if clock.behind_us is None else late_after_us // 2
    return RIGHT if newest_lag_us <= fine_us else clock


def _keeps_distance(clock: Clock, message: Late) -> bool:
    """Whether a clock known to be behind still is, by as much; one that stands still falls back for ever."""
    if clock.behind_us is None:
        return False
    return abs(message.lag_us - clock.behind_us) <= ABOUT_US or message.ts_us == clock.late[-1].ts_us


def _is_refuted(clock: Clock, lag_us: int) -> bool:
    """Whether a message is younger than a clock so far behind could make it: none arrives before it was measured."""
    return clock.behind_us is not None and lag_us < clock.behind_us - ABOUT_US


def _is_steady(row: tuple[Late, ...]) -> bool:
    """Whether late messages stay about equally far behind: they catch up by a quarter of their spacing at most."""
    if len({message.ts_us for message in row}) == 1:
        return True
    lags = [message.lag_us for message in row]
    took_us = row[-1].received_us - row[0].received_us
    return max(lags) - min(lags) <= min(ROUNDED_US + took_us // 4, ABOUT_US)


def to_json(clock: Clock) -> dict[str, object] | None:
    """Return the clock as a JSON value for the device's state row; None: it is right."""
    if clock is RIGHT or clock == RIGHT:
        return None
    return {"behind_us": clock.behind_us, "late": [list(message) for message in clock.late]}


def from_json(saved: object) -> Clock:
    """Return the clock that `to_json` saved; anything else in the row counts as a right clock."""
    match saved:
        case {"behind_us": int() | None as behind_us, "late": list() as late} if late and all(map(_is_late, late)):
            return Clock(behind_us, tuple(Late(*message) for message in late))
    return RIGHT


def _is_late(message: object) -> bool:
    if not isinstance(message, list) or len(message) != len(Late._fields):
        return False
    return all(type(part) is int for part in message)
