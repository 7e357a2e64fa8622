"""The officer's other work on the real system: shelving, clearing, the change of shift, a 119 that does not accept."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.held import Held
from tests.support.servers import until
from tests.support.waiting import PATIENCE_S

BACKGROUND = """(banner) => getComputedStyle(banner).backgroundColor.match(/[0-9]+/g).slice(0, 3).map(Number)"""
LATE_NOTICE = """() => {
  const late = document.querySelector(".late-notice");
  const call = late?.querySelector("a[href='tel:119']");
  return [document.querySelectorAll(".banner.loud").length, late?.innerText ?? "", call?.innerText ?? ""];
}"""
# Words that changed inside a live region while the page's clock went on by three seconds.
SAID = """() => new Promise((done) => {
  const live = "[role=alert], [role=status], [role=log], [aria-live=polite], [aria-live=assertive]";
  const said = [];
  const watch = new MutationObserver((changes) => {
    for (const { target } of changes) {
      const near = target.nodeType === 1 ? target : target.parentElement;
      if (near?.closest(live) && !near.closest("[aria-hidden=true], [aria-live=off]")) said.push(near.textContent);
    }
  });
  watch.observe(document.body, { subtree: true, childList: true, characterData: true });
  const began = performance.now();
  const clock = document.querySelector(".clock");
  let [shown, ticks] = [clock.textContent, 0];
  const look = setInterval(() => {
    if (clock.textContent === shown) return;
    [shown, ticks] = [clock.textContent, ticks + 1];
    if (ticks < 4) return;
    clearInterval(look);
    done(said);
  }, 50);
})"""
WANTED_SOUND = """async ([alarm, now]) => (await import("/static/js/alarms.js")).wantedSound([alarm], [], now)"""


@pytest.fixture
def desk_answers(system):
    """Tell the 119 side how to answer; at the end all is well again."""

    def behave(mode: str) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{system.desk_url}/behaviour",
            method="PUT",
            data=json.dumps({"mode": mode}).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310

    yield behave
    behave("ok")


def confirmed_fire(system, panel):
    """Let a panel report a fire and judge it real; the alarm's id."""
    system.fire(system.panel(panel))
    alarm_id = system.fire_of(panel)["id"]
    system.call("POST", f"/api/v1/alarms/{alarm_id}/verify", {"outcome": "real", "note": "电话核实"})
    return alarm_id


def notice_state(system, alarm_id):
    notices = system.call("GET", "/api/v1/notices?limit=200")["items"]
    return next(
        (one["state"] for one in notices if one["alarm_id"] == alarm_id and one["type"] == "fire.confirmed"), None
    )


def test_an_alarm_is_shelved_with_an_end_handed_over_and_cleared(visit, system):
    panel = system.panel("T-001")
    system.fire(panel, kind="tamper")
    until(lambda: bool(system.alarms(device=panel, category="device")), what="the tamper alarm")
    alarm = system.alarms(device=panel, category="device")[0]
    page = visit("/#/desk/handover")
    opened = page.locator("section.card", has_text="未关闭的告警")
    shelved = page.locator("section.card", has_text="已搁置")
    link = f"a[href='#/desk/{alarm['id']}']"
    expect(opened.locator(link)).to_have_text("防拆报警")
    expect(shelved.locator(link)).to_have_count(0)

    opened.locator(link).click()
    page.get_by_role("article").get_by_role("button", name="搁置", exact=True).click()
    dialog = page.get_by_role("dialog", name="搁置告警")
    dialog.get_by_text("2 小时", exact=True).click()
    dialog.get_by_label("原因").fill("门锁待修")
    before = time.time()
    dialog.get_by_role("button", name="确定").click()
    expect(page.get_by_role("article")).to_contain_text("搁置至")
    took_s = time.time() - before
    expect(page.locator(f".row [data-alarm='{alarm['id']}']")).to_have_count(0)
    until_text = system.call("GET", f"/api/v1/alarms/{alarm['id']}")["shelved_until"]
    ahead_s = page.evaluate("text => Date.parse(text) / 1000", until_text) - before
    assert 7200 <= ahead_s <= 7200 + took_s

    page.get_by_role("link", name="交接班").click()
    expect(shelved.locator("tr", has=page.locator(link))).to_contain_text("门锁待修")
    expect(opened.locator(link)).to_have_count(0)

    shelved.locator(link).click()
    page.get_by_role("article").get_by_role("button", name="关闭告警").click()
    page.get_by_role("dialog", name="关闭告警？").get_by_role("button", name="确定").click()
    until(lambda: system.call("GET", f"/api/v1/alarms/{alarm['id']}")["state"] == "closed", what="the alarm closed")
    page.get_by_role("link", name="交接班").click()
    expect(page.locator(".handover")).to_be_visible()
    expect(page.locator(f".handover table {link}")).to_have_count(0)


