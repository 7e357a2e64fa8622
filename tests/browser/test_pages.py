"""Every other page on the real system: water on a phone, devices, system, language, a cut connection."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.county import AREA, HERE, NEAR, POOL, WEAK
from tests.support.servers import until

# Controls that a screen reader has no name for.
SMALL_PHONE = {"width": 360, "height": 740}
FITS = "document.documentElement.scrollWidth <= innerWidth"
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, textarea")]
  .filter((each) => each.offsetParent
    && !(each.textContent.trim() || each.getAttribute("aria-label") || each.title || each.labels?.length))
  .map((each) => each.outerHTML)"""
# What a screen reader or a keyboard stumbles over.
STUMBLES = """() => {
  const ids = [...document.querySelectorAll("[id]")];
  return [
    ...document.querySelectorAll("img:not([alt])"),
    ...[...document.querySelectorAll("[tabindex]")].filter((each) => each.tabIndex > 0),
    ...[...document.querySelectorAll("table")].filter((each) => each.offsetParent && !each.querySelector("th")),
    ...ids.filter((each) => ids.some((other) => other !== each && other.id === each.id)),
    ...[...document.querySelectorAll("[aria-labelledby]")]
      .filter((each) => !document.getElementById(each.getAttribute("aria-labelledby"))),
  ].map((each) => each.outerHTML.slice(0, 200));
}"""
PAGES = [
    "desk", "desk/history", "desk/handover", "desk/false", "map", "devices", f"devices/{NEAR}", "water", "system",
    "subscriptions", "inspect", f"inspect/{NEAR}", "help",
]  # fmt: skip
ADMIN = [
    "sites/1", "new-site", "new-device", f"devices/{NEAR}", "import", "people", "keys", "areas", "contacts", "policies",
    "responses", "rules", "audit", "start",
]  # fmt: skip


def usable_sources(system):
    asked = f"lon={HERE['longitude']}&lat={HERE['latitude']}&usable=true"
    return system.call("GET", f"/api/v1/water-sources/nearest?{asked}")["items"]


def test_nearest_water_from_where_a_phone_stands(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, water_temp_c=9.5)
    system.reading(WEAK, "hydrant", pressure_mpa=0.06, flow_lps=0, water_temp_c=9.5)
    system.reading(POOL, "water", level_pct=91.5)
    bare = {"kind": "water", "area": AREA, "name": "东街蓄水池", "location": {"lon": 111.0955, "lat": 39.0175}}
    system.call("PUT", "/api/v1/devices/SC-0002", bare)
    system.reading("SC-0002", "water", level_m=2.4)  # metres of what nobody said
    page = visit("/#/water", viewport=PHONE, geolocation=HERE, permissions=["geolocation"])
    page.get_by_role("button", name="从我的位置").click()
    sources = page.locator(".source")
    expect(sources.first).to_have_attribute("data-code", NEAR)
    expect(sources.first).to_contain_text("府前街1号消火栓")
    expect(sources.first).to_contain_text("0.310")
    expect(sources.first).to_contain_text("东北")
    weak = page.locator(f".source[data-code='{WEAK}']")
    expect(weak).to_contain_text("不可用")
    expect(weak.locator(".why-chip").first).to_be_visible()
    expect(page.locator(f".source[data-code='{POOL}']")).to_contain_text("91.5")
    unknown = page.locator(".source[data-code='SC-0002']")
    expect(unknown).to_contain_text("未知")
    expect(unknown.locator(".why-chip")).to_contain_text("未配置满水位")
    page.get_by_label("只看可用").check()
    expect(weak).to_have_count(0)
    expect(unknown).to_have_count(0)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, f"the phone page is {overflow} px too wide"


