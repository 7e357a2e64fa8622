"""What public bug reports say of the pages of other systems, tried on ours.

Drafts and selections that a refresh erases (Zabbix in Grafana, Icinga), charts that fall back to another field
(OpenRemote), hours of the browser's zone (ThingsBoard, Grafana), pages that slept and call themselves live
(EventSource), notifications that stay (Home Assistant), forms sent by the Enter of an input method, numbers that a
translator freezes, cut links, browsers that keep nothing.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.county import AREA, HERE, NEAR
from tests.browser.held import Held
from tests.browser.test_open_for_weeks import NEWER, UNTOUCHED
from tests.support.servers import until

COMPOSED = """(field) => field.dispatchEvent(new KeyboardEvent("keydown", {
  key: "Enter", ctrlKey: true, isComposing: true, bubbles: true, cancelable: true,
}))"""
HIDDEN = """let hidden = true;
Object.defineProperty(document, "visibilityState", { get: () => (hidden ? "hidden" : "visible") });
window.comeBack = () => {
  hidden = false;
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
};"""
NOTED = """window.noted = [];
window.Notification = class {
  static permission = "granted";
  constructor(title, options) { Object.assign(this, { title, ...options }); noted.push(this); }
  close() { this.closed = true; this.onclose?.(); }
};"""
SMALL_FIELDS = """() => [...document.querySelectorAll("input, select, textarea")]
  .filter((each) => each.offsetParent && !["checkbox", "radio", "file"].includes(each.type))
  .filter((each) => parseFloat(getComputedStyle(each).fontSize) < 16)
  .map((each) => each.outerHTML)"""
MOVED = """() => {
  Blob.prototype.arrayBuffer = async () => { throw new DOMException("moved", "NotReadableError"); };
}"""
KEEPS_NOTHING = """for (const name of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });"""
SLEPT = """let ahead_ms = 0;
const now = Date.now;
Date.now = () => now() + ahead_ms;
window.sleep = (ms) => { ahead_ms += ms; };"""


def tampered(system, code):
    """Let a panel report that it was opened; the alarm's id."""
    panel = system.panel(code)
    system.fire(panel, kind="tamper")
    until(lambda: bool(system.alarms(device=panel, code="tamper", state="open")), what="the alarm")
    return system.alarms(device=panel, code="tamper", state="open")[0]["id"]


@pytest.fixture
def over(system):
    """Close what is no fire at the end."""
    yield
    system.execute(
        "update alarm set state = 'closed', closed_at = now() where category <> 'fire' and state <> 'closed'"
    )


def test_a_selection_and_a_draft_survive_what_arrives(visit, system, over):
    one, other = tampered(system, "OG-001"), tampered(system, "OG-002")
    page = visit(f"/?lang=zh#/desk/{one}")
    for alarm in (one, other):
        page.locator(f"[data-alarm='{alarm}']").click(modifiers=["Control"])
    expect(page.locator(".picked-bar b")).to_have_text("已选 2 条")
    page.get_by_role("article").get_by_role("button", name="备注").click()
    draft = page.get_by_role("dialog").get_by_label("说明")
    draft.fill("门锁坏了，")
    system.fire(system.panel("OG-003"))
    expect(page.locator(f"[data-alarm='{system.fire_of('OG-003')['id']}']").first).to_be_visible()
    page.evaluate("dispatchEvent(new Event('offline'))")  # everything is fetched anew
    expect(page.locator(".link-state.lost")).to_be_visible()
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(draft).to_have_value("门锁坏了，")
    expect(page.locator(".picked-bar b")).to_have_text("已选 2 条")
    expect(page).to_have_url(re.compile(f"desk/{one}$"))


