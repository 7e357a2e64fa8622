"""From a published fire to the screen, and from the officer's word to 119, on the real system.

How fast is measured with `pytest -m bench`.
"""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.servers import until

ROUNDS = 20
VISIBLE_WITHIN_S = 2.0

# Notes the browser's clock when an element of an alarm first shows.
NOTE_ARRIVALS = """() => {
  window.arrivals = {};
  const look = () => {
    const at = Date.now() / 1000;
    for (const { dataset } of document.querySelectorAll("[data-alarm]")) window.arrivals[dataset.alarm] ??= at;
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
  look();
}"""


def show_fires(visit, system, count):
    """Send `count` fires one after the other; return the desk's page and how long each took to desk and map, in s."""
    panels = [system.panel(f"P-{i:03d}", lon=111.08 + i * 0.002, lat=39.01 + (i % 5) * 0.003) for i in range(count)]
    desk, board = visit("/#/desk"), visit("/#/map")
    expect(desk.locator(".link-state.live")).to_be_visible()
    board.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    for page in (desk, board):
        page.evaluate(NOTE_ARRIVALS)

    sent, ids = {}, {}
    for panel in panels:
        sent[panel] = system.fire(panel)
        ids[panel] = str(system.fire_of(panel)["id"])
        for page in (desk, board):
            page.wait_for_function("id => id in window.arrivals", arg=ids[panel])

    waits_s = {}
    for name, page in (("desk", desk), ("map", board)):
        seen = page.evaluate("window.arrivals")
        waits_s[name] = sorted(seen[ids[panel]] - sent[panel] for panel in panels)
    return desk, waits_s


def test_fires_come_to_desk_and_map_by_themselves(visit, system, site):
    desk, _ = show_fires(visit, system, 3)
    expect(desk).to_have_title(re.compile(r"^\(3\) 火警"))


@pytest.mark.bench
def test_a_fire_is_on_desk_and_map_within_two_seconds(visit, system, site):
    _, waits_s = show_fires(visit, system, ROUNDS)
    report = {
        name: {"p50_s": round(waits[ROUNDS // 2], 3), "p95_s": round(waits[18], 3), "max_s": round(waits[-1], 3)}
        for name, waits in waits_s.items()
    }
    folder = Path("reports/browser")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fire-to-screen.json").write_text(json.dumps(report, indent=1))
    assert all(one["p95_s"] <= VISIBLE_WITHIN_S for one in report.values()), report


def test_taken_judged_real_and_at_119(visit, system):
    page = visit("/#/desk")
    expect(page.locator(".link-state.live")).to_be_visible()
    system.fire("UTD-0001")
    alarm = system.fire_of("UTD-0001")
    row = page.locator(f".row:has([data-alarm='{alarm['id']}'])")
    expect(row).to_contain_text("火警")
    expect(row).to_contain_text("后自动上报 119")

    row.get_by_role("button", name="接警", exact=True).click()
    expect(row).to_contain_text("已接警")
    expect(row).to_contain_text("后自动上报 119")  # taking it does not stop the clock

    row.locator("[data-alarm]").click()
    detail = page.get_by_role("article")
    for text in ("保德县人民医院", "东门消防通道", "0350-7320119", "府前街1号消火栓"):
        expect(detail).to_contain_text(text)
    detail.get_by_role("button", name="真实火警").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").fill("电话核实，三层有明火")
    dialog.get_by_role("button", name="确认，上报 119").click()
    until(lambda: bool(system.received("fire.confirmed", alarm["id"])), what="fire.confirmed at the desk")
    expect(detail.locator("[data-notice='fire.confirmed'][data-state='delivered']")).to_be_visible()
    expect(detail).to_contain_text("119 已接收")
    expect(detail).to_contain_text("电话核实，三层有明火")
    expect(detail).not_to_contain_text("后自动上报 119")


@pytest.mark.parametrize(
    ("outcome", "words"), [("false", ("误报", "记为误报")), ("test", ("测试", "记为测试"))], ids=["false", "test"]
)
def test_false_and_test_end_the_alarm_and_are_counted(visit, system, site, outcome, words):
    button, title = words
    panel = system.panel(f"V-{outcome}", site=site)
    page = visit("/#/desk")
    system.fire(panel)
    alarm = system.fire_of(panel)
    page.goto(f"{system.api}/#/desk/{alarm['id']}")
    detail = page.get_by_role("article")
    detail.get_by_role("button", name="备注").click()
    page.get_by_role("dialog", name="添加备注").get_by_label("说明").fill("已派人到现场")
    page.get_by_role("button", name="保存备注").click()
    expect(detail).to_contain_text("已派人到现场")

    detail.get_by_role("button", name=button, exact=True).click()
    page.get_by_role("dialog", name=title).get_by_role("button", name="确定").click()
    expect(page.locator(f".row [data-alarm='{alarm['id']}']")).to_have_count(0)
    until(lambda: system.alarms(device=panel)[0]["verification"] == outcome, what="the verdict")
    assert not system.received("fire.confirmed", alarm["id"])
    if outcome == "false":
        page.get_by_role("link", name="误报统计").click()
        expect(page.locator(".false-alarms tbody tr", has_text="保德县人民医院")).to_have_count(1)


def test_keys_move_take_and_judge_without_a_mouse(visit, system):
    first, second = system.panel("K-001"), system.panel("K-002")
    page = visit("/#/desk")
    ids = []
    for panel in (first, second):
        system.fire(panel)
        ids.append(system.fire_of(panel)["id"])
    expect(page.locator(f"[data-alarm='{ids[1]}']")).to_be_visible()
    page.goto(f"{system.api}/#/desk/{ids[0]}")
    expect(page.get_by_role("article")).to_contain_text("K-001")
    page.keyboard.press("j")
    page.keyboard.press("a")  # quick hands: it must meet the alarm that was just moved to
    expect(page.locator(f".row:has([data-alarm='{ids[1]}'])")).to_contain_text("已接警")
    expect(page).to_have_url(re.compile(f"#/desk/{ids[0]}$"))  # and goes on to the fire that nobody took
    assert system.fire_of(first)["state"] == "unacknowledged"
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="确认为真实火警？")
    expect(dialog).to_contain_text("K-001")
    expect(dialog.get_by_role("button", name="确认，上报 119")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_a_fire_that_nobody_takes_for_a_minute_is_loud_on_every_page(visit, system):
    panel = system.panel("L-001")
    system.fire(panel)
    alarm = system.fire_of(panel)
    system.age_alarm(alarm["id"], -3600)  # a page that takes longer than a minute to open shows a fresh fire, too
    page = visit("/#/devices")
    expect(page.locator(".link-state.live")).to_be_visible()
    expect(page.locator(".fires")).to_contain_text("L-001")
    expect(page.locator(".banner.loud")).to_have_count(0)
    system.age_alarm(alarm["id"], 3600 + 60)
    page.reload()
    expect(page.locator(".banner.loud")).to_contain_text("超过 60 秒无人接警")
    page.locator(".banner.loud .goto").click()
    expect(page).to_have_url(re.compile(f"#/desk/{alarm['id']}$"))
    expect(page.locator(".row.loud")).to_have_count(1)
    page.keyboard.press("a")
    expect(page.locator(".banner.loud")).to_have_count(0)
