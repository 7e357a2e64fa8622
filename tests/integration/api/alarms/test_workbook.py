"""The history as an Excel workbook: what the filters let through, in one file, and no text in it is a formula."""

import io
import re
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from services.api.alarms import workbook
from tests.integration.api.conftest import AREA, OTHER_AREA, Client, Raise


def cells(content: bytes) -> list[list[str]]:
    """The sheet's cells as text, row by row; times and numbers as they are kept."""
    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    ET.fromstring(sheet)  # noqa: S314 - our own; a character that XML has not would break it
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    rows = re.findall(r"<row .*?</row>", sheet, re.DOTALL)
    return [re.findall(r"<c [^>]*>(?:<is><t[^>]*>|<v>)(.*?)</", row) for row in rows]


async def test_all_that_the_filters_let_through_is_one_workbook(
    client: Client, open_alarm: Raise, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)  # half past midnight of the 28th by the county's clock
    await open_alarm("p-1", component="=HYPERLINK(1)", zone="一层\x07\uffff\U0001f525")
    await open_alarm("p-2", opened_at=opened)
    await open_alarm("p-3", area=OTHER_AREA)
    monkeypatch.setattr(workbook, "MAX_LIMIT", 1)  # in as many parts as there are alarms
    answer = await client.get(f"/api/v1/alarms.xlsx?area={AREA}&lang=en")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="alarms.xlsx"'
    head, *rows = cells(answer.content)
    assert head[:2] == ["id", "opened_at"]
    assert len(rows) == 2
    assert "=HYPERLINK(1)" in rows[0]
    assert float(rows[1][1]) == pytest.approx(46354 + 0.5 / 24, abs=1e-6)  # 2026-11-28 00:30 as Excel counts
    empty = await client.get("/api/v1/alarms.xlsx?q=nothing")
    assert [row[0] for row in cells(empty.content)] == ["告警号"]


async def test_more_than_a_workbook_holds_is_refused_and_says_what_to_do(
    client: Client, open_alarm: Raise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 1)
    await open_alarm("p-1")
    assert (await client.get("/api/v1/alarms.xlsx")).status_code == 200
    await open_alarm("p-2")
    refused = await client.get("/api/v1/alarms.xlsx")
    assert refused.status_code == 422
    assert "narrow the days" in refused.json()["detail"]
    assert (await client.get("/api/v1/alarms.xlsx?state=nonsense")).status_code == 422
    assert (await client.get("/api/v1/alarms.xlsx?format=csv")).status_code == 422
