"""Fires that were missed or misread in front of other systems, by their public bug reports, tried on our pages.

Keys that repeat while they are held and take one thing after the other, double clicks that fall on what moved into the
place (PaperWM, NeuTu), clocks inside live regions that a screen reader reads out every second (Element), events of the
minutes in which a page slept (Home Assistant), sessions that end without a word (Rancher, Beszel, UI3), "wrong
password" where a cookie was refused (Clipperz), pages that stay empty after one failed import (Vite), clocks of PCs
(Grafana), sound cards that are not there.
"""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.held import Held
from tests.browser.test_others_got_wrong import HIDDEN, NOTED, SLEPT
from tests.support.servers import until

YESTERDAY = """{
  const Real = Date;
  const behind_ms = 86_400_000;
  window.Date = class extends Real {
    constructor(...given) { super(...(given.length ? given : [Real.now() - behind_ms])); }
    static now() { return Real.now() - behind_ms; }
  };
}"""
SET_BACK = """async () => {
  const sound = await import("/static/js/sound.js");
  const [date, since] = [Date.now, performance.now.bind(performance)];
  sound.hush(120);
  Date.now = () => date() - 8 * 3_600_000;
  const before = sound.hushed();
  performance.now = () => since() + 121_000;
  return [before, sound.hushed()];
}"""
TAMPER_OVER = "update alarm set state = 'closed', closed_at = now() where category <> 'fire' and state <> 'closed'"


@pytest.fixture
def over(system):
    """Close what is no fire at the end."""
    yield
    system.execute(TAMPER_OVER)


def burning(system, *panels, **more):
    """Let panels report a fire, one after the other; the alarms' ids."""
    ids = []
    for panel in panels:
        system.fire(system.panel(panel), **more)
        ids.append(system.fire_of(panel)["id"])
    return ids


def asked_to_take(page):
    """Count, from now on, what a page asks the server to take."""
    asked = []
    page.on("request", lambda request: request.url.endswith("/acknowledge") and asked.append(request.url))
    return asked


def test_who_takes_a_fire_by_key_goes_on_from_there(visit, system):
    first, second = burning(system, "OM-011", "OM-012")
    page = visit(f"/?lang=zh#/desk/{first}")
    line = page.locator(f".fire-line[data-fire='{second}']")
    line.get_by_role("button").press("Enter")
    expect(line.get_by_role("button")).to_have_count(0)
    expect(page.locator(f"[data-fire='{second}'] a")).to_be_focused()
    page.locator("[data-act=acknowledge]").press("Enter")
    expect(page.locator("[data-act=acknowledge]")).to_have_count(0)
    expect(page.locator("#alarm-name")).to_be_focused()
    for _ in (first, second):  # a verdict leads to the next fire
        page.locator("[data-act=false]").press("Enter")
        expect(page.locator("dialog [type=submit]")).to_be_visible()  # else the key is pressed on what opened it
        page.locator("dialog [type=submit]").press("Enter")
        expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("[data-act=false]")).to_have_count(0)
    expect(page.locator("#content")).to_be_focused()


def test_a_key_that_is_held_takes_one_fire(visit, system):
    first, *_ = burning(system, "OM-001", "OM-002", "OM-003")
    page = visit(f"/?lang=zh#/desk/{first}")
    expect(page.locator("[data-act=acknowledge]")).to_be_visible()
    expect(page.locator(".fire-line")).to_have_count(3)  # two of them, and how many more
    asked = asked_to_take(page)
    for _ in range(4):
        page.keyboard.down("a")
    page.keyboard.up("a")
    until(lambda: system.call("GET", f"/api/v1/alarms/{first}")["state"] == "acknowledged", what="the first is taken")
    page.evaluate("new Promise((drawn) => setTimeout(drawn, 200))")
    assert len(asked) == 1
    page.keyboard.press("a")  # pressed anew it takes the next
    until(lambda: page.wait_for_timeout(20) or len(asked) > 1, what="the second is taken")


@pytest.mark.parametrize("button", [".fire-line .fire-acts button", "[data-act=acknowledge]"])
def test_a_double_click_takes_what_it_was_meant_for_and_not_what_came_in_its_place(visit, system, button):
    first, _ = burning(system, "OM-004", "OM-005")
    page = visit(f"/?lang=zh#/desk/{first}")
    expect(page.locator(".to-do")).to_be_visible()  # what comes above the buttons is there
    expect(page.locator(".fire-line")).to_have_count(2)
    asked = asked_to_take(page)
    page.locator(button).first.click()
    until(lambda: system.call("GET", f"/api/v1/alarms/{first}")["state"] == "acknowledged", what="the first is taken")
    expect(page.locator(".fire-line.untaken")).to_have_count(1)
    page.mouse.down(click_count=2)  # the second press of the same double click
    page.mouse.up(click_count=2)
    page.evaluate("new Promise((drawn) => setTimeout(drawn, 200))")
    assert len(asked) == 1