def test_a_word_that_is_still_composed_sends_no_form(visit, system, over):
    alarm = tampered(system, "OG-004")
    page = visit(f"/?lang=zh#/desk/{alarm}")
    page.get_by_role("article").get_by_role("button", name="备注").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").fill("menqsuo")
    dialog.get_by_label("说明").evaluate(COMPOSED)
    page.evaluate("new Promise((drawn) => setTimeout(drawn, 200))")
    expect(dialog).to_be_visible()
    assert not any(one["outcome"] == "noted" for one in system.call("GET", f"/api/v1/alarms/{alarm}")["timeline"])
    dialog.get_by_label("说明").fill("门锁坏了")
    page.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("address", ["devices/%E4%B8", "%", "desk/%E4/%", "nowhere/at/all", "devices/no-such-device"])
def test_a_link_that_was_cut_on_its_way_opens_a_page(visit, system, address):
    page = visit(f"/#/{address}")
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator("main .loading")).to_have_count(0)
    page.get_by_role("link", name="水源", exact=True).click()
    expect(page.get_by_role("button", name="从我的位置")).to_be_visible()


def test_a_browser_that_keeps_nothing_shows_the_pages_all_the_same(visit, system):
    page = visit("/#/water", before=KEEPS_NOTHING)
    page.locator("#language").click()
    expect(page.get_by_role("link", name="Duty desk")).to_be_visible()
    wall = visit("/wall", before=KEEPS_NOTHING + NEWER + UNTOUCHED)
    expect(wall.locator(".link-state.live")).to_be_visible()
    wall.evaluate("dispatchEvent(new Event('offline'))")
    expect(wall.get_by_role("button", name="重新载入")).to_be_visible()  # it does not turn in a circle


def test_a_ledger_that_was_moved_since_it_was_chosen_is_said_and_chosen_again(visit, system):
    page = visit("/?lang=zh#/admin/import")
    page.evaluate(MOVED)
    page.get_by_label("文件").set_input_files({"name": "l.csv", "mimeType": "text/csv", "buffer": b"code,kind,area"})
    page.get_by_label("坐标系").select_option("wgs84")
    page.get_by_role("button", name="预览").click()
    expect(page.locator("main").get_by_role("alert")).to_contain_text("请重新选择")
    expect(page.get_by_role("button", name="预览")).to_be_enabled()


def test_a_link_into_another_tab_leaves_the_list_where_it_is(visit, system):
    page = visit("/?lang=zh#/devices")
    link = page.get_by_role("link", name="府前街1号消火栓")
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    expect(opened.value).to_have_url(re.compile(f"#/devices/{NEAR}$"))
    expect(page).to_have_url(re.compile("#/devices$"))
    page.locator(".device-table tr", has=link).locator("td").nth(3).click()  # a row is as large as a finger
    expect(page).to_have_url(re.compile(f"#/devices/{NEAR}$"))


def test_no_field_makes_a_phone_enlarge_the_page(visit, system):
    page = visit("/", signed_in=False, viewport=PHONE)
    expect(page.locator("input").first).to_be_visible()
    assert page.evaluate(SMALL_FIELDS) == []
    page = visit("/?lang=zh#/devices", viewport=PHONE)
    for address in ("devices", "desk/history", "desk/handover", f"devices/{NEAR}", "water", "admin/new-device", "map"):
        page.goto(f"{system.api}/?lang=zh#/{address}")
        expect(page.locator("main :is(input, select)").first).to_be_visible()
        assert page.evaluate(SMALL_FIELDS) == [], address
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address


def test_no_browser_translates_the_running_numbers(visit, system):
    for path in ("/", "/wall"):
        assert visit(path).locator("html").get_attribute("translate") == "no"


def test_a_page_that_slept_is_not_called_live_before_it_has_read_anew(visit, system):
    page = visit("/#/desk", before=SLEPT + HIDDEN)
    expect(page.locator(".link-state.live")).to_be_visible()
    held = Held(page, "**/api/v1/alarms?**")
    page.evaluate("sleep(3_600_000); comeBack()")
    held.wait()
    expect(page.locator(".link-state.connecting")).to_be_visible()
    tampered(system, "HJ-SLEPT")
    expect(page.get_by_text("HJ-SLEPT").first).to_be_visible()
    expect(page.locator(".link-state.connecting")).to_be_visible()  # one alarm was heard of; the rest is of an hour ago
    held.let_go()
    expect(page.locator(".link-state.live")).to_be_visible()


