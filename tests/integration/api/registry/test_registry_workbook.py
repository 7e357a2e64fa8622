"""The registry as an Excel workbook: in the words of the page, what the filters let through, of one's own areas."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.api.registry import workbook
from tests.integration.api.conftest import AREA, OTHER_AREA, Client


def rows_of(content: bytes) -> list[list[str]]:
    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    rows = re.findall(r"<row .*?</row>", sheet, re.DOTALL)
    return [re.findall(r"<c [^>]*>(?:<is><t[^>]*>|<v>)(.*?)</", row) for row in rows]


async def test_the_registry_is_one_workbook_in_the_words_of_the_page(
    client: Client, visit: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for code, kind, area in (("h-1", "hydrant", AREA), ("p-1", "panel", AREA), ("h-2", "hydrant", OTHER_AREA)):
        await client.put(f"/api/v1/devices/{code}", json={"kind": kind, "area": area, "name": f"=设备 {code}"})
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await client.post("/api/v1/devices/p-1/out-of-service", json={"until": until, "reason": "更换回路卡"})
    monkeypatch.setattr(workbook, "MAX_LIMIT", 1)  # in as many parts as there are devices
    answer = await client.get("/api/v1/devices.xlsx")
    assert answer.status_code == 200, answer.text
    assert re.search(r'filename="devices-\d{4}-\d\d-\d\d\.xlsx"', answer.headers["content-disposition"])
    head, *rows = rows_of(answer.content)
    assert head[:3] == ["编号", "名称", "类型"]
    assert [row[0] for row in rows] == ["h-1", "h-2", "p-1"]
    assert {"=设备 h-1", "消火栓", "东关镇", "离线"} <= set(rows[0])
    assert {"报警主机", "停用检修", "更换回路卡"} <= set(rows[2])
    (_, english) = rows_of((await client.get("/api/v1/devices.xlsx?lang=en&kind=panel")).content)
    assert {"Alarm panel", "Out of service"} <= set(english)
    made = await client.post("/api/v1/api-keys", json={"name": "town", "role": "viewer", "areas": [OTHER_AREA]})
    town = visit(made.json()["key"])
    assert [row[0] for row in rows_of((await town.get("/api/v1/devices.xlsx")).content)[1:]] == ["h-2"]
    monkeypatch.setattr(workbook, "MOST_ROWS", 1)
    refused = await client.get("/api/v1/devices.xlsx")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "area")