def test_a_fire_that_came_while_the_page_was_away_is_told_when_it_is_back(visit, system):
    page = visit("/?lang=zh#/desk", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".link-state.lost")).to_be_visible()
    [missed] = burning(system, "OM-008")
    page.context.set_offline(False)
    page.wait_for_function("tag => noted.some((one) => one.tag === tag)", arg=f"alarm-{missed}")
    expect(page.locator("[role=log][aria-live=assertive]")).to_contain_text("报警主机 OM-008")


def test_the_same_words_once_more_are_said_once_more_and_a_flood_is_one_sentence(visit, system, over):
    page = visit("/?lang=zh#/devices")
    expect(page.locator(".link-state.live")).to_be_visible()
    said = page.locator("[role=log][aria-live=assertive] p")
    panel = system.panel("OM-009")
    for _ in range(2):
        system.fire(panel)
        alarm = system.fire_of(panel)
        page.wait_for_function("id => document.querySelector(`.fire-line[data-fire='${id}']`)", arg=alarm["id"])
        expect(said).to_contain_text("OM-009")
        until(lambda alarm=alarm: system._closed(alarm["id"]), what="the end of the fire")  # noqa: SLF001
        expect(page.locator(".fire-line")).to_have_count(0)
        said.evaluate("element => element.setAttribute('data-old', '')")
    expect(said).to_have_attribute("data-old", "")
    words = page.locator("[role=log][aria-live=polite]")
    page.evaluate("""() => {
      window.sentences = [];
      new MutationObserver((all) => all.forEach(({ addedNodes }) => sentences.push(addedNodes[0]?.textContent)))
        .observe(document.querySelector("[role=log][aria-live=polite]"), { childList: true });
    }""")
    for n in range(6):
        system.fire(system.panel(f"OM-T{n}"), kind="tamper")
    expect(words).to_contain_text("另有")
    assert page.evaluate("sentences.length") <= 3
    expect(said).to_contain_text("OM-009")  # no other alarm takes the fire's words away


@pytest.mark.parametrize(("language", "words"), [("zh", "此后的火警"), ("en", "shows and sounds no fire")])
def test_a_session_that_ends_by_itself_says_what_is_no_longer_seen(visit, system, language, words):
    person = {"username": f"zhao-{language}", "password": "long and quiet 7"}
    system.call("POST", "/api/v1/users", person | {"role": "viewer"})
    page = visit(f"/?lang={language}#/desk", signed_in=False)
    page.locator("[name=username]").fill(person["username"])
    page.locator("[name=password]").fill(person["password"])
    page.keyboard.press("Enter")
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".failure")).to_have_count(0)
    system.call("DELETE", f"/api/v1/users/{person['username']}")
    expect(page.locator(".login [role=alert]")).to_contain_text(words)
    expect(page).to_have_title(re.compile(r"^\(!\)"))


def test_a_cookie_that_the_browser_refuses_is_not_called_a_wrong_password(visit, system):
    page = visit("/?lang=zh", signed_in=False)
    page.route("**/api/v1/session", lambda route: (
        route.fulfill(status=200, json={}) if route.request.method == "POST" else route.continue_()
    ))  # fmt: skip
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码").fill("right")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("Cookie")
    expect(page.get_by_role("alert")).not_to_contain_text("不正确")


@pytest.mark.parametrize("path", ["system", "desk/handover"])
def test_a_page_that_did_not_come_through_says_so_and_comes_when_the_connection_does(visit, system, path):
    page = visit("/?lang=zh#/devices")
    expect(page.get_by_role("searchbox")).to_be_visible()
    part = f"**/*{path.rsplit('/', maxsplit=1)[-1]}*.js"
    page.route(part, lambda route: route.abort())
    page.goto(f"{system.api}/?lang=zh#/{path}")
    expect(page.locator("main").get_by_role("alert")).to_contain_text("没有传完")
    page.unroute(part)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.get_by_text("没有传完")).to_have_count(0)
    expect(page.locator("main :is(table, h2, .card)").first).to_be_visible()


def test_a_pc_of_yesterday_shows_the_days_and_hours_of_the_server(visit, system, over):
    panel = system.panel("OM-010")
    system.fire(panel, kind="tamper")
    until(lambda: bool(system.alarms(device=panel, code="tamper")), what="the alarm")
    alarm = system.alarms(device=panel, code="tamper")[0]
    system.age_alarm(alarm["id"], 86_400)
    page = visit(f"/?lang=zh#/desk/{alarm['id']}", before=YESTERDAY)
    expect(page.locator(".facts .fact").first).to_contain_text(re.compile(r"\d\d-\d\d \d\d:\d\d"))
    day = page.locator(".clock small").first.inner_text()[:10]
    page.context.set_offline(True)
    lost = page.locator(".banner.lost")
    expect(lost).to_be_visible()
    expect(lost).not_to_contain_text(re.compile(r"自 \d\d-\d\d"))  # of today, whose day the bar names
    page.context.set_offline(False)
    assert day == page.evaluate("async () => (await import('/static/js/format.js')).dayNumber(Date.now() + 86_400_000)")


