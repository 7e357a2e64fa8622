"""All alarms with filters in the address, as CSV and workbook, and the correction of a verdict in a closed alarm."""

import csv
import re
import zipfile
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from services.core.clock import COUNTY
from tests.browser.conftest import DESKTOP, KEPT, PHONE
from tests.browser.county import AREA
from tests.support.servers import until

WORDS = {
    "zh": ("核实结果", "误报", "更正核实", "测试", "原因", "历史"),
    "en": ("Verdict", "False alarm", "Correct the verdict", "Test", "Reason", "History"),
}


def _taken(page, button, language):
    """The file behind a button; its name says what it is and of which days."""
    with page.expect_download() as started:
        page.get_by_role("button", name=button).click()
    what, day = ("告警" if language == "zh" else "alarms"), r"\d{4}-\d\d-\d\d"
    assert re.fullmatch(rf"{what}-{day}_{day}\.(csv|xlsx)", started.value.suggested_filename)
    return started.value.path()


@pytest.mark.parametrize(("language", "viewport"), [("zh", DESKTOP), ("en", PHONE)], ids=["zh-desktop", "en-phone"])
def test_history_is_filtered_by_address_taken_as_csv_and_a_verdict_corrected(visit, system, language, viewport):
    verdicts, false, correct, test, reason, back = WORDS[language]
    panel, other = system.panel(f"HIS-{language}"), system.panel(f"HIT-{language}")
    for one in (panel, other):
        system.fire(one, component="3-07")
        system.fire_of(one)
    system.settle()  # both are judged false
    until(lambda: system.alarms(device=panel)[0]["state"] == "closed", what="the verdict")
    fire = system.alarms(device=panel)[0]["id"]

    page = visit(f"/?lang={language}#/desk/history", viewport=viewport)
    line = page.locator(f".history-table [data-alarm='{fire}']")
    expect(line).to_be_visible()
    page.locator(".history-filters .text").fill(panel)
    expect(page.locator(".history-table tbody tr")).to_have_count(1)
    page.get_by_label(verdicts, exact=True).select_option("real")
    expect(page.locator(".empty")).to_be_visible()
    page.get_by_label(verdicts, exact=True).select_option("false")
    expect(line).to_be_visible()
    expect(page).to_have_url(re.compile(f"history\\?.*verification=false.*q={panel}|history\\?.*q={panel}.*=false"))
    page.reload()
    expect(page.locator(".history-table tbody tr")).to_have_count(1)  # the address is the view
    page.screenshot(path=KEPT / f"history-{language}.png")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} px too wide"
    rows = list(csv.DictReader(_taken(page, "CSV", language).read_text("utf-8-sig").splitlines()))
    assert [(row["id"], row["device"], row["verification"]) for row in rows] == [(str(fire), panel, "false")]
    with zipfile.ZipFile(_taken(page, "Excel", language)) as book:
        cells = book.read("xl/worksheets/sheet1.xml").decode()
    assert panel in cells
    assert f">{false}<" in cells  # what the page says, not what the API says
    assert not re.search(f">(false|critical|fire|{AREA})<", cells)

    line.click()
    detail = page.get_by_role("article")
    detail.get_by_role("button", name=correct).click()
    dialog = page.get_by_role("dialog", name=re.compile("更正|Correct"))
    expect(dialog).to_contain_text("3-07")
    dialog.get_by_text(test, exact=True).click()
    dialog.get_by_label(reason).fill("维保补报：联动测试")
    dialog.locator("button[type=submit]").click()
    expect(dialog).to_have_count(0)
    story = detail.locator(".timeline")
    expect(story).to_contain_text("维保补报：联动测试")
    expect(story).to_contain_text(false)  # the first verdict stays
    page.screenshot(path=KEPT / f"story-{language}.png")
    assert system.alarms(device=panel)[0]["verification"] == "test"
    detail.get_by_role("button", name=back).click()
    expect(page.locator(".empty")).to_be_visible()  # the same view: it asks for false ones
    expect(page).to_have_url(re.compile(f"q={panel}"))


def test_spans_that_people_ask_for_by_name_are_one_press(visit, system):
    page = visit("/?lang=zh#/desk/history")
    spans = page.get_by_role("group", name="常用时段")
    expect(spans.get_by_role("button", name="最近 7 天")).to_have_attribute("aria-pressed", "true")
    today = datetime.now(COUNTY).date()
    monday = today - timedelta(days=today.weekday())
    for name, first, last in (
        ("昨天", today - timedelta(days=1), today - timedelta(days=1)),
        ("上周", monday - timedelta(days=7), monday - timedelta(days=1)),
        ("本月", today.replace(day=1), today),
        ("今天", today, today),
    ):
        spans.get_by_role("button", name=name).click()
        expect(spans.get_by_role("button", name=name)).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_label("从", exact=True)).to_have_value(str(first))
        expect(page.get_by_label("至", exact=True)).to_have_value(str(last))
    page.get_by_label("区域").select_option(label="保德县（全县）")
    expect(page).to_have_url(re.compile("area=140931(&|$)"))


def test_the_value_that_raised_an_alarm_and_the_value_of_now_stand_apart_with_their_units(visit, system):
    code = "HIS-XHS"
    hydrant = {"kind": "hydrant", "area": AREA, "location": {"lon": 111.09, "lat": 39.02}, "source_datum": "wgs84"}
    system.call("PUT", f"/api/v1/devices/{code}", hydrant)
    system.reading(code, "hydrant", pressure_mpa=0.03, flow_lps=0)
    until(lambda: bool(system.alarms(device=code, code="hydrant_pressure_low")), what="the alarm")
    alarm = system.alarms(device=code, code="hydrant_pressure_low")[0]
    page = visit(f"/?lang=zh#/desk/{alarm['id']}")
    facts = page.get_by_role("article").locator(".facts")
    expect(facts).to_contain_text("触发时0.030 MPa 限值 0.140 MPa")
    system.reading(code, "hydrant", pressure_mpa=0.2, flow_lps=0)
    expect(facts.locator(".now")).to_have_text("0.200 MPa")
    system.execute("update alarm set state = 'closed', closed_at = now() where id = $1", alarm["id"])