def test_usable_water_is_on_top_also_behind_all_that_a_burst_main_put_out(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, water_temp_c=9.5)
    until(lambda: usable_sources(system), what="a usable source")

    def put_out(route):
        """Answer as if forty dry hydrants stood nearer than any other."""
        dry = {"usable": False, "reasons": [{"code": "low_pressure", "text": "水压低", "text_en": "low"}]}
        answer = route.fetch()
        source = answer.json()["items"][0]
        items = [source | dry | {"code": f"XF-DRY-{n}", "name": f"{n}号", "distance_m": n} for n in range(40)]
        route.fulfill(response=answer, json={"items": items, "next": None})

    page = visit("/#/water", viewport=PHONE, geolocation=HERE, permissions=["geolocation"])
    page.route(re.compile(r"/water-sources/nearest\?(?!.*usable=true)"), put_out)
    page.get_by_role("button", name="从我的位置").click()
    expect(page.locator(".source")).to_have_count(20)
    expect(page.locator(".source").first).to_have_attribute("data-code", NEAR)
    page.get_by_label("只看可用").check()
    expect(page.locator(".source").first).to_have_attribute("data-code", NEAR)
    page.route("**/water-sources/nearest?*usable=true*", lambda route: route.fulfill(json={"items": [], "next": None}))
    page.get_by_role("button", name="刷新").click()
    expect(page.locator(".water-list")).to_contain_text("附近没有可用的水源")


def test_water_from_a_tapped_point(visit, system):
    page = visit("/#/water", viewport=PHONE)
    frame = page.locator(".water-map .map-frame")
    page.wait_for_selector(".water-map .map-frame[data-drawn]", timeout=60_000)
    box = frame.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 12, box["y"] + box["height"] - 70)
    expect(page.locator(".source").first).to_be_visible()
    expect(page.locator(".water-from")).to_contain_text("图上选点")


def test_a_device_shows_its_values_losses_and_history(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.32, flow_lps=0)
    page = visit("/#/devices")
    page.get_by_role("searchbox").fill("府前街1号 ")  # keyboards of phones end a word with a space
    page.get_by_role("link", name="府前街1号消火栓").click()
    expect(page.locator(".values")).to_contain_text("0.32")
    expect(page.locator(".quality")).to_contain_text("缺失")
    expect(page.locator(".quality tbody")).not_to_contain_text("–")  # every count is known
    page.get_by_role("button", name="6 小时").click()
    expect(page.locator(".chart canvas")).to_be_visible()
    system.reading(NEAR, "hydrant", pressure_mpa=0.417)
    expect(page.locator(".values .lead")).to_contain_text("0.417")  # without a reload
    system.reading(NEAR, "hydrant", water_present=False)  # a dry barrel is as it should be
    barrel = page.locator(".values > div", has_text="栓内积水")
    expect(barrel).to_contain_text("正常排空")
    page.goto(f"{system.api}/?lang=en#/devices/{NEAR}")
    expect(page.locator(".values > div", has_text="Water in barrel")).to_contain_text("drained")
    expect(page.locator("main")).not_to_contain_text("no water")


def test_a_rejected_message_is_listed_and_replayed(visit, system):
    system.publish(NEAR, "hydrant", "telemetry", {"ts": 1_795_460_000, "seq": 1, "pressure_mpa": 0.3})
    until(lambda: bool(system.call("GET", "/api/v1/rejects")["items"]), what="the reject")
    page = visit("/#/system")
    row = page.locator(".reject-table tbody tr").first
    expect(row).to_contain_text("时间戳是秒，应为毫秒")
    row.get_by_role("button", name="重新解码").click()
    expect(row).to_contain_text("重放")


def test_drill_and_test_window_stand_on_every_page(visit, system, site):
    page = visit(f"/#/desk/{_fire(system, site)}")
    expect(
        page.locator(".fire-line").first
    ).to_be_visible()  # what comes above moves the button, also from under a press
    expect(page.locator(".detail-cards")).to_contain_text("府前街1号消火栓")
    page.get_by_role("button", name="开启测试窗口").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("原因").fill("月度联动测试")
    dialog.get_by_role("button", name="确定").click()
    page.goto(f"{system.api}/#/system")
    page.get_by_role("button", name="开始演练").click()
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    try:
        for name in PAGES:
            page.goto(f"{system.api}/#/{name}")
            expect(page.locator(".banner.test")).to_contain_text("月度联动测试")
            expect(page.locator(".banner.drill")).to_be_visible()
    finally:
        system.call("POST", f"/api/v1/sites/{site}/test-window", {"until": None, "reason": ""})
        system.call("PUT", "/api/v1/policies/drill", {"until": None})
    expect(page.locator(".banner.drill")).to_have_count(0)


def _fire(system, site):
    panel = system.panel("D-001", site=site)
    system.fire(panel)
    return system.fire_of(panel)["id"]


