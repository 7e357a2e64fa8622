"""Reads a ledger of devices from CSV or GeoJSON into rows with their line. Pure; used by the import.

Promises an error with its line for whatever cannot be read, and never a guess at the datum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from services.api.registry.datum import Datum, datum_named, is_foreign_crs
from services.api.registry.models import DevicePut
from services.api.registry.sheet import ours
from services.api.registry.sheet.text import UnreadableLedger, decode_text, plain_text, read_table
from services.api.registry.sheet.values import angle, attribute, number, whole_text
from services.api.request.fields import DeviceCode
from services.api.request.problems import field_errors

MAX_ROWS = 50_000
_CODE: TypeAdapter[str] = TypeAdapter(DeviceCode)
_FIELDS = frozenset(DevicePut.model_fields) - {"location", "limits", "attributes", "source_datum"}
_PLACE = frozenset({"code", "lon", "lat", "datum", "source_datum"})
_MAX_ATTRIBUTES = 100
# headings of the ledgers that brigades keep
_HEADINGS: Mapping[str, str] = {
    "编号": "code", "设备编号": "code", "类型": "kind", "设备类型": "kind", "区划": "area", "行政区划代码": "area",
    "名称": "name", "设备名称": "name", "单位": "site", "型式": "form", "形式": "form", "经度": "lon", "纬度": "lat",
    "坐标系": "datum", "地址": "address", "权属": "owner", "维护单位": "maintainer", "上报间隔": "expected_interval_s",
    "额定电流": "rated_current_a", "休眠": "sleepy", "网关": "gateway", "东经": "lon", "北纬": "lat", "lng": "lon",
    "longitude": "lon", "latitude": "lat", **ours.NESTED,
}  # fmt: skip
# kinds and forms as those ledgers, and our own pages, call them
_CHINESE: Mapping[str, Mapping[str, str]] = {
    "kind": {
        "消火栓": "hydrant", "市政消火栓": "hydrant", "智能消火栓": "hydrant", "消防水鹤": "hydrant",
        "电气": "electrical", "电气监测": "electrical", "电气火灾监控": "electrical", "电气火灾监测": "electrical",
        "液位": "water", "水位": "water", "水池": "water", "水箱": "water", "消防水池": "water", "天然水源": "water",
        "报警主机": "panel", "火灾报警主机": "panel", "火灾报警控制器": "panel", "用户信息传输装置": "panel",
        "用传": "panel",
    },
    "form": {
        "地上": "aboveground", "地上式": "aboveground", "地上栓": "aboveground",
        "地下": "underground", "地下式": "underground", "地下栓": "underground",
        "水鹤": "crane", "消防水鹤": "crane", "水池": "pool", "消防水池": "pool", "水箱": "tank", "消防水箱": "tank",
        "天然": "natural", "天然水源": "natural",
    },
}  # fmt: skip
_CODES = frozenset({"area", "gateway", "gateway_address"})
_NUMBERS = frozenset({"site", "expected_interval_s", "rated_current_a"})
_MOST_LATITUDE = 90
_TRUE, _FALSE = frozenset({"true", "1", "yes", "是"}), frozenset({"false", "0", "no", "否", ""})


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One readable row."""

    line: int
    code: str
    body: DevicePut
    exchanged: bool = False  # longitude and latitude stood in each other's place


@dataclass(frozen=True, slots=True)
class LedgerError:
    """What is wrong in one line."""

    line: int
    field: str
    message: str


def read_csv(raw: bytes, datum: Datum | None) -> Iterator[LedgerRow | LedgerError]:
    """Read a table with a heading line. `datum` holds for rows that name none."""
    table = read_table(decode_text(raw))
    _, first = next((line for line in table if any(map(str.strip, line[1]))), (0, []))
    plain = [plain_text(name).lower() for name in first]
    workbook = ours.is_workbook(plain)
    heading = [ours.field_of(name.strip()) if workbook else _heading(name) for name in first]
    if "code" not in heading:
        raise UnreadableLedger("the first line must name the columns, `code` among them")
    named = [name for name in heading if name]
    if len(set(named)) != len(named):
        raise UnreadableLedger("a column is named twice")
    own = workbook or ours.is_ours(plain)
    _check_own(datum, own=own)
    for count, (line, cells) in enumerate(table):
        if count >= MAX_ROWS:
            raise UnreadableLedger(f"more than {MAX_ROWS} rows; split the file")
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[len(heading) :]):
            yield LedgerError(line, "", "more cells than columns")
            continue
        values = {name: cell.strip() for name, cell in zip(heading, cells, strict=False) if cell.strip()}
        yield _row(line, {name: ours.plain(value) for name, value in values.items()} if own else values, datum, own=own)


def _check_own(datum: Datum | None, *, own: bool) -> None:
    if own and datum not in {None, Datum.WGS84, Datum.CGCS2000}:
        raise UnreadableLedger("this is a list of ours, whose positions are in WGS 84: name the datum wgs84")


def _heading(name: str) -> str:
    """Return our name of a column, or its own."""
    plain = plain_text(name).lower()
    return _HEADINGS.get(plain) or (plain if plain in _FIELDS | _PLACE else name.strip())


