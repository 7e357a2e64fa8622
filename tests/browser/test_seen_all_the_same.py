"""What other systems drew so that nobody could see or read it, by their public bug reports, tried on our pages.

Colours that a person's system forces (Spectrum), a reading between two gaps (uPlot), a map whose graphics context was
lost (MapLibre), a dozen notes above what matters, digits behind letters that are read from the right.
"""

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, WALL
from tests.browser.county import AREA
from tests.browser.test_others_missed import burning

# Where a digit stands on the screen, in the order in which it is written.
DIGITS = """(element) => {
  const lefts = [];
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    for (const { index } of walk.currentNode.data.matchAll(/[0-9]/g)) {
      const range = new Range();
      range.setStart(walk.currentNode, index);
      range.setEnd(walk.currentNode, index + 1);
      lefts.push(range.getBoundingClientRect().left);
    }
  return lefts;
}"""
# Pixels of the line's colour in the middle fifth of a chart, where one reading stands alone between two gaps.
LONELY = """async () => {
  const { html, render } = await import("/static/js/ui.js");
  const { Chart } = await import("/static/js/devices/chart.js");
  const from = Date.parse("2026-11-30T00:00:00Z");
  const row = (at_min, pressure_mpa) => ({ ts: new Date(from + at_min * 60_000).toISOString(), pressure_mpa });
  const many = (first_min) => [...Array(100)].map((_, i) => row(first_min + i, 0.3));
  const rows = [...many(0), row(250, 0.02), ...many(400)];
  document.body.innerHTML = "<div id=chart></div>";
  const chart = html`<${Chart} rows=${rows} field="pressure_mpa" from=${from} to=${from + 500 * 60_000} />`;
  render(chart, document.getElementById("chart"));
  await new Promise((drawn) => setTimeout(drawn, 300));
  const canvas = document.querySelector("#chart canvas");
  const sample = Object.assign(document.createElement("i"), { className: "sample" });
  document.body.append(sample);
  sample.style.color = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  const wanted = getComputedStyle(sample).color.match(/[0-9]+/g).map(Number);
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(width * 0.4, 0, width * 0.2, height);
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200 && [0, 1, 2].every((c) => Math.abs(data[i + c] - wanted[c]) < 40)) found += 1;
  return found;
}"""
# [mark, what it stands on]: by computed colours; what is not seen has one and the same.
MARKS = """() => {
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  const pairs = [
    [".fire-line > .icon", "color", ".fire-line"], [".row.loud .mark", "fill", ".row.loud"],
    [".counts .lit-critical .mark", "fill", ".counts .lit-critical"], [".link-state i", "backgroundColor", ".bar"],
    [".banner.loud .icon", "color", ".banner.loud"],
  ];
  return pairs.filter(([mark, colour, ground]) => style(mark)[colour] === style(ground).backgroundColor);
}"""
PIN = """(pin) => [pin, pin.querySelector("i")].map((each) => getComputedStyle(each).backgroundColor)"""
LOSE = """() => {
  const gl = document.querySelector(".maplibregl-canvas").getContext("webgl2");
  window.graphics = gl.getExtension("WEBGL_lose_context");
  graphics.loseContext();
}"""


def test_what_tells_a_fire_is_seen_in_forced_colours(visit, system):
    [alarm] = burning(system, "SA-001")
    system.age_alarm(alarm, 120)
    page = visit(f"/?lang=zh#/desk/{alarm}", forced_colors="active")
    for part in (".fire-line.loud", ".row.loud", ".banner.loud", ".link-state.live"):
        expect(page.locator(part).first).to_be_visible()
    assert page.evaluate(MARKS) == []
    page.goto(f"{system.api}/?lang=zh#/map")
    pin = page.locator(f".pin[data-alarm='{alarm}']")
    expect(pin).to_be_visible()
    ground, mark = pin.evaluate(PIN)
    assert ground != mark


def test_a_reading_between_two_gaps_is_drawn(visit):
    page = visit("/?lang=zh#/help", device_scale_factor=1)  # of a dot of some pixels
    expect(page.locator("main h2").first).to_be_visible()
    assert page.evaluate(LONELY) > 5


def test_a_map_whose_graphics_are_gone_says_so_and_shows_fires_all_the_same(visit, system):
    page = visit("/?lang=zh#/map")
    page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
    page.evaluate(LOSE)
    expect(page.locator(".map-frame[data-lost*='显卡没有响应']")).to_be_visible()
    [alarm] = burning(system, "SA-002")  # also a device that the map did not know
    expect(page.locator(f".pin[data-alarm='{alarm}']")).to_be_visible()
    page.evaluate("graphics.restoreContext()")
    expect(page.locator(".map-frame[data-lost]")).to_have_count(0)


def test_an_address_behind_arabic_letters_reads_from_the_left(visit, system):
    [alarm] = burning(system, "SA-003", component="1-2-345", zone="ئىشىك")
    burning(system, "SA-004", component="6-7-890", zone="\u202e三层")
    page = visit(f"/?lang=zh#/desk/{alarm}")
    for place in (".fire-parts", ".row-place"):
        for panel in ("SA-003", "SA-004"):
            line = page.locator(f".fire-line:has-text('{panel}') {place}, .row:has-text('{panel}') {place}").first
            lefts = page.evaluate(DIGITS, line.element_handle())[:5]
            assert lefts == sorted(lefts), (place, panel, lefts)


def test_a_dozen_sites_under_test_leave_the_fires_their_room(visit, system):
    names = [f"第{n}小学" for n in range(11)] + ["很长的单位名称" * 12]
    sites = [system.call("POST", "/api/v1/sites", {"name": name, "area": AREA})["id"] for name in names]
    system.fire(system.panel("SA-005", site=sites[-1]), zone="很长的分区名称" * 8)
    alarm = system.fire_of("SA-005")["id"]
    ends = system.call("GET", f"/api/v1/alarms/{alarm}")["escalates_at"]
    window = {"until": ends, "reason": "月度联动测试，请勿惊慌"}
    try:
        for site in sites:
            system.call("POST", f"/api/v1/sites/{site}/test-window", window)
        for path, viewport in (("/#/desk", PHONE), ("/wall", WALL), ("/#/desk", {"width": 720, "height": 450})):
            page = visit(f"{path}", viewport=viewport)
            expect(page.locator(".banner.test").last).to_contain_text("另有 10 处测试中")
            above_px = page.locator(".above, .banners").first.bounding_box()["height"]
            assert above_px < 0.6 * viewport["height"], (path, viewport, above_px)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, viewport)
            if path != "/wall":
                expect(page.locator(".fire-acts button")).to_be_in_viewport(ratio=1)
    finally:
        for site in sites:
            system.call("POST", f"/api/v1/sites/{site}/test-window", {"until": None, "reason": ""})
