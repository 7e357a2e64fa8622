"""The history as an Excel workbook: what the filters let through, in one file, and no text in it is a formula."""

import io
import re
import zipfile
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import asyncpg
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
    head, *rows = cells(answer.content)
    assert head[:3] == ["Alarm", "Raised at (Beijing time)", "Area"]
    assert len(rows) == 2
    assert "=HYPERLINK(1)" in rows[0]
    assert float(rows[1][1]) == pytest.approx(46354 + 0.5 / 24, abs=1e-6)  # 2026-11-28 00:30 as Excel counts
    empty = await client.get("/api/v1/alarms.xlsx?q=nothing")
    assert [row[0] for row in cells(empty.content)] == ["告警号"]


async def test_a_workbook_says_what_the_page_says_in_the_language_of_who_asks(
    client: Client, open_alarm: Raise, connection: asyncpg.Connection
) -> None:
    await open_alarm("p-1", fire=True)
    await open_alarm("p-2")
    await connection.execute(
        """update alarm set state = 'acknowledged', acknowledged_at = now(), acknowledged_by = 'user:wang'
           where category = 'fire'"""
    )
    chinese, english = [
        [cell for row in cells((await client.get(f"/api/v1/alarms.xlsx?lang={lang}")).content)[1:] for cell in row]
        for lang in ("zh", "en")
    ]
    assert {"火警", "紧急", "已接警", "待核实", "疑似", "防拆报警", "东关镇", "wang"} <= set(chinese)
    assert {"Fire", "Critical", "Taken", "To verify", "Suspected", "Tamper", "东关镇", "wang"} <= set(english)
    assert chinese.count("未核实") == english.count("Unverified") == 0  # nobody is asked about what is no fire
    for cell in [*chinese, *english]:
        assert not re.fullmatch(r"[a-z]+_[a-z_]+|critical|minor|pending|tamper|140931\d+|user:.*", cell), cell


async def test_a_file_is_named_after_what_it_holds_and_of_which_days(client: Client) -> None:
    week = "from=2026-03-01T16:00:00Z&to=2026-03-08T16:00:00Z"  # the 2nd to the 8th by the county's calendar
    answer = await client.get(f"/api/v1/alarms.xlsx?{week}")
    plain, encoded = re.fullmatch(
        r"attachment; filename=\"([^\"]+)\"; filename\*=UTF-8''(\S+)", answer.headers["content-disposition"]
    ).groups()  # type: ignore[union-attr] - a header of another form fails here
    assert plain == "alarms-2026-03-02_2026-03-08.xlsx"
    assert unquote(encoded) == "告警-2026-03-02_2026-03-08.xlsx"
    english = await client.get(f"/api/v1/alarms.xlsx?{week}&lang=en")
    assert "UTF-8''alarms-2026" in english.headers["content-disposition"]


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