def test_a_fire_that_119_has_not_accepted_for_a_minute_is_loud_and_red(visit, system, desk_answers):
    desk_answers("error")
    alarm_id = confirmed_fire(system, "N-001")
    until(lambda: bool(system.received("fire.confirmed", alarm_id)), what="the first try")
    page = visit("/#/devices")
    banner = page.locator(".banner.loud")
    for _ in range(10):
        system.date_notices(alarm_id, 4)  # from 3 s on: whose fire, for how long, and the number
        begun_s = time.monotonic()
        page.reload()
        page.wait_for_selector(".late-notice, .banner.loud")
        loud, said, number = page.evaluate(LATE_NOTICE)
        if not loud or time.monotonic() - begun_s < 50:  # else the page took a minute to open, and is right
            break
    assert loud == 0
    assert re.search(r"119 尚未接收 报警主机 N-001 的火警通知，已 \d+ 秒", said)
    assert number == "拨 119"
    system.age_notices(alarm_id, 60)
    page.reload()
    expect(banner).to_contain_text("119 未接收 1 条火警通知")
    red, green, blue = banner.evaluate(BACKGROUND)
    assert red > 2 * max(green, blue)
    desk_answers("ok")
    expect(banner).to_have_count(0)
    assert notice_state(system, alarm_id) == "delivered"


def test_clocks_in_banners_are_not_read_out_every_second(visit, system, desk_answers):
    desk_answers("error")
    alarm = confirmed_fire(system, "OM-006")
    until(lambda: bool(system.received("fire.confirmed", alarm)), what="the first try")
    system.date_notices(alarm, 10)
    page = visit(f"/?lang=zh#/desk/{alarm}")
    expect(page.locator(".late-notice [role=alert]")).to_have_text("119 尚未接收 报警主机 OM-006 的火警通知")
    expect(page.locator(".sent-line")).to_contain_text("未接收")
    page.context.set_offline(True)
    expect(page.locator(".banner.lost [role=alert]")).to_contain_text("画面不是最新")
    assert page.evaluate(SAID) == []
    page.context.set_offline(False)
    expect(page.locator(".link-state.live")).to_be_visible()


def test_a_notice_that_119_refused_is_sent_again_from_the_system_page(visit, system, desk_answers):
    desk_answers("refuse")
    alarm_id = confirmed_fire(system, "N-002")
    until(lambda: notice_state(system, alarm_id) == "dead", what="the notice refused")
    desk_answers("error")
    page = visit("/#/system")
    expect(page.locator(".banner.loud")).to_contain_text("119 未接收 1 条火警通知")
    row = page.locator(".notice-table tbody tr", has=page.locator(f"a[href='#/desk/{alarm_id}']"))
    held = Held(page, "**/api/v1/notices?limit=200")
    row.get_by_role("button", name="重发").click()
    held.wait()  # the list as it stood before 119 took the notice
    desk_answers("ok")
    expect(row).to_contain_text("119 已接收")
    with page.expect_response("**/api/v1/notices?limit=200"):
        held.let_go()
    page.evaluate("new Promise((drawn) => setTimeout(drawn, 200))")
    expect(row).to_contain_text("119 已接收")
    expect(page.locator(".banner.loud")).to_have_count(0)
    answered = [one["answered"] for one in system.received("fire.confirmed", alarm_id)]
    assert (answered[0], answered[-1]) == (400, 200)


def test_a_new_fire_calls_an_old_one_howls_and_a_taken_one_is_quiet(visit, system):
    panel = system.panel("S-001")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page = visit("/#/desk")
    opened_ms = page.evaluate("text => Date.parse(text)", alarm["opened_at"])
    assert page.evaluate(WANTED_SOUND, [alarm, opened_ms + 1000]) == "call"
    assert page.evaluate(WANTED_SOUND, [alarm, opened_ms + 61_000]) == "siren"
    taken = system.call("POST", f"/api/v1/alarms/{alarm['id']}/acknowledge", {})
    assert page.evaluate(WANTED_SOUND, [taken, opened_ms + 61_000]) is None
