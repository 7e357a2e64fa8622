"""Administration by the page: a ledger with bad lines, numbers of a rule, the audit, and what such pages get wrong."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.county import AREA, FAR

HEADING = "code,kind,area,name,lon,lat\n"
GOOD = f"XHS-0201,hydrant,{AREA},东街消火栓,111.0931,39.0192\n"
BAD = f"XHS 0202,hydrant,{AREA},编号有空格,111.0932,39.0193\nXHS-0203,hydrant,abc,区域不对,111.0933,39.0194\n"
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined });"  # as over plain HTTP


def _look_at(page: Page, text: str) -> None:
    page.get_by_label("文件").set_input_files({"name": "l.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.get_by_label("坐标系").select_option("wgs84")
    page.get_by_role("button", name="预览").click()


def test_a_ledger_is_looked_at_and_its_bad_lines_are_named_in_chinese(visit: Any, system: Any) -> None:
    page: Page = visit("/#/admin/import")
    _look_at(page, HEADING + GOOD + BAD)
    errors = page.locator(".import-errors tbody tr")
    expect(errors).to_have_count(2)
    expect(errors.first).to_contain_text("3编号编号为 1 至 64 个字母、数字、_ 或 -")
    expect(errors.last).to_contain_text("所属区域")
    expect(page.get_by_role("button", name="导入 1 台设备")).to_have_count(0)
    _look_at(page, HEADING + GOOD)
    page.get_by_role("button", name="导入 1 台设备").click()
    outcome = page.locator(".import-outcome")
    expect(outcome).to_contain_text("已导入")
    expect(outcome).to_contain_text("新建 1，更新 0")
    assert system.call("GET", "/api/v1/devices/XHS-0201")["name"] == "东街消火栓"


def test_a_number_is_changed_and_the_audit_says_by_whom(visit: Any) -> None:
    page: Page = visit("/#/admin/rules")
    rule = page.locator(".rule", has_text="消火栓水压低")
    rule.locator("summary").click()
    rule.get_by_role("button", name="修改").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_role("alert")).to_contain_text("请至少填写一个数值")
    dialog.get_by_label("适用于").select_option("area")
    dialog.locator("select[name=target]").select_option(AREA)
    dialog.get_by_label("静压低于（MPa）").fill("0.16")
    dialog.get_by_role("button", name="保存").click()
    expect(rule).to_contain_text("静压低于 0.16")
    rule.get_by_role("button", name="撤回").click()
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(rule).not_to_contain_text("静压低于 0.16")

    rule.get_by_role("button", name="用历史数据试算").click()
    dialog.get_by_role("button", name="开始试算").click()
    expect(dialog.get_by_role("alert")).to_contain_text("请至少填写一个数值")
    dialog.get_by_label("静压低于（MPa）").fill("0.12")
    dialog.get_by_role("button", name="开始试算").click()
    trial = rule.locator(".trial")
    expect(trial).to_contain_text("已完成")
    expect(trial.locator(".trial-says")).to_contain_text("同样会发出 0 条")
    trial.get_by_role("button", name="启用这些数值").click()
    expect(dialog.get_by_label("静压低于（MPa）")).to_have_value("0.12")
    dialog.get_by_label("自何时起").fill("2030-01-01T08:00")
    dialog.get_by_role("button", name="保存").click()
    expect(rule).to_contain_text("自 2030-01-01")
    rule.get_by_role("button", name="撤回").click()
    dialog.get_by_role("button", name="确定").click()
    expect(rule).not_to_contain_text("自 2030-01-01")

    page.get_by_role("link", name="操作记录").click()
    page.get_by_label("做了什么").select_option("rule.put")
    row = page.locator(".admin-table tbody tr").first
    expect(row).to_contain_text("admin")
    expect(row).to_contain_text("hydrant_pressure_low")


def test_policies_calls_and_the_rota_are_changed_in_the_page(visit: Any, system: Any) -> None:
    page: Page = visit("/#/admin/policies")
    clocks = page.locator(".rule", has_text="火警核实时限")
    clocks.locator("summary").click()
    clocks.get_by_role("button", name="修改").click()
    dialog = page.get_by_role("dialog")
    first = dialog.get_by_label("疑似：自动上报前")
    first.fill("99999")
    dialog.get_by_role("button", name="保存").click()
    expect(first).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_role("alert")).to_have_text("必须是 0 至 3600 之间的数")
    first.fill("200")
    dialog.get_by_role("button", name="保存").click()
    expect(clocks.locator(".changes li").first).to_contain_text("suspected_s = 200")
    expect(clocks.locator(".changes li").first).to_contain_text("admin")
    system.call("PUT", "/api/v1/policies/fire_clocks", {"suspected_s": 180})

    who = system.call("POST", "/api/v1/contacts", {"name": "张队长", "channel": "sms", "address": "13800000001"})
    page.get_by_role("link", name="呼叫联系人").click()
    page.get_by_role("button", name="班次").click()
    dialog.get_by_role("button", name="添加班次").click()
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_role("group", name="谁").get_by_role("alert")).to_have_text("至少选 1 项")
    dialog.get_by_label("张队长").check()
    dialog.get_by_label("开始").fill("00:00")
    dialog.get_by_label("结束").fill("00:00")  # round the clock
    dialog.get_by_role("button", name="保存").click()
    expect(page.locator(".on-call")).to_contain_text("现在当值：张队长")
    expect(page.locator(".rota > li")).to_have_count(7)
    page.locator(".card", has_text="多久以后呼叫").get_by_role("button", name="修改").click()
    dialog.get_by_label("多久以后").first.fill("soon")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.get_by_role("group", name="第 1 步").get_by_role("alert")).to_contain_text("之间的数")
    page.keyboard.press("Escape")
    system.call("PUT", "/api/v1/policies/rota", {"shifts": []})
    system.call("DELETE", f"/api/v1/contacts/{who['id']}")


def test_what_pages_of_this_kind_get_wrong(visit: Any, system: Any) -> None:
    page: Page = visit("/#/admin/new-site", before=NO_CLIPBOARD)
    page.get_by_label("单位名称").fill("双击酒店")
    page.get_by_label("所属区域").select_option(AREA)
    page.locator(".admin-form").evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")  # pressed twice
    expect(page.locator(".admin-head h2")).to_have_text("双击酒店")
    assert len(system.call("GET", "/api/v1/sites?q=%E5%8F%8C%E5%87%BB")["items"]) == 1
    page.goto(f"{system.api}/#/admin/new-device")
    page.get_by_label("编号").fill(FAR)  # which is there: a new device must not change it
    page.get_by_label("所属区域").select_option(AREA)
    page.get_by_role("button", name="建立").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("已有编号为")
    page.goto(f"{system.api}/#/admin/devices/{FAR}")
    page.get_by_label("名称", exact=True).fill("改了一半的名称")
    page.get_by_role("button", name="停用检修").click()
    page.get_by_role("dialog").get_by_label("原因").fill("检修")
    page.get_by_role("dialog").get_by_role("button", name="停用").click()
    expect(page.get_by_role("button", name="恢复使用")).to_be_visible()
    expect(page.get_by_label("名称", exact=True)).to_have_value("改了一半的名称")  # not taken back by the other act
    page.get_by_role("button", name="恢复使用").click()
    expect(page.get_by_role("button", name="恢复使用")).to_have_count(0)
    page.goto(f"{system.api}/#/admin/keys")
    page.get_by_role("button", name="新建密钥").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("用途").fill("试一试")
    dialog.get_by_label("保德县").check()
    dialog.get_by_role("button", name="建立").click()
    page.get_by_role("button", name="复制: 密钥").click()
    expect(page.get_by_role("button", name="复制: 密钥")).to_have_text("已选中，请按 Ctrl+C")  # never "copied" untruly
    page.keyboard.press("Escape")
    expect(page.locator(".secret-card")).to_be_visible()
    page.get_by_role("button", name="我已记下").click()
    row = page.locator(".admin-table tbody tr", has_text="试一试")
    row.get_by_role("button", name="吊销").click()
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(row).to_contain_text("已吊销")
