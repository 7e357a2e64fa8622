"""The maintainers' list and a device's page: troubles with counts, order, CSV, out of service, a chart one zooms."""

from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP
from tests.browser.county import NEAR, WEAK


def test_a_maintainer_finds_sorts_saves_and_takes_out_of_service(visit, system):
    system.reading(WEAK, "hydrant", pressure_mpa=0.31, flow_lps=0, water_temp_c=9.5, battery_pct=11)
    system.reading(NEAR, "hydrant", pressure_mpa=0.32, flow_lps=0, water_temp_c=9.5, battery_pct=88)
    page = visit("/#/devices", viewport=DESKTOP)
    low = page.locator("[data-trouble=low_battery]")
    expect(low).to_contain_text("1")
    low.click()
    rows = page.locator(".device-table tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text(WEAK)
    assert "trouble=low_battery" in page.url
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert WEAK in saved.value.path().read_text(encoding="utf-8")
    low.click()
    page.get_by_role("button", name="电量", exact=True).click()
    expect(rows.first).to_contain_text(WEAK)
    expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)

    page.goto(f"{system.api}/#/devices/{WEAK}")
    page.get_by_role("button", name="停用检修").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("原因").fill("更换阀体")
    dialog.get_by_role("button", name="停用").click()
    expect(page.locator(".service-line")).to_contain_text("更换阀体")
    page.get_by_role("button", name="恢复使用").click()
    expect(page.locator(".service-line")).to_have_count(0)

    page.get_by_label("叠加参数").select_option("battery_pct")
    with page.expect_download() as shown:
        page.get_by_role("button", name="导出所示数据").click()
    assert "pressure_mpa" in shown.value.path().read_text(encoding="utf-8").splitlines()[0]
    page.get_by_label("加入同类设备比较").fill("府前街1号")
    page.locator(".compare").get_by_role("button", name="府前街1号消火栓").click()
    expect(page.locator(".history .u-legend")).to_contain_text("府前街1号消火栓")
    chart = page.locator(".history .u-over")
    box = chart.bounding_box()
    assert box is not None
    begun = page.get_by_label("从").input_value()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60, steps=4)
    page.mouse.up()
    expect(page.get_by_label("从")).not_to_have_value(begun)
