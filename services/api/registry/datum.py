"""Coordinates of Chinese ledgers to WGS 84. Used by the import and wherever a person gives a place. Pure.

CGCS2000 equals WGS 84 at the accuracy of a survey. GCJ-02 has no published inverse: it is found by iterating the
known forward formula until the residual is below a millimetre. BD-09 is Baidu's twist on top of GCJ-02.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from math import atan2, cos, pi, radians, sin, sqrt
from typing import Any

# WGS 84 and CGCS2000, with heights too
_KNOWN_CRS = re.compile(r"(?:^|\D)(?:4326|4979|4490|4480|CRS84h?)$", re.IGNORECASE)
_AXIS_M = 6_378_245.0  # Krasovsky 1940, on which GCJ-02 stands
_ECCENTRICITY = 0.00669342162296594323
_BAIDU = pi * 3000.0 / 180.0
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)  # where GCJ-02 shifts at all
_ENOUGH_DEG = 1e-9


class Datum(StrEnum):
    """What a pair of coordinates refers to."""

    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"
    GCJ02 = "gcj02"
    BD09 = "bd09"

    @classmethod
    def _missing_(cls, value: object) -> "Datum | None":
        name = str(value).lower().replace("-", "").replace("_", "").replace(" ", "")
        return cls(name) if name in set(cls) and name != value else None


# as ledgers, the makers of maps and GIS programs call them, without `坐标系` and signs
_NAMES: Mapping[str, Datum] = {
    "gps": Datum.WGS84, "epsg4326": Datum.WGS84, "wgs84": Datum.WGS84, "gcswgs1984": Datum.WGS84,
    "国家2000": Datum.CGCS2000, "2000国家": Datum.CGCS2000, "cgcs2000": Datum.CGCS2000, "epsg4490": Datum.CGCS2000,
    "gcschinageodeticcoordinatesystem2000": Datum.CGCS2000,
    "火星": Datum.GCJ02, "国测局": Datum.GCJ02, "高德": Datum.GCJ02, "腾讯": Datum.GCJ02, "gcj02": Datum.GCJ02,
    "百度": Datum.BD09, "bd09": Datum.BD09, "bd09ll": Datum.BD09,
}  # fmt: skip
_BESIDE_A_NAME = re.compile(r"(大地)?坐标系?$|地图$|[-_: ]")


def datum_named(name: str) -> Datum | None:
    """Return the datum of that name; None where it is not one of these, which is never guessed."""
    return _NAMES.get(_BESIDE_A_NAME.sub("", name.lower()))


def is_foreign_crs(crs: Any, datum: Datum | None = None) -> bool:
    """Whether a GeoJSON file (`crs`, before RFC 7946) says that its degrees are of another datum than these.

    One may say WGS 84 or CGCS2000, as exports do whatever the degrees are, or the `datum` named beside it.
    Beijing 1954 and Xi'an 1980 lie a hundred metres off.
    """
    properties = crs.get("properties") if isinstance(crs, dict) else None
    named = properties.get("name", properties.get("code")) if isinstance(properties, dict) else None
    if named is None or _KNOWN_CRS.search(str(named)):
        return False
    said = datum_named(str(named))
    return said is None or said not in {Datum.WGS84, Datum.CGCS2000, datum}


def _wave(x: float) -> float:
    return (20 * sin(6 * x * pi) + 20 * sin(2 * x * pi)) * 2 / 3


def _shift_lat(x: float, y: float) -> float:
    shift = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + _wave(x)
    shift += (20 * sin(y * pi) + 40 * sin(y / 3 * pi)) * 2 / 3
    return shift + (160 * sin(y / 12 * pi) + 320 * sin(y * pi / 30)) * 2 / 3


def _shift_lon(x: float, y: float) -> float:
    shift = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + _wave(x)
    shift += (20 * sin(x * pi) + 40 * sin(x / 3 * pi)) * 2 / 3
    return shift + (150 * sin(x / 12 * pi) + 300 * sin(x / 30 * pi)) * 2 / 3


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Return WGS 84 longitude and latitude as GCJ-02."""
    west, south, east, north = _CHINA
    if not (west <= lon <= east and south <= lat <= north):
        return lon, lat
    x, y, phi = lon - 105.0, lat - 35.0, radians(lat)
    magic = 1 - _ECCENTRICITY * sin(phi) ** 2
    per_lat = (_AXIS_M * (1 - _ECCENTRICITY)) / (magic * sqrt(magic)) * pi / 180
    per_lon = _AXIS_M / sqrt(magic) * cos(phi) * pi / 180
    return lon + _shift_lon(x, y) / per_lon, lat + _shift_lat(x, y) / per_lat


def from_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Return GCJ-02 longitude and latitude as WGS 84."""
    wgs_lon, wgs_lat = lon, lat
    for _ in range(30):
        shifted_lon, shifted_lat = to_gcj02(wgs_lon, wgs_lat)
        error_lon, error_lat = shifted_lon - lon, shifted_lat - lat
        wgs_lon, wgs_lat = wgs_lon - error_lon, wgs_lat - error_lat
        if max(abs(error_lon), abs(error_lat)) < _ENOUGH_DEG:
            break
    return wgs_lon, wgs_lat


def to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Return GCJ-02 longitude and latitude as BD-09."""
    z = sqrt(lon * lon + lat * lat) + 0.00002 * sin(lat * _BAIDU)
    theta = atan2(lat, lon) + 0.000003 * cos(lon * _BAIDU)
    return z * cos(theta) + 0.0065, z * sin(theta) + 0.006


def from_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Return BD-09 longitude and latitude as WGS 84."""
    gcj_lon, gcj_lat = lon - 0.0065, lat - 0.006
    for _ in range(10):
        back_lon, back_lat = to_bd09(gcj_lon, gcj_lat)
        gcj_lon, gcj_lat = gcj_lon - (back_lon - lon), gcj_lat - (back_lat - lat)
    return from_gcj02(gcj_lon, gcj_lat)


def convert(lon: float, lat: float, datum: Datum) -> tuple[float, float]:
    """Return `lon` and `lat` given in `datum` as WGS 84, to the tenth of a metre that a survey can mean."""
    if datum is Datum.GCJ02:
        lon, lat = from_gcj02(lon, lat)
    elif datum is Datum.BD09:
        lon, lat = from_bd09(lon, lat)
    return round(lon, 7), round(lat, 7)