def test_the_title_of_a_tab_names_its_page(visit, system):
    page = visit("/#/desk")
    expect(page).to_have_title(re.compile("值守台 · 望火楼$"))
    page.locator("nav a[href='#/water']").click()
    expect(page).to_have_title(re.compile("水源 · 望火楼$"))
    page.locator("#language").click()
    expect(page).to_have_title(re.compile("Water · Firetower$"))


def test_the_language_is_switched_and_remembered(visit, system):
    page = visit("/#/desk")
    expect(page.get_by_role("link", name="值守台")).to_be_visible()
    page.locator("#language").click()
    expect(page.get_by_role("link", name="Duty desk")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "en"
    page.reload()
    expect(page.get_by_role("link", name="Duty desk")).to_be_visible()


# What fits, and what has a name, no theme changes; what stands out from its ground, no language: two walks are enough.
@pytest.mark.parametrize(
    ("look", "rules"), [("?theme=light&lang=zh", axe.EVERY_RULE), ("?theme=dark&lang=en", axe.CONTRAST)]
)
def test_every_page_is_whole_in_both_themes_and_languages(visit, system, site, look, rules):
    alarm = _fire(system, site)
    page = visit(f"/{look}", before=axe.SOURCE)
    expect(page.locator(".link-state.live")).to_be_visible()
    for name in [*PAGES, f"desk/{alarm}", *(f"admin/{tab}" for tab in ADMIN)]:
        page.goto(f"{system.api}/{look}#/{name}")
        expect(page.locator("main .loading")).to_have_count(0)
        expect(page.locator("main .failure")).to_have_count(0)
        nameless = page.evaluate(NAMELESS)
        assert not nameless, f"{name}: nothing to read out for {nameless}"
        stumbles = page.evaluate(STUMBLES)
        assert not stumbles, f"{name}: {stumbles}"
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide"
        grave = axe.grave_findings(page, rules, "body" if name == PAGES[0] else "main")
        assert not grave, "\n".join([name, *grave])
        page.set_viewport_size(SMALL_PHONE)
        until(lambda: page.evaluate(FITS) or page.wait_for_timeout(50), what=f"{name} fits 360 px")
        page.set_viewport_size(DESKTOP)


def test_a_broken_connection_is_shown_at_once_and_heals(visit, system):
    page = visit("/#/desk")
    expect(page.locator(".link-state.live")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".banner.lost")).to_be_visible()
    panel = system.panel("C-001")
    system.fire(panel)
    alarm = system.fire_of(panel)
    assert page.locator(f"[data-alarm='{alarm['id']}']").count() == 0
    page.context.set_offline(False)
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".banner.lost")).to_have_count(0)
    expect(page.locator(f"[data-alarm='{alarm['id']}']")).to_be_visible()


def test_a_fire_that_comes_while_the_list_is_fetched_stays(visit, system, site):
    page = visit(f"/#/desk/{_fire(system, site)}")  # another one is open beside the queue
    expect(page.locator(".link-state.live")).to_be_visible()
    held = []
    page.route("**/api/v1/alarms?**", lambda route: held.append((route, route.fetch())))
    page.context.set_offline(True)
    expect(page.locator(".banner.lost")).to_be_visible()
    page.context.set_offline(False)

    def list_is_held():
        page.wait_for_timeout(50)
        return bool(held)

    until(list_is_held, what="the list, as it was before the fire")
    system.fire(system.panel("C-002"))
    row = page.locator(f"[data-alarm='{system.fire_of('C-002')['id']}']")
    expect(row).to_be_visible()
    route, old_list = held[0]
    with page.expect_response("**/api/v1/alarms?**"):
        route.fulfill(response=old_list)
    page.wait_for_timeout(300)
    expect(row).to_be_visible()


def test_a_killed_api_comes_back_under_the_open_page(visit, system):
    page = visit("/#/desk")
    expect(page.locator(".link-state.live")).to_be_visible()
    os.kill(system.endpoints()["processes"]["api"], signal.SIGKILL)
    expect(page.locator(".banner.lost")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()
    panel = system.panel("C-002")
    system.fire(panel)
    expect(page.locator(f"[data-alarm='{system.fire_of(panel)['id']}']")).to_be_visible()
