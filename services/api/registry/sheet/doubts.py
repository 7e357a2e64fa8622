"""What in a ledger can be read and is probably wrong. Pure; used by the import, by line.

A point at 0,0, two numbers that changed places, a point far from its county, two devices on one spot, a limit among the
attributes: none of them is an error, so a person looks at the preview and accepts them, or mends the file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from services.api.registry.sheet.rows import LedgerRow
from services.core.rules.device_bounds import looks_like_a_limit

FAR_KM = 40.0
"""A point so far from every known centre of its county is doubtful: Baode measures some 60 by 30 km, and no place in it
is more than 20 km from the seat of a township. Larger counties have more centres."""
_EARTH_KM = 6371.0
_SPOT_DIGITS = 5  # about a metre
_COUNTY_DIGITS = 6

Point = tuple[float, float]  # lon, lat


class LedgerWarning(NamedTuple):
    """What a person should look at in one line. `kind`: zero, swapped, outside, doubled or no_limit."""

    line: int
    field: str
    kind: str
    message: str
    message_zh: str


def doubt_attributes(row: LedgerRow, added: Collection[str]) -> list[LedgerWarning]:
    """Return which of the attributes that a row adds are named like a limit, which no ledger sets."""
    return [
        LedgerWarning(
            row.line, f"attributes.{name}", "no_limit",
            f"{name} becomes an attribute, which no rule reads; limits are set with PUT /api/v1/devices/{row.code}",
            f"{name} 只作为附加属性保存，告警规则不使用；限值请用 PUT /api/v1/devices/{row.code} 设置",
        )
        for name in added
        if looks_like_a_limit(name.lower())
    ]  # fmt: skip


@dataclass(slots=True)
class Doubts:
    """Looks at the places of one ledger, line by line."""

    centres: Mapping[str, Point]  # of the known areas that have one
    standing: dict[tuple[str, float, float], str] = field(default_factory=dict)  # kind and spot -> code
    _counties: dict[str, list[Point]] = field(default_factory=dict)
    _lines: dict[tuple[str, float, float], int] = field(default_factory=dict)

    def note_standing(self, code: str, kind: str, point: Point) -> None:
        """Learn of a device that stands in the registry."""
        self.standing.setdefault(_spot(kind, point), code)

    def look(self, row: LedgerRow, kind: str, area: str, point: Point, *, moved: bool) -> list[LedgerWarning]:
        """Return what is doubtful about a row whose device comes to stand at `point` (WGS 84)."""
        found = []
        if moved:
            place = self._look_at_place(row, area, point)
            doubled = self._look_at_spot(row, kind, point)
            found = [one for one in (place, doubled) if one is not None]
        self._lines.setdefault(_spot(kind, point), row.line)
        self.standing.setdefault(_spot(kind, point), row.code)
        return found

    def _look_at_place(self, row: LedgerRow, area: str, point: Point) -> LedgerWarning | None:
        given = row.body.location
        if given is None:
            return None
        if given.lon == 0 or given.lat == 0:
            return LedgerWarning(
                row.line, "location", "zero", "a coordinate is 0: is the place known?", "坐标为 0：位置是否未知？"
            )
        if row.exchanged:
            return LedgerWarning(
                row.line, "location", "swapped",
                f"longitude and latitude have changed places; read as lon {given.lon}, lat {given.lat}",
                f"经纬度填反；按经度 {given.lon}、纬度 {given.lat} 读入",
            )  # fmt: skip
        centres = self._centres_of(area)
        if not centres or _is_near(point, centres):
            return None
        if _is_near((point[1], point[0]), centres):
            return LedgerWarning(
                row.line, "location", "swapped",
                "longitude and latitude seem to have changed places; kept as given",
                "经纬度疑似填反；按原值保留",
            )  # fmt: skip
        far_km = min(distance_km(centre, point) for centre in centres)
        return LedgerWarning(
            row.line, "location", "outside",
            f"{far_km:.0f} km from the nearest known place of its county",
            f"距本县最近的已知地点 {far_km:.0f} 公里",
        )  # fmt: skip

    def _look_at_spot(self, row: LedgerRow, kind: str, point: Point) -> LedgerWarning | None:
        spot = _spot(kind, point)
        code = self.standing.get(spot)
        if code is None or code == row.code:
            return None
        line = self._lines.get(spot)
        en, zh = ("", " ") if line is None else (f" (line {line})", f"（第 {line} 行）")
        return LedgerWarning(
            row.line, "location", "doubled",
            f"stands on the same spot as {code}{en}, of the same kind",
            f"与同类设备 {code}{zh}位置相同",
        )  # fmt: skip

    def _centres_of(self, area: str) -> list[Point]:
        county = area[:_COUNTY_DIGITS]
        if county not in self._counties:
            self._counties[county] = [centre for code, centre in self.centres.items() if code.startswith(county)]
        return self._counties[county]


def _is_near(point: Point, centres: list[Point]) -> bool:
    return any(distance_km(centre, point) <= FAR_KM for centre in centres)


def distance_km(one: Point, other: Point) -> float:
    """Return the distance on a sphere; right for any two points, also impossible ones."""
    lon, lat, other_lon, other_lat = map(radians, (*one, *other))
    half = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, max(0.0, half))))


def _spot(kind: str, point: Point) -> tuple[str, float, float]:
    return kind, round(point[0], _SPOT_DIGITS), round(point[1], _SPOT_DIGITS)
