"""What an administrator meets in the first days: roles in words, what was made is said, nothing shown once is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import PHONE
from tests.browser.county import AREA, NEAR

LAPTOP = {"width": 1366, "height": 768}


def _hours_ahead(hours: int) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_a_new_person_sees_what_the_role_may_do_and_no_password_is_lost(visit: Any, system: Any) -> None:
    page: Page = visit("/?lang=zh#/admin/people", viewport=LAPTOP)
    page.get_by_role("button", name="新建用户").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="建立")).to_be_in_viewport(ratio=1)  # however long the form is
    dialog.get_by_label("角色").select_option("viewer")
    expect(dialog).to_contain_text("只看，不能接警，不能修改")
    dialog.get_by_label("角色").select_option("maintainer")
    expect(dialog).to_contain_text("不能接警和核实")
    dialog.get_by_label("用户名").fill("baode-gis")
    dialog.get_by_label("东关镇").check()
    dialog.get_by_role("button", name="建立").click()
    password = page.locator(".secret-card .secret").inner_text()

    tabs = page.get_by_role("navigation", name="管理")
    tabs.get_by_role("link", name="区域").click()
    waits = page.locator(".unkept")
    expect(waits).to_contain_text("还没有记下")
    asked: list[str] = []

    def stay(one: Dialog) -> None:
        asked.append(one.type)
        one.dismiss()

    page.on("dialog", stay)
    page.close(run_before_unload=True)
    page.wait_for_function("document.querySelector('.unkept') !== null")
    assert asked == ["beforeunload"]  # the browser asked, and the page is still there
    page.remove_listener("dialog", stay)
    waits.get_by_role("link").click()
    expect(page.locator(".secret-card .secret")).to_have_text(password)
    page.get_by_role("button", name="我已记下").click()
    expect(page.locator(".unkept, .secret-card")).to_have_count(0)
    system.call("DELETE", "/api/v1/users/baode-gis")


def test_a_device_stands_where_its_site_is_and_what_was_made_is_said(visit: Any, system: Any) -> None:
    site = system.call("POST", "/api/v1/sites", {"name": "义门卫生院", "area": "140931101", "address": "义门街 3 号"})
    page: Page = visit("/?lang=zh#/admin/new-device", viewport=PHONE)
    page.get_by_label("编号").fill("XHS-0301")
    page.locator("select[name=site]").select_option(str(site["id"]))
    expect(page.get_by_label("所属区域")).to_have_value("140931101")
    expect(page.get_by_label("地址", exact=True)).to_have_value("义门街 3 号")
    page.get_by_role("button", name="建立").click()
    expect(page.locator(".done")).to_have_text("已建立：XHS-0301")
    page.get_by_label("名称", exact=True).fill("卫生院消火栓")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".done")).to_have_text("已保存：卫生院消火栓")


def test_an_area_that_nothing_uses_is_removed_and_one_in_use_says_by_what(visit: Any, system: Any) -> None:
    system.call("PUT", "/api/v1/areas/140931299", {"name": "写错的乡", "parent": "140931"})
    page: Page = visit("/?lang=zh#/admin/areas")
    dialog = page.get_by_role("dialog")
    row = page.locator(".admin-table tbody tr")
    row.filter(has_text="写错的乡").get_by_role("button", name="删除").click()
    dialog.get_by_role("button", name="确定").click()
    expect(page.locator(".done")).to_have_text("已删除：写错的乡")
    expect(row.filter(has_text="写错的乡")).to_have_count(0)
    row.filter(has_text=AREA).get_by_role("button", name="删除").click()
    dialog.get_by_role("button", name="确定").click()
    expect(dialog.get_by_role("alert")).to_contain_text("仍在使用：")
    expect(dialog.get_by_role("alert")).to_contain_text("台设备")


def test_the_menu_names_the_person_and_the_areas(visit: Any, system: Any) -> None:
    body = {"username": "yimen", "name": "李义门", "password": "correct horse", "role": "duty_officer"}
    system.call("POST", "/api/v1/users", body | {"areas": ["140931101"]})
    page: Page = visit("/?lang=zh", signed_in=False)
    page.get_by_label("用户名").fill("yimen")
    page.get_by_label("密码").fill("correct horse")
    page.get_by_role("button", name="登录").click()
    page.locator("#user").click()
    expect(page.locator(".menu")).to_contain_text("李义门")
    expect(page.locator(".menu")).to_contain_text("义门镇")
    expect(page.locator(".menu")).not_to_contain_text("140931101")
    system.call("DELETE", "/api/v1/users/yimen")


def test_an_alarm_says_that_its_device_is_out_of_service_or_its_site_tested(visit: Any, system: Any, site: int) -> None:
    panel = system.panel("OUT-0001", site=site)
    system.fire(panel, kind="fault", component="2-11")
    page: Page = visit("/?lang=zh#/desk")
    row = page.locator(".row", has_text="2-11")
    expect(row).not_to_contain_text("停用检修")
    out = {"until": _hours_ahead(2), "reason": "更换回路卡"}
    system.call("POST", f"/api/v1/devices/{panel}/out-of-service", out)
    expect(row).to_contain_text("停用检修")  # without a reload
    row.locator(".row-open").click()
    detail = page.get_by_role("article")
    expect(detail.locator(".muted-line")).to_contain_text("更换回路卡")
    system.call("POST", f"/api/v1/sites/{site}/test-window", {"until": _hours_ahead(1), "reason": "季度联动测试"})
    expect(row).to_contain_text("测试窗口")
    expect(detail).to_contain_text("季度联动测试")
    system.call("POST", f"/api/v1/sites/{site}/test-window", {"until": None, "reason": ""})
    system.call("POST", f"/api/v1/devices/{panel}/out-of-service", {"until": None, "reason": ""})
    expect(row).not_to_contain_text("停用检修")
    expect(detail.locator(".muted-line")).to_have_count(0)


def test_the_test_command_says_where_its_tool_and_certificate_are(visit: Any, system: Any) -> None:
    page: Page = visit(f"/?lang=zh#/admin/devices/{NEAR}")
    page.get_by_role("button", name="发放账号并显示密码").click()
    page.get_by_role("dialog").get_by_role("button", name="发放账号并显示密码").click()
    page.get_by_text("测试命令怎么用").click()
    expect(page.locator(".account")).to_contain_text("apt install mosquitto-clients")
    page.get_by_role("button", name="我已记下").click()


def test_a_form_that_was_changed_is_not_left_by_a_slip(visit: Any, system: Any, site: int) -> None:
    page: Page = visit(f"/?lang=zh#/admin/sites/{site}")
    address = page.get_by_label("地址", exact=True)
    address.fill("府前街 20 号")
    tabs = page.get_by_role("navigation", name="管理")
    tabs.get_by_role("link", name="用户").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("有改动没有保存")
    dialog.get_by_role("button", name="留在此页").click()
    expect(address).to_have_value("府前街 20 号")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".done")).to_contain_text("已保存")
    tabs.get_by_role("link", name="设备").click()  # nothing is left to lose
    expect(page.locator(".admin-table")).to_be_visible()
    page.get_by_role("searchbox").fill(NEAR)
    expect(page.locator(".admin-table tbody tr")).to_have_count(1)
    page.locator(".admin-table tbody a").click()
    page.get_by_role("link", name="返回列表").click()
    expect(page.get_by_role("searchbox")).to_have_value(NEAR)  # what was searched for is still there


def test_the_audit_leads_to_what_was_changed(visit: Any, system: Any, site: int) -> None:
    system.call("PUT", f"/api/v1/sites/{site}", {"access_note": "东门消防通道，消防控制室在一层"})
    page: Page = visit("/?lang=zh#/admin/audit")
    page.get_by_label("做了什么").select_option("site.update")
    page.locator(".admin-table tbody tr").first.get_by_role("link").click()
    expect(page.get_by_label("单位名称")).to_have_value("保德县人民医院")
