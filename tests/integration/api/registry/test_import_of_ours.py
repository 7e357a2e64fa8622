"""Lists of ours that somebody corrects and sends back as a ledger."""

import csv
import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest

from services.api.registry.sheet.headings import HEADINGS
from tests.integration.api.conftest import AREA, Client

PATH = "/api/v1/devices/import"
DEVICE: dict[str, Any] = {
    "kind": "hydrant", "area": AREA, "name": "=府前街", "form": "aboveground", "owner": "供水公司", "sleepy": True,
    "location": {"lon": 111.0911, "lat": 39.0202, "datum": "gcj02"},
    "attributes": {"bore_mm": 150, "code_of_old": "0012", "note": "-", "wet": True},
}  # fmt: skip


async def _send(client: Client, content: bytes, kind: str, **more: str) -> dict[str, Any]:
    answer = await client.post(PATH, params=more, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
async def shown(client: Client) -> dict[str, Any]:
    for code, body in (("h-1", DEVICE), ("h-2", DEVICE | {"attributes": {}}), ("p-1", {"kind": "panel", "area": AREA})):
        made = await client.put(f"/api/v1/devices/{code}", json=body)
        assert made.status_code == 201, made.text
    found: dict[str, Any] = (await client.get("/api/v1/devices/h-1")).json()
    assert found["source_datum"] == "gcj02"
    return found


async def test_a_list_that_comes_back_changes_what_was_changed_in_it_and_nothing_else(
    client: Client, shown: dict[str, Any]
) -> None:
    """submersion-app/submersion 1820, frePPLe/frepple 67: an export that its own import does not read."""
    text = (await client.get("/api/v1/devices?format=csv")).content
    for more in ({}, {"datum": "wgs84"}):
        again = await _send(client, text, "text/csv", **more)
        assert (again["unchanged"], again["warnings"], again["errors"]) == (3, [], []), again
    rows = list(csv.DictReader(io.StringIO(text.decode())))
    rows[0] |= {"location_lon": "111.0999", "attributes_bore_mm": "200", "status": "online"}
    written = io.StringIO()
    writer = csv.DictWriter(written, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    changed = await _send(client, written.getvalue().encode(), "text/csv")
    assert (changed["updated"], changed["unchanged"]) == (1, 2)
    now = (await client.get("/api/v1/devices/h-1")).json()
    assert now["location"] == {"lon": 111.0999, "lat": shown["location"]["lat"]}
    assert now["attributes"] == DEVICE["attributes"] | {"bore_mm": "200"}
    for name in ("name", "source_datum", "owner", "sleepy"):
        assert now[name] == shown[name], name


@pytest.mark.parametrize(
    "layer",
    ["/geo/devices.geojson", "/ogc/collections/devices/items?limit=1000", "/ogc/collections/water-sources/items"],
)
async def test_a_layer_that_comes_back_moves_what_was_moved_and_nothing_else(
    client: Client, shown: dict[str, Any], layer: str
) -> None:
    document = (await client.get(layer)).json()
    again = await _send(client, orjson.dumps(document), "application/geo+json")
    assert (again["updated"], again["warnings"], again["errors"]) == (0, [], []), again
    moved = next(one for one in document["features"] if one["properties"]["code"] == "h-1")
    moved["geometry"]["coordinates"] = [111.0999, 39.02]
    await _send(client, orjson.dumps(document), "application/geo+json")
    now = (await client.get("/api/v1/devices/h-1")).json()
    assert now["location"] == {"lon": 111.0999, "lat": 39.02}
    assert (now["attributes"], now["source_datum"]) == (shown["attributes"], "gcj02")


async def test_a_list_of_ours_has_no_other_datum(client: Client, shown: dict[str, Any]) -> None:
    assert shown
    text = (await client.get("/api/v1/devices?format=csv")).content
    answer = await client.post(f"{PATH}?datum=gcj02", content=text, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert "wgs84" in answer.json()["detail"]


async def test_columns_of_somebody_elses_list_are_kept(client: Client) -> None:
    text = (
        f"code,kind,area,location_lon,location_lat,status,last_seen,bore\nh-9,hydrant,{AREA},111.1,39.0,ok,today,100\n"
    )
    await _send(client, text.encode(), "text/csv", datum="gcj02")
    found = (await client.get("/api/v1/devices/h-9")).json()
    assert found["attributes"] == {"status": "ok", "last_seen": "today", "bore": "100"}
    assert found["source_datum"] == "gcj02"


def _lines_of(workbook: bytes) -> list[list[str]]:
    """Return the cells of a workbook as a spreadsheet saves them as CSV."""
    sheet = ET.fromstring(zipfile.ZipFile(io.BytesIO(workbook)).read("xl/worksheets/sheet1.xml"))  # noqa: S314
    lines = []
    for row in sheet.findall(".//{*}row"):
        cells = {re.sub(r"\d", "", cell.get("r", "")): "".join(cell.itertext()) for cell in row}
        lines.append([cells.get(chr(ord("A") + place), "") for place in range(len(HEADINGS))])
    return lines


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_workbook_that_comes_back_as_csv_changes_what_was_corrected_in_it(
    client: Client, shown: dict[str, Any], lang: str
) -> None:
    """netbox-community/netbox 19468: an export whose import leaves out, or spoils, what it wrote itself."""
    content = (await client.get(f"/api/v1/devices.xlsx?lang={lang}")).content
    lines = _lines_of(content)

    def written() -> bytes:
        text = io.StringIO()
        csv.writer(text).writerows(lines)
        return text.getvalue().encode()

    again = await _send(client, written(), "text/csv")
    assert (again["unchanged"], again["warnings"], again["errors"]) == (3, [], []), again
    lines[0].append("管径")
    for line in lines[1:]:
        line.append("")
    heads = [str(word) for word in lines[0]]
    lon = next(place for place, word in enumerate(heads) if word.startswith(("经度", "Longitude")))
    (own,) = [line for line in lines if line[0] == "h-1"]
    own[lon], own[-1] = "111.0999", "DN100"
    changed = await _send(client, written(), "text/csv")
    assert (changed["updated"], changed["unchanged"]) == (1, 2), changed
    now = (await client.get("/api/v1/devices/h-1")).json()
    assert now["location"] == {"lon": 111.0999, "lat": shown["location"]["lat"]}
    assert now["attributes"] == DEVICE["attributes"] | {"管径": "DN100"}


async def test_a_second_ledger_leaves_what_it_does_not_tell_of(client: Client, shown: dict[str, Any]) -> None:
    assert shown
    await _send(client, "编号,管径\nh-1,DN100\n".encode(), "text/csv")
    now = (await client.get("/api/v1/devices/h-1")).json()
    assert now["attributes"] == DEVICE["attributes"] | {"管径": "DN100"}
