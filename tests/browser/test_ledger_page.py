"""What does not fit in the ledger stands on the system page, check by check, leads to the device and can be saved."""

from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP
from tests.browser.county import AREA


def test_a_device_without_a_place_is_counted_named_and_saved(visit, system):
    system.call("PUT", "/api/v1/devices/h-nowhere", {"kind": "hydrant", "area": AREA, "name": "无坐标消火栓"})
    page = visit("/#/system", viewport=DESKTOP)
    check = page.locator("[data-check=no_position]")
    expect(check.locator("summary")).to_contain_text("没有位置")
    check.locator("summary").click()
    line = check.get_by_role("listitem").filter(has_text="无坐标消火栓")
    expect(line).to_contain_text("台账没有坐标，地图上看不到")
    with page.expect_download() as saved:
        check.get_by_role("button", name="CSV").click()
    assert "h-nowhere" in saved.value.path().read_text(encoding="utf-8")
    page.locator("#language").click()
    expect(line).to_contain_text("no coordinates: on no map")
    line.get_by_role("link").click()
    expect(page).to_have_url(f"{system.api}/#/devices/h-nowhere")
