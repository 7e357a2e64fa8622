"""No fire goes unseen or unheard: the bar above every page, sound that a browser blocks, and acts that fail."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, KEPT, PHONE
from tests.browser.county import AREA
from tests.support.servers import until

# A browser that lets no page sound before somebody has pressed something. `navigator.userActivation` would not do:
# every look that a test takes at the page counts as a gesture there.
MUTE = """let pressed = false;
addEventListener("pointerdown", ({ isTrusted }) => { pressed ||= isTrusted; }, true);
window.AudioContext = class {
  state = "suspended";
  resume() { if (pressed) { this.state = "running"; this.onstatechange?.(); } }
  currentTime = 0;
  destination = {};
  createOscillator() { return { frequency: this.createGain().gain, connect: (to) => to, start() {}, stop() {} }; }
  createGain() {
    return { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect: (to) => to };
  }
};"""
WORDS = {"zh": ("接警", "打开", "后自动上报 119"), "en": ("Take", "Open", "until 119")}


def refusal(status, code):
    """Return what the API refuses with."""
    body = {"type": f"urn:firetower:problem:{code}", "title": "x", "status": status, "detail": "in English"}
    return {"status": status, "body": json.dumps(body), "headers": {"content-type": "application/problem+json"}}


def test_fires_of_a_panel_that_nobody_named_are_called_by_its_code(visit, system):
    for component in ("1-1-001", "1-1-002"):
        system.fire("B-NAMELESS", component=component)
    until(lambda: len(system.alarms(device="B-NAMELESS", category="fire")) == 2, what="both fires")
    page = visit("/#/system")
    expect(page.locator(".fire-site", has_text="B-NAMELESS")).to_be_visible()
    page.goto(f"{system.api}/wall")
    expect(page.locator(".wall-alarm.fire b", has_text="B-NAMELESS")).to_be_visible()


def test_the_bar_names_every_fire_on_every_page_and_leads_to_it(visit, system):
    for panel, name in (("B-001", "保德县中医院"), ("B-002", "保德县第一中学")):  # where no other test lets it burn
        site = system.call("POST", "/api/v1/sites", {"name": name, "area": AREA})["id"]
        system.panel(panel, site=site)
    system.fire("B-001", component="1-1-007", zone="三层东走廊")
    alarm = system.fire_of("B-001")
    for language, viewport in (("zh", DESKTOP), ("en", PHONE)):
        take, open_it, clock = WORDS[language]
        page = visit(f"/?lang={language}#/devices", viewport=viewport)
        line = page.locator(f".fire-line[data-fire='{alarm['id']}']")
        for text in ("保德县中医院", "三层东走廊 1-1-007"):
            expect(line).to_contain_text(text)
        if viewport is DESKTOP:
            expect(line).to_contain_text(clock)
        for name in ("desk/handover", "system"):
            page.goto(f"{system.api}/?lang={language}#/{name}")
            page.mouse.wheel(0, 5000)
            expect(line).to_be_in_viewport()
            expect(line.get_by_role("button", name=take)).to_be_in_viewport()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"the bar makes the page {wide} px too wide"
        page.screenshot(path=KEPT / f"fire-bar-{language}.png")
        line.get_by_role("link", name=open_it).click()
        expect(page.locator("#alarm-name")).to_contain_text("保德县中医院")
    page.goto(f"{system.api}/?lang=en#/devices")
    page.locator(".counts .lit-critical").click()  # the pill in the header
    expect(page).to_have_url(re.compile(f"#/desk/{alarm['id']}$"))
    system.fire("B-002", component="2-1")
    expect(page.locator(".fire-line")).to_have_count(2)  # a further one adds to it
    page.locator(".fire-line", has_text="保德县第一中学").get_by_role("button", name="Take").click()
    until(lambda: system.fire_of("B-002")["state"] == "acknowledged", what="taken from the bar")
    expect(page.locator(".fire-line").nth(1)).to_contain_text("保德县第一中学")  # taken: behind those nobody took


@pytest.mark.parametrize("state", ["suspended", "interrupted"])  # iPads say so after a call or a locked screen
def test_blocked_sound_is_a_bar_and_the_next_press_ends_it(visit, system, state):
    page = visit("/?lang=zh#/devices", before=MUTE.replace("suspended", state))
    bar = page.locator(".banner.sound")
    expect(bar).to_contain_text("浏览器阻止了声音")
    page.get_by_role("searchbox").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_role("button", name="声音已开")).to_be_visible()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("接警未送达：数据库没有应答", "接警未成功：当前账号没有此权限", "再试一次")),
        ("en", ("Not taken yet: the database does not answer", "Not taken: this account may not do it", "Try again")),
    ],
    ids=["zh", "en"],
)
def test_a_take_that_fails_says_so_on_its_row_and_is_tried_again(visit, system, language, words):
    away, forbidden, again = words
    panel = system.panel(f"E-{language}")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit(f"/?lang={language}#/desk")
    row = page.locator(f".row:has([data-alarm='{alarm['id']}'])")
    expect(row).to_be_visible()
    answers, held = [refusal(403, "forbidden"), refusal(503, "database_away")], []
    page.route("**/acknowledge", lambda route: route.fulfill(**answers.pop(0)) if answers else held.append(route))
    row.locator(".row-take").click()
    expect(row.locator(".take-line")).to_contain_text(forbidden)
    row.get_by_role("button", name=again).click()
    expect(row.locator(".take-line")).to_contain_text(away)

    def is_tried_again():
        page.wait_for_timeout(50)
        return bool(held)

    until(is_tried_again, what="the next try, which nobody pressed for")
    held[0].continue_()
    expect(row.locator(".take-line")).to_have_count(0)
    assert system.fire_of(panel)["state"] == "acknowledged"


@pytest.mark.parametrize(("language", "again"), [("zh", "再试一次"), ("en", "Try again")])
def test_a_take_without_a_network_says_so_and_is_offered_again(visit, system, language, again):
    panel = system.panel(f"EO-{language}")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit(f"/?lang={language}#/desk")
    row = page.locator(f".row:has([data-alarm='{alarm['id']}'])")
    expect(row).to_be_visible()
    page.context.set_offline(True)
    row.locator(".row-take").click()
    expect(row.locator(".take-line")).to_be_visible()  # it is tried three times more
    retry = row.get_by_role("button", name=again)
    expect(retry).to_be_visible()
    page.context.set_offline(False)
    retry.click()
    until(lambda: system.fire_of(panel)["state"] == "acknowledged", what="the fire taken")
    expect(row.locator(".take-line")).to_have_count(0)


def test_a_take_that_failed_is_said_no_more_when_somebody_else_took_the_fire(visit, system):
    panel = system.panel("EO-other")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit("/#/desk")
    row = page.locator(f".row:has([data-alarm='{alarm['id']}'])")
    expect(row).to_be_visible()
    page.route("**/acknowledge", lambda route: route.fulfill(**refusal(403, "forbidden")))
    row.locator(".row-take").click()
    expect(row.locator(".take-line")).to_be_visible()
    assert page.locator(".take-line").count() >= 2, "in the bar as well"
    system.call("POST", f"/api/v1/alarms/{alarm['id']}/acknowledge", {})
    expect(row.locator(".row-take")).to_have_count(0)
    expect(page.locator(".take-line")).to_have_count(0)


def test_a_maintainer_is_offered_no_act_that_the_server_would_refuse(visit, system):
    person = {"username": "weihu", "password": "seen from five metres", "role": "maintainer", "areas": ["*"]}
    system.call("POST", "/api/v1/users", person)
    panel = system.panel("M-001")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit("/?lang=zh", signed_in=False)
    page.request.post(f"{system.api}/api/v1/session", data={k: person[k] for k in ("username", "password")})
    page.goto(f"{system.api}/?lang=zh#/desk/{alarm['id']}")
    page.reload()
    detail = page.get_by_role("article")
    expect(detail.get_by_role("button", name="备注")).to_be_visible()  # this one is theirs
    expect(page.locator(".row-take, .fire-acts button, [data-act=acknowledge], [data-act=real]")).to_have_count(0)
    page.keyboard.press("a")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(f"{system.api}/#/system")
    expect(page.locator(".system")).to_be_visible()
    expect(page.get_by_role("button", name="开始演练")).to_have_count(0)
