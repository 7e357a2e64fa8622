"""The wall: a fire without a click, a line a site, names and numbers one can trust from five metres."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import WALL
from tests.browser.county import AREA
from tests.browser.held import Held
from tests.support.servers import until

# Texts on the wall that five metres away nobody reads.
SMALL_PRINT = """() => [...document.querySelectorAll(".wall :is(b, span, small, time, h1, h2)")]
  .filter((each) => each.offsetParent && each.textContent.trim() && parseFloat(getComputedStyle(each).fontSize) < 19)
  .map((each) => each.className + each.textContent)"""
SMALL_PLACES = """() => [...document.querySelectorAll(".wall-alarm span")]
  .filter((each) => parseFloat(getComputedStyle(each).fontSize) < 24).map((each) => each.textContent)"""
ALL_ELSE_IS_OVER = "update alarm set state = 'closed', closed_at = now() where category <> 'fire' and state <> 'closed'"
# What nobody sends for would be offline in a minute.
NOBODY_IS_SILENT = """update device set expected_interval_s = 86400,
    attributes = attributes || jsonb_build_object('usual_s', expected_interval_s)"""
AS_USUAL = """update device set expected_interval_s = (attributes ->> 'usual_s')::integer,
    attributes = attributes - 'usual_s' where attributes ? 'usual_s'"""
WORDS = {"zh": ("2 起火警", "未接警 2"), "en": ("2 fires", "Not taken 2")}


def test_the_wall_shows_a_fire_without_a_click(visit, system, site):
    page = visit("/wall", viewport=WALL, before=axe.SOURCE)
    expect(page.locator(".wall-health .good").first).to_be_visible()
    page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    panel = system.panel("W-001", site=site)
    system.fire(panel)
    alarm = system.fire_of(panel)
    line = page.locator(f".wall-alarm[data-alarm='{alarm['id']}']")
    expect(line).to_contain_text("保德县人民医院")
    expect(line).to_contain_text("三层东走廊 1-1-001")
    expect(page.locator(f".pin[data-alarm='{alarm['id']}']")).to_be_visible()
    small = page.evaluate(SMALL_PRINT)
    assert not small, f"too small for five metres: {small}"
    assert not axe.grave_findings(page)


@pytest.mark.parametrize(
    ("asked", "language", "theme"),
    [("", "zh-CN", "dark"), ("?lang=en&theme=light", "en", "light"), ("?lang=zh", "zh-CN", "dark"),
     ("?lang=fr&theme=blue", "zh-CN", "dark"), ("?theme=light", "zh-CN", "light")],
)  # fmt: skip
def test_language_and_theme_of_the_address_are_this_pages_alone(visit, system, asked, language, theme):
    page = visit(f"/wall{asked}", viewport=WALL)
    root = page.locator(f"html[lang='{language}'][data-theme='{theme}']")
    expect(root).to_have_count(1)
    expect(page.locator(".link-state.live")).to_be_visible()
    small = page.evaluate(SMALL_PRINT)
    assert not small, f"too small for five metres: {small}"
    page.goto(f"{system.api}/{asked}#/desk")
    page.locator(".filters .order button").first.click()  # something is remembered
    expect(page.get_by_text("最新在前" if language == "zh-CN" else "Newest first", exact=True)).to_be_visible()
    page.goto(f"{system.api}/?again#/desk")
    expect(page.locator("html[lang='zh-CN'][data-theme='light']")).to_have_count(1)
    expect(page.get_by_text("最新在前", exact=True)).to_be_visible()


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_fires_of_a_site_are_one_line_and_alike_alarms_name_their_devices(visit, system, language, theme):
    many, untaken = WORDS[language]
    system.execute(ALL_ELSE_IS_OVER)
    name = f"保德县第二中学 {language}"
    site = system.call("POST", "/api/v1/sites", {"name": name, "area": AREA})["id"]
    burning, *opened = (system.panel(f"W{language}-{n}", site=site) for n in range(3))
    system.fire(burning, component="2-1", zone="一层大厅")
    until(lambda: len(system.alarms(device=burning, category="fire")) == 1, what="the first-out")
    system.fire(burning, component="2-2", zone="一层大厅")
    until(lambda: len(system.alarms(device=burning, category="fire")) == 2, what="both fires")
    for panel in opened:
        system.fire(panel, kind="tamper")
        until(lambda panel=panel: bool(system.alarms(device=panel, code="tamper")), what="a tamper alarm")

    page = visit(f"/wall?lang={language}&theme={theme}", viewport=WALL, before=axe.SOURCE)
    fires = page.locator(".wall-alarm.fire", has_text=name)
    expect(fires).to_have_count(1)
    for text in (many, "一层大厅 2-1、一层大厅 2-2", untaken):
        expect(fires).to_contain_text(text)
    for panel in opened:
        expect(page.locator(".wall-alarm", has_text=f"报警主机 {panel}")).to_have_count(1)
    assert len(set(page.locator(".wall-alarm").all_inner_texts())) == page.locator(".wall-alarm").count()

    expect(page.locator(".wall-side h2 b")).to_have_text(str(len(system.alarms(state="open"))))
    kinds = page.evaluate("import('/static/js/words/lists.js').then(({ KINDS }) => KINDS)")
    counted = system.call("GET", "/api/v1/system")["counts"]["devices"]
    devices = [str(sum(counted.get(kind, {}).values())) for kind in kinds]
    expect(page.locator(".wall-kinds b")).to_have_text(devices)
    expect(page.locator(".wall-date")).to_have_text(re.compile(r"^20\d\d-\d\d-\d\d"))
    small = page.evaluate(SMALL_PLACES)
    assert not small, f"too small for five metres: {small}"
    assert not axe.grave_findings(page)
    system.execute(ALL_ELSE_IS_OVER)


@pytest.fixture
def nobody_silent(system):
    system.execute(NOBODY_IS_SILENT)
    yield
    system.execute(AS_USUAL)


@pytest.mark.usefixtures("nobody_silent")
def test_a_wall_that_hears_nothing_calls_nothing_normal(visit, system):
    system.execute(ALL_ELSE_IS_OVER)
    page = visit("/wall?lang=zh", viewport=WALL)
    expect(page.locator(".wall-quiet strong")).to_have_text("无火警")
    expect(page.locator(".wall-health .good").first).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".wall-quiet.unsure strong")).to_have_text("连接已断开")
    expect(page.locator(".wall-health .good")).to_have_count(0)
    expect(page.locator(".wall-health")).not_to_contain_text("正常")
    held = Held(page, "**/api/v1/alarms?**")
    page.context.set_offline(False)
    held.wait()
    expect(page.locator(".wall-quiet.unsure")).to_be_visible()
    held.let_go()
    expect(page.locator(".wall-quiet strong")).to_have_text("无火警")
