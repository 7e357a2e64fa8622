"""Reads a ledger of devices from CSV or GeoJSON into rows with their line. Pure; used by the import.

Promises an error with its line for whatever cannot be read, and never a guess at the datum.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from services.api.answers import DeviceCode
from services.api.datum import Datum
from services.api.device_model import DevicePut
from services.api.problems import field_errors

MAX_ROWS = 50_000
_CODE: TypeAdapter[str] = TypeAdapter(DeviceCode)
_FIELDS = frozenset(DevicePut.model_fields) - {"location", "limits", "attributes", "source_datum"}
_PLACE = frozenset({"code", "lon", "lat", "datum", "source_datum"})
_MAX_ATTRIBUTES = 100
# headings of the ledgers that brigades keep
_HEADINGS: Mapping[str, str] = {
    "编号": "code", "设备编号": "code", "类型": "kind", "区划": "area", "行政区划代码": "area", "名称": "name",
    "单位": "site", "型式": "form", "经度": "lon", "纬度": "lat", "坐标系": "datum", "地址": "address", "权属": "owner",
    "维护单位": "maintainer",
}  # fmt: skip
_TRUE, _FALSE = frozenset({"true", "1", "yes", "是"}), frozenset({"false", "0", "no", "否", ""})


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One readable row."""

    line: int
    code: str
    body: DevicePut


@dataclass(frozen=True, slots=True)
class LedgerError:
    """What is wrong in one line."""

    line: int
    field: str
    message: str


class UnreadableLedger(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


def decode_text(raw: bytes) -> str:
    """Return the text of a file in UTF-8 or, as Chinese spreadsheets save it, GB 18030."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableLedger("the file is neither UTF-8 nor GB 18030")


def read_csv(raw: bytes, datum: Datum | None) -> Iterator[LedgerRow | LedgerError]:
    """Read a CSV file with a heading line. `datum` holds for rows that name none."""
    text = decode_text(raw)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        heading = [_HEADINGS.get(name.strip(), name.strip()) for name in next(reader, [])]
        if "code" not in heading:
            raise UnreadableLedger("the first line must name the columns, `code` among them")
        if len(set(heading)) != len(heading):
            raise UnreadableLedger("a column is named twice")
        for count, cells in enumerate(reader):
            if count >= MAX_ROWS:
                raise UnreadableLedger(f"more than {MAX_ROWS} rows; split the file")
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(heading):
                yield LedgerError(reader.line_num, "", "more cells than columns")
                continue
            values = {name: cell.strip() for name, cell in zip(heading, cells, strict=False) if cell.strip()}
            yield _row(reader.line_num, values, datum)
    except csv.Error as error:
        raise UnreadableLedger(f"line {reader.line_num}: {error}") from error


def read_geojson(raw: bytes, datum: Datum | None) -> Iterator[LedgerRow | LedgerError]:
    """Read a FeatureCollection of points. `line` is the feature's place, from 1."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UnreadableLedger(f"not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise UnreadableLedger("must be a FeatureCollection with `features`")
    if len(features) > MAX_ROWS:
        raise UnreadableLedger(f"more than {MAX_ROWS} features; split the file")
    named = document.get("datum")
    if datum is None and named is not None:
        datum = _datum(named)
        if datum is None:
            raise UnreadableLedger(f"datum: must be one of {', '.join(Datum)}")
    for line, feature in enumerate(features, start=1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            yield LedgerError(line, "properties", "must be an object")
            continue
        values = {
            _HEADINGS.get(name, name): value for name, value in feature["properties"].items() if value is not None
        }
        geometry = feature.get("geometry")
        if isinstance(geometry, dict):
            place = geometry.get("coordinates")
            if geometry.get("type") != "Point" or not isinstance(place, list) or len(place) < 2:
                yield LedgerError(line, "geometry", "must be a Point [lon, lat]")
                continue
            values["lon"], values["lat"] = place[0], place[1]
        yield _row(line, values, datum)


def _datum(value: object) -> Datum | None:
    try:
        return Datum(str(value))
    except ValueError:
        return None


def _row(line: int, values: dict[str, Any], datum: Datum | None) -> LedgerRow | LedgerError:
    try:
        code = _CODE.validate_python(values.get("code"))
    except ValidationError:
        return LedgerError(line, "code", "must be 1 to 64 of A-Z a-z 0-9 _ -")
    body: dict[str, Any] = {name: _typed(name, values[name]) for name in values if name in _FIELDS}
    if "lon" in values or "lat" in values:
        given = values.get("datum", values.get("source_datum"))
        row_datum = datum if given is None else _datum(given)
        if row_datum is None:
            return LedgerError(line, "datum", f"is mandatory: one of {', '.join(Datum)}")
        body["location"] = {"lon": values.get("lon"), "lat": values.get("lat"), "datum": row_datum}
        body["source_datum"] = row_datum
    attributes = {name: value for name, value in values.items() if name and name not in _FIELDS | _PLACE}
    if len(attributes) > _MAX_ATTRIBUTES:
        return LedgerError(line, "attributes", f"at most {_MAX_ATTRIBUTES} further columns")
    if attributes:
        body["attributes"] = attributes
    try:
        return LedgerRow(line, code, DevicePut.model_validate(body))
    except ValidationError as error:
        first = field_errors(error.errors())[0]
        return LedgerError(line, first["field"].removeprefix("location."), first["message"])


def _typed(name: str, value: Any) -> Any:
    if name == "sleepy" and isinstance(value, str):
        lowered = value.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else value
    return str(value) if name in {"area", "gateway_address"} and isinstance(value, int) else value
