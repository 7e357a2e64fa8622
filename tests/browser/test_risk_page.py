"""Which sites are at risk and why stands on the system page, with the report of the month to print and to keep."""

import pytest
from playwright.sync_api import expect

from tests.browser.axe import SOURCE, grave_findings
from tests.browser.conftest import DESKTOP
from tests.browser.county import AREA
from tests.support.servers import until

WITHIN_S = 60  # contract 12


@pytest.fixture
def site(system):
    site_id = system.call("POST", "/api/v1/sites", {"name": "风险学校", "area": AREA})["id"]
    system.call("POST", "/api/v1/hazards", {"site": site_id, "code": "escape_blocked", "grade": "major"})
    path = f"/api/v1/sites/{site_id}/risk"
    until(
        lambda: system.call("GET", path)["grade"] == "yellow",
        what="the hazard in the risk of its site",
        timeout_s=WITHIN_S,
    )
    return site_id


def test_a_site_at_risk_is_named_with_its_reasons_and_the_month_is_reported(visit, system, site):
    page = visit("/#/system", viewport=DESKTOP, before=SOURCE)
    card = page.locator(".sites-at-risk")
    line = card.get_by_role("listitem").filter(has_text="风险学校")
    expect(line.locator("summary")).to_contain_text("15 黄色")
    line.locator("summary").click()
    expect(line).to_contain_text("未销案的重大隐患 1 项（占用、堵塞、封闭疏散通道或安全出口）")
    with page.expect_download() as saved:
        card.get_by_role("button", name="Excel").click()
    assert saved.value.suggested_filename.startswith("月报-20")
    with page.expect_popup() as opened:
        card.get_by_role("link", name="打印").click()
    report = opened.value
    expect(report.get_by_role("heading", level=1)).to_contain_text("消防物联网监测月报")
    row = report.get_by_role("row").filter(has_text="风险学校")
    expect(row).to_contain_text("15")
    assert report.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    assert grave_findings(report) == []
    assert grave_findings(page, where=".sites-at-risk") == []
    page.locator("#language").click()
    expect(line).to_contain_text("open major hazards: 1 (escape route or exit blocked)")
    page.goto(f"{system.api}/#/admin/sites")
    expect(page.get_by_role("row").filter(has_text="风险学校")).to_contain_text("15 yellow")


@pytest.mark.parametrize("path", ["/#/system", "/api/v1/reports/monthly.html"])
def test_neither_the_list_nor_the_report_is_wider_than_a_small_phone(visit, site, path):
    page = visit(path, viewport={"width": 360, "height": 780})
    page.get_by_text("风险学校").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
