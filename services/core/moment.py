"""Times as others send them: read `ts` of contract 3, or say what is wrong with it. Pure.

Used by ingest for messages and by alerts for files. Times are integer microseconds since 1970 UTC (`*_us`), which the
database turns into timestamptz.
"""

import re
from datetime import UTC, datetime, timedelta

from services.core.text import show_value

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
SMALLEST_MS = 10**11  # smaller integers are seconds: in milliseconds they would lie before March 1973

_EXACT = 2**53  # above it a float has left out digits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """Return the aware UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


def read_ts(value: object) -> int | tuple[str, str]:
    """Return `ts` in microseconds, or (reason, detail) when it cannot be read."""
    if type(value) is float and value.is_integer() and value < _EXACT:  # some encoders write 1795879615434.0
        value = int(value)
    if type(value) is int:
        if value < SMALLEST_MS:
            return (
                "ts_in_seconds",
                f"ts is {show_value(value)}, which looks like seconds: send milliseconds (seconds x 1000)",
            )
        return value * 1000
    if value is None:
        return (
            "ts_missing",
            "ts is missing: send the time of measurement as RFC 3339 with offset or as integer epoch milliseconds",
        )
    if isinstance(value, str):
        return _read_text(value)
    return (
        "ts_unreadable",
        f"ts is a {_json_type(value)}: send RFC 3339 text with offset or integer epoch milliseconds",
    )


def _read_text(text: str) -> int | tuple[str, str]:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return ("ts_unreadable", f"ts is {show_value(text)}: send RFC 3339 with offset, like 2026-11-23T08:00:00+08:00")
    day, minutes, second, fraction, _zulu, sign, offset_hours, offset_minutes = match.groups()
    leap = second == "60"  # RFC 3339 5.7 allows a leap second; it is read as the second before
    try:
        moment = datetime.fromisoformat(f"{day}T{minutes}{'59' if leap else second}+00:00")
    except ValueError:
        return ("ts_unreadable", f"ts is {show_value(text)}: there is no such time")
    us = to_us(moment) + int((fraction or "0")[:6].ljust(6, "0"))
    if sign is None:
        return us
    if int(offset_hours) > 23 or int(offset_minutes) > 59:
        return ("ts_unreadable", f"ts is {show_value(text)}: there is no such offset")
    offset_us = int(offset_hours) * HOUR_US + int(offset_minutes) * MINUTE_US
    return us - offset_us if sign == "+" else us + offset_us


def _json_type(value: object) -> str:
    names = {bool: "boolean", float: "fraction", list: "list", dict: "object"}
    return names.get(type(value), type(value).__name__)
