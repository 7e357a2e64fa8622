"""Numbers, codes and coordinates as people write them in ledgers. Pure; used by `rows`.

Promises to read what has one meaning (`140931100.0`, full-width digits, 39°01′22.5″N) and to leave the rest as it is,
so that the model names it.
"""

import re
from typing import Any, NamedTuple

from services.api.registry.models import MOST_NUMBER
from services.api.registry.sheet.text import plain_text

_WHOLE = re.compile(r"([+-]?\d+)\.0*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"([+-]?\d{1,3}),(\d+)", re.ASCII)
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−﹣－"), "-")
# what stands for degree, minute and second in ledgers: NFKC would take some of them apart
_MARKS = str.maketrans(
    {**dict.fromkeys("º˚度", "°"), **dict.fromkeys("′’‘´`＇分", "'"), **dict.fromkeys("″”“¨〃＂秒", '"')}
)
_POLES = {
    "N": ("lat", 1), "S": ("lat", -1), "E": ("lon", 1), "W": ("lon", -1),
    "北": ("lat", 1), "南": ("lat", -1), "东": ("lon", 1), "西": ("lon", -1),
}  # fmt: skip
_POLE = r"(?:[NSEW]|[北南]纬?|[东西]经?)"
_ANGLE = re.compile(
    rf"(?P<before>{_POLE})?\s*(?P<sign>[+-]?)(?P<degrees>\d{{1,3}}(?:\.\d+)?)\s*°?"
    r"(?:\s*(?P<minutes>\d{1,2}(?:\.\d+)?)\s*')?"
    r"(?:\s*(?P<seconds>\d{1,2}(?:\.\d+)?)\s*(?:\"|''))?"
    rf"\s*(?P<after>{_POLE})?",
    re.ASCII | re.IGNORECASE,
)
_SIXTY = 60
EXACT = 2.0**53  # a number with a point has lost digits beyond it


class Angle(NamedTuple):
    """A longitude or latitude as given; `axis` is lon or lat where the text says which, else None."""

    degrees: Any
    axis: str | None = None


def whole_text(value: Any) -> Any:
    """Return a code as text: `140931100`, 140931100 and `140931100.0` are one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else value
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return value
    plain = plain_text(value).translate(_DASHES)
    whole = _WHOLE.fullmatch(plain)
    return plain if whole is None else whole[1]


def number(value: Any) -> Any:
    """Return a number written in whatever digits, as a number; anything else as it is."""
    if not isinstance(value, str):
        return value
    plain = plain_text(value).translate(_DASHES).replace(" ", "")
    if _NUMBER.fullmatch(plain) is None:
        return value
    amount = float(plain)
    return int(amount) if amount.is_integer() and abs(amount) < EXACT else amount


def attribute(value: Any) -> Any:
    """Return a further property; a telephone number or the number of a card is no amount, and becomes text."""
    named = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > MOST_NUMBER
    return whole_text(value) if named else value


def angle(value: Any) -> Angle:
    """Return a coordinate: decimal, or in degrees, minutes and seconds in any of the usual signs."""
    if not isinstance(value, str):
        return Angle(value)
    plain = plain_text(value.translate(_MARKS)).translate(_MARKS).translate(_DASHES)
    comma = _DECIMAL_COMMA.fullmatch(plain)  # of spreadsheets that part columns by semicolons
    found = number(plain if comma is None else f"{comma[1]}.{comma[2]}")
    if not isinstance(found, str):
        return Angle(found)
    match = _ANGLE.fullmatch(plain)
    return Angle(value) if match is None else _read_angle(match, value)


def _read_angle(match: re.Match[str], value: str) -> Angle:
    poles = [match[name][0].upper() for name in ("before", "after") if match[name]]
    minutes, seconds = float(match["minutes"] or 0), float(match["seconds"] or 0)
    given = [match[name] for name in ("degrees", "minutes", "seconds") if match[name]]
    contradictory = any("." in part for part in given[:-1])  # 39.5°30': are the minutes part of the 0.5?
    if minutes >= _SIXTY or seconds >= _SIXTY or contradictory or len(poles) > 1 or (poles and match["sign"]):
        return Angle(value)
    degrees = float(match["degrees"]) + minutes / _SIXTY + seconds / _SIXTY**2
    axis, sign = _POLES[poles[0]] if poles else (None, -1 if match["sign"] == "-" else 1)
    return Angle(round(sign * degrees, 9), axis)