def _layer(raw: bytes, datum: Datum | None) -> tuple[list[Any], Datum | None]:
    """Return the features of a file, and the datum that holds where a feature names none."""
    try:
        document = orjson.loads(decode_text(raw))
    except orjson.JSONDecodeError as error:
        raise UnreadableLedger(f"not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise UnreadableLedger("must be a FeatureCollection with `features`")
    if len(features) > MAX_ROWS:
        raise UnreadableLedger(f"more than {MAX_ROWS} features; split the file")
    if is_foreign_crs(document.get("crs"), datum):
        raise UnreadableLedger("crs: must be WGS 84 or CGCS2000 (EPSG 4326, 4490): export the layer so")
    named = document.get("datum")
    if datum is None and named is not None:
        datum = _datum(named)
        if datum is None:
            raise UnreadableLedger(f"datum: must be one of {', '.join(Datum)}")
    return features, datum


def read_geojson(raw: bytes, datum: Datum | None) -> Iterator[LedgerRow | LedgerError]:
    """Read a FeatureCollection of points. `line` is the feature's place, from 1."""
    features, datum = _layer(raw, datum)
    for line, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            yield LedgerError(line, "properties", "must be an object")
            continue
        own = ours.is_ours(feature["properties"])
        _check_own(datum, own=own)
        values = {_heading(name): value for name, value in feature["properties"].items() if value is not None}
        geometry = feature.get("geometry")
        if isinstance(geometry, dict):
            place = geometry.get("coordinates")
            if geometry.get("type") != "Point" or not isinstance(place, list) or len(place) < 2:
                yield LedgerError(line, "geometry", "must be a Point [lon, lat]")
                continue
            values["lon"], values["lat"] = place[0], place[1]
        yield _row(line, values, datum, own=own)


def _datum(value: object) -> Datum | None:
    name = plain_text(str(value))
    try:
        return Datum(name)
    except ValueError:
        return datum_named(name)


def _code(line: int, value: Any) -> str | LedgerError:
    given = whole_text(value)
    if isinstance(given, float):
        return LedgerError(line, "code", "is a number that has lost digits: write it as text")
    try:
        return _CODE.validate_python(given)
    except ValidationError:
        return LedgerError(line, "code", "must be 1 to 64 of A-Z a-z 0-9 _ -")


def _row(line: int, values: dict[str, Any], datum: Datum | None, *, own: bool) -> LedgerRow | LedgerError:
    code = _code(line, values.get("code"))
    if isinstance(code, LedgerError):
        return code
    exchanged = False
    body: dict[str, Any] = {name: _typed(name, values[name]) for name in values if name in _FIELDS}
    if "lon" in values or "lat" in values:
        given = values.get("datum", values.get("source_datum"))
        row_datum = Datum.WGS84 if own else datum if given is None else _datum(given)
        if row_datum is None:
            return LedgerError(line, "datum", f"is mandatory: one of {', '.join(Datum)}")
        place = _place(values)
        if isinstance(place, str):
            return LedgerError(line, place, "names the other axis")
        lon, lat, exchanged = place
        body["location"] = {"lon": lon, "lat": lat}
        if not own:  # `source_datum` of ours says in what a device was surveyed, not in what we tell its position
            body["location"]["datum"] = body["source_datum"] = row_datum
    attributes = {name: attribute(value) for name, value in values.items() if name and name not in _FIELDS | _PLACE}
    if own:
        attributes = ours.attributes_in(attributes)
    if len(attributes) > _MAX_ATTRIBUTES:
        return LedgerError(line, "attributes", f"at most {_MAX_ATTRIBUTES} further columns")
    if attributes:
        body["attributes"] = attributes
    try:
        return LedgerRow(line, code, DevicePut.model_validate(body), exchanged)
    except ValidationError as error:
        first = field_errors(error.errors())[0]
        return LedgerError(line, first["field"].removeprefix("location."), first["message"])


def _place(values: dict[str, Any]) -> tuple[Any, Any, bool] | str:
    """Return longitude, latitude and whether they were exchanged, or the field that contradicts itself.

    A latitude over 90 degrees does not exist, nor one of `111°05′E`: the two were exchanged. The row is
    then warned of, so that a person says so too.
    """
    lon, lat = angle(values.get("lon")), angle(values.get("lat"))
    if lon.axis == "lat" and lat.axis in {"lon", None}:
        return lat.degrees, lon.degrees, True
    if lat.axis == "lon" and lon.axis is None:
        return lat.degrees, lon.degrees, True
    if lon.axis == "lat" or lat.axis == "lon":
        return "lon" if lon.axis == "lat" else "lat"
    numbers = isinstance(lon.degrees, int | float) and isinstance(lat.degrees, int | float)
    if numbers and abs(lat.degrees) > _MOST_LATITUDE >= abs(lon.degrees) and lat.axis is None:
        return lat.degrees, lon.degrees, True
    return lon.degrees, lat.degrees, False


def _typed(name: str, value: Any) -> Any:
    """Return a cell as the model takes it."""
    if name in _CODES:
        return whole_text(value)
    if name in _NUMBERS:
        return number(value)
    if not isinstance(value, str):
        return value
    if name in _CHINESE:
        plain = plain_text(value).lower()
        return _CHINESE[name].get(plain) or ours.code_of(name, plain)
    if name == "sleepy":
        lowered = plain_text(value).lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else value
    return value
