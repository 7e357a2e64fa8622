"""What a form refuses is said in the page's language: by the browser's own bubble, and by the server's refusals."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.county import AREA, NEAR


def _bubble(field: Locator) -> str:
    """What the browser shows at a field that it refused."""
    said: str = field.evaluate("field => field.validationMessage")
    return said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", ("不能晚于 20", "请填写此项", "不能大于 604,800", "至少 8 个字符")),
        ("en", ("Not later than 20", "Please fill this in", "Not more than 604,800", "at least 8 characters")),
    ],
    ids=["zh", "en"],
)
def test_a_field_complains_in_the_language_of_the_page(
    visit: Any, system: Any, language: str, said: tuple[str, str, str, str]
) -> None:
    latest, needed, number, short = said
    page: Page = visit(f"/?lang={language}#/admin/devices/{NEAR}")
    page.locator(".card .button", has_text="停用检修" if language == "zh" else "Take out of service").click()
    dialog = page.get_by_role("dialog")
    until, reason = dialog.locator("[name=until]"), dialog.locator("[name=reason]")
    until.fill("2199-01-01T08:00")
    dialog.locator("[type=submit]").click()
    assert latest in _bubble(until)
    assert _bubble(reason) == needed
    until.fill(until.get_attribute("min") or "")
    assert _bubble(until) == ""  # no longer said once it is mended
    page.keyboard.press("Escape")
    page.locator(".admin-form details summary").click()
    interval = page.locator("[name=expected_interval_s]")
    interval.fill("9999999")
    page.locator(".admin-form [type=submit]").click()
    assert _bubble(interval) == number
    page.goto(f"{system.api}/?lang={language}#/admin/people")
    page.locator(".button.new").click()
    dialog.locator("[name=username]").fill("li")
    password = dialog.locator("[name=password]")
    password.fill("")
    password.press_sequentially("short")
    dialog.locator("[type=submit]").click()
    assert short in _bubble(password)


def test_a_refusal_says_what_stands_and_what_to_do(visit: Any, system: Any) -> None:
    page: Page = visit("/?lang=en#/admin/people")
    page.locator(".button.new").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name=username]").fill("admin")
    dialog.get_by_label("保德县").check()
    dialog.locator("[type=submit]").click()
    expect(dialog.get_by_role("alert")).to_have_text("Failed: there is already a user admin")
    page.keyboard.press("Escape")

    site = system.call("POST", "/api/v1/sites", {"name": "同时编辑的单位", "area": AREA})["id"]
    page.goto(f"{system.api}/?lang=zh#/admin/sites/{site}")
    expect(page.get_by_label("单位名称")).to_have_value("同时编辑的单位")
    system.call("PUT", f"/api/v1/sites/{site}", {"name": "另一人改的名称"})
    page.get_by_label("单位名称").fill("我改的名称")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("没有保存：此内容刚刚被他人改动")
    assert system.call("GET", f"/api/v1/sites/{site}")["name"] == "另一人改的名称"


def test_a_refused_message_says_why_in_chinese(visit: Any, system: Any) -> None:
    system.reading(NEAR, "hydrant", pressure_mpa=310, flow_lps=0)
    page: Page = visit("/?lang=zh#/system")
    row = page.locator(".reject-table tbody tr", has_text=NEAR).first
    expect(row).to_contain_text("字段数值不合格 · 压力")
    expect(row).to_contain_text("应为 -0.1 至 4 之间的数；单位是 MPa，不是 kPa 或 bar；读数的其余字段已保存")