def test_a_clock_that_is_set_back_neither_hushes_for_hours_nor_trusts_a_silent_stream(visit, system):
    page = visit("/#/desk", before=SLEPT + HIDDEN)
    expect(page.locator(".link-state.live")).to_be_visible()
    held = Held(page, "**/api/v1/alarms?**")
    page.evaluate("sleep(-8 * 3_600_000); comeBack()")
    held.wait()
    held.let_go()
    expect(page.locator(".link-state.live")).to_be_visible()
    assert page.evaluate(SET_BACK) == [True, False]


@pytest.mark.parametrize("broken", ["undefined", "class { constructor() { throw new DOMException('none'); } }"])
def test_a_pc_without_a_sound_card_says_so_and_tells_of_fires_all_the_same(visit, system, broken):
    page = visit("/?lang=zh#/devices", before=f"window.AudioContext = {broken};" + HIDDEN + NOTED)
    expect(page.locator(".banner.sound")).to_be_visible()
    page.get_by_role("searchbox").click()
    [alarm] = burning(system, "OM-011")
    page.wait_for_function("tag => noted.some((one) => one.tag === tag)", arg=f"alarm-{alarm}")
    expect(page).to_have_title(re.compile(r"^\(1\)"))


def test_a_take_by_a_key_leaves_the_focus_in_its_row(visit, system):
    [first, _] = burning(system, "OM-015", "OM-016")
    page = visit("/?lang=zh#/desk")
    expect(page.locator(".row-take")).to_have_count(2)
    page.locator(".row-take").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".row-take")).to_have_count(1)
    assert page.evaluate("document.activeElement.dataset.alarm") == str(first)


def call(channel, state):
    """A notice about a fire that was to be taken two minutes ago."""
    at = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
    return {
        "id": str(uuid4()), "type": "call", "fire": True, "channel": channel, "state": state, "attempts": 3,
        "created_at": at, "alarm_id": 1,
    }  # fmt: skip


def test_a_call_that_a_contact_does_not_take_is_not_called_a_fire_that_119_lacks(visit):
    page = visit("/?lang=zh#/system")
    notices = [call("contact:5", "dead"), call("contact:6", "waiting")]
    page.route("**/api/v1/notices?limit=200", lambda route: route.fulfill(json={"items": notices, "next": None}))
    page.reload()
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".page-system .tiles, .system .tiles").first).to_be_visible()
    expect(page.locator(".banner.loud")).to_have_count(0)
    notices.append(call("desk", "waiting"))
    page.reload()
    expect(page.locator(".banner.loud")).to_contain_text("119")


def test_a_fire_that_burns_elsewhere_too_after_somebody_took_it_is_told_again_and_ends_the_hush(visit, system):
    panel = system.panel("OM-014")
    page = visit("/?lang=zh#/system", before=HIDDEN + NOTED)
    expect(page.locator(".link-state.live")).to_be_visible()
    system.fire(panel, component="", zone="三层")
    fire = system.fire_of(panel)["id"]
    page.wait_for_function("tag => noted.filter((one) => one.tag === tag).length === 1", arg=f"alarm-{fire}")
    page.get_by_role("button", name="静音 2 分钟").click()
    expect(page.get_by_role("button", name="静音 2 分钟")).to_have_count(0)
    system.call("POST", f"/api/v1/alarms/{fire}/acknowledge", {}, {"Idempotency-Key": f"om-{fire}"})
    until(lambda: system.fire_of(panel)["state"] == "acknowledged", what="it is taken")
    system.fire(panel, component="", zone="五层")
    page.wait_for_function("tag => noted.filter((one) => one.tag === tag).length === 2", arg=f"alarm-{fire}")
    expect(page.get_by_role("button", name="静音 2 分钟")).to_be_visible()


def test_the_buttons_beside_an_alarm_are_of_that_alarm_whatever_is_selected(visit, system):
    one, other = burning(system, "OM-015", "OM-016")
    page = visit(f"/?lang=zh#/desk/{other}")
    expect(page.locator(f".queue-side [data-alarm='{other}']")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator(".queue-side")).to_contain_text("已选")
    page.locator(f"[data-alarm='{one}']").click()
    expect(page.locator(".detail-id")).to_have_text(f"#{one}")
    asked = asked_to_take(page)
    page.locator("[data-act=acknowledge]").click()
    until(lambda: system.call("GET", f"/api/v1/alarms/{one}")["state"] == "acknowledged", what="that one is taken")
    assert [int(re.search(r"alarms/(\d+)", url)[1]) for url in asked] == [one]


def test_what_was_done_although_its_answer_was_lost_is_done_once(visit, system):
    [fire] = burning(system, "OM-017")
    page = visit(f"/?lang=zh#/desk/{fire}")
    cut = {"status": 200, "content_type": "application/json", "body": "{"}
    answers = [cut]

    def lose(route):
        if not answers:
            return route.continue_()
        route.fetch()
        return route.fulfill(**answers.pop())

    page.route("**/notes", lose)
    expect(page.locator(f".queue-side [data-alarm='{fire}']")).to_be_visible()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.locator("textarea").fill("两辆车已出动")
    page.keyboard.press("Control+Enter")
    expect(dialog.locator(".failure")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)
    lines = system.call("GET", f"/api/v1/alarms/{fire}")["timeline"]
    assert sum("两辆车已出动" in str(line) for line in lines) == 1