def test_a_notification_goes_when_somebody_took_the_fire(visit, system):
    page = visit("/#/desk", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    system.fire(system.panel("OG-005"))
    alarm = system.fire_of("OG-005")["id"]
    page.wait_for_function("tag => noted.some((one) => one.tag === tag && !one.closed)", arg=f"alarm-{alarm}")
    system.call("POST", f"/api/v1/alarms/{alarm}/acknowledge", {})
    page.wait_for_function("tag => noted.find((one) => one.tag === tag).closed", arg=f"alarm-{alarm}")


def test_a_notification_goes_when_the_fire_was_taken_while_the_page_was_not_connected(visit, system):
    page = visit("/#/desk", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    ids = []
    for panel in ("OG-015", "OG-016"):
        system.fire(system.panel(panel))
        ids.append(system.fire_of(panel)["id"])
    taken, waiting = (f"alarm-{alarm}" for alarm in ids)
    for tag in (taken, waiting):
        page.wait_for_function("tag => noted.some((one) => one.tag === tag && !one.closed)", arg=tag)
    ready = Held(page, "**/readyz")
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator(".link-state.lost")).to_be_visible()
    system.call("POST", f"/api/v1/alarms/{ids[0]}/acknowledge", {})
    ready.wait()
    ready.let_go()
    page.wait_for_function("tag => noted.find((one) => one.tag === tag).closed", arg=taken)
    assert not page.evaluate("tag => noted.find((one) => one.tag === tag).closed", waiting)


def test_a_chart_keeps_the_chosen_field_and_the_countys_hours(visit, system):
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, battery_pct=80)
    page = visit(f"/?lang=zh#/devices/{NEAR}", timezone_id="America/New_York")
    field = page.get_by_label("参数", exact=True)
    field.select_option("battery_pct")
    page.get_by_role("button", name="6 小时").click()
    expect(page.get_by_role("img", name=re.compile("电量"))).to_be_visible()
    system.reading(NEAR, "hydrant", pressure_mpa=0.442, battery_pct=79)
    expect(page.locator(".values .lead")).to_contain_text("0.442")
    expect(field).to_have_value("battery_pct")
    expect(page.get_by_role("img", name=re.compile("电量"))).to_be_visible()
    tick = "async (at) => (await import('/static/js/desk/expectation.js')).tick(at)"
    assert page.evaluate(tick, 1_795_440_600) == "21:30"  # 2026-11-23T13:30Z


def test_the_water_around_an_alarm_is_one_tap_away_and_not_its_own_hydrant(visit, system, over):
    code = "OG-XHS"
    place = {"lon": HERE["longitude"], "lat": HERE["latitude"]}
    body = {"kind": "hydrant", "area": AREA, "name": "报警的消火栓", "location": place, "source_datum": "wgs84"}
    system.call("PUT", f"/api/v1/devices/{code}", body)
    system.reading(code, "hydrant", pressure_mpa=0.03, flow_lps=0)
    until(lambda: bool(system.alarms(device=code, code="hydrant_pressure_low")), what="the alarm")
    alarm = system.alarms(device=code, code="hydrant_pressure_low")[0]["id"]
    page = visit(f"/?lang=zh#/desk/{alarm}", viewport=PHONE)
    near = page.locator(".near")
    expect(near).to_contain_text("府前街")
    expect(near).not_to_contain_text("报警的消火栓")
    page.locator(".water-around").click()
    expect(page.locator(".water-from")).to_contain_text(f"告警 #{alarm} 周边")
    expect(page.locator(f".source[data-code='{NEAR}']")).to_be_visible()
    expect(page.locator(f".source[data-code='{code}']")).to_have_count(0)
    page.get_by_role("link", name="返回告警").click()
    expect(page.get_by_role("article")).to_contain_text("报警的消火栓")
