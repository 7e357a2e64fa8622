"""The wall on screens that are not wide: nothing wider than the screen, nothing too small, everything reachable."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import KEPT, PHONE, WALL

HUNG_UPRIGHT = {"width": 1080, "height": 1920}
SIZES = [(PHONE, 14), (HUNG_UPRIGHT, 20), (WALL, 20)]  # px of the smallest letters
# Every element with words of its own, and what is drawn of it.
MEASURED = """() => {
  const texts = [...document.querySelectorAll(".wall *")].filter((each) =>
    each.checkVisibility() && !each.closest(".unseen")
    && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const named = (each) => `${each.tagName} ${each.parentElement.className} "${each.textContent}"`;
  const inMap = (each) => each.closest(".wall-map");
  const words = texts.filter((each) => !inMap(each));
  const px = (each) => parseFloat(getComputedStyle(each).fontSize);
  const cut = (each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX !== "visible";
  const outside = (each) => {
    const { left, right } = each.getBoundingClientRect();
    return left < -1 || right > innerWidth + 1;
  };
  const { scrollHeight, scrollWidth } = document.documentElement;
  const mayScroll = getComputedStyle(document.body).overflowY !== "hidden";
  const bottom = Math.max(...words.map((each) => each.getBoundingClientRect().bottom + scrollY));
  return {
    least_px: Math.min(...words.map(px)),
    outside: words.filter(outside).map(named),
    cut: words.filter((each) => cut(each) && !each.closest(".wall-alarm")).map(named),
    wide_px: Math.max(scrollWidth, document.body.scrollWidth) - innerWidth,
    hidden_px: Math.round(bottom - (mayScroll ? Math.max(scrollHeight, document.body.scrollHeight) : innerHeight)),
    map_px: document.querySelector(".wall-map").getBoundingClientRect().height,
  };
}"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_wall_is_whole_and_large_enough_at_every_size(visit, system, site, language):
    panel = system.panel(f"WS-{language}", site=site)
    system.fire(panel)
    alarm = system.fire_of(panel)
    for viewport, least_px in SIZES:
        page = visit(f"/wall?lang={language}", viewport=viewport)
        expect(page.locator(".wall-health .good").first).to_be_visible()
        line = page.locator(f".wall-alarm[data-alarm='{alarm['id']}']")
        expect(line).to_be_in_viewport(ratio=1)
        expect(line).to_contain_text("1-1-001")
        page.wait_for_selector(".map-frame[data-drawn]", timeout=60_000)
        found = page.evaluate(MEASURED)
        page.screenshot(path=KEPT / f"wall-{viewport['width']}-{language}.png")
        for last in (".wall-map", ".wall-health > div:last-child"):
            page.locator(last).scroll_into_view_if_needed()
            expect(page.locator(last)).to_be_in_viewport(ratio=0.9)
            page.screenshot(path=KEPT / f"wall-{viewport['width']}-{language}-{last[6:9]}.png")
        page.locator(".wall-map").scroll_into_view_if_needed()
        expect(page.locator(f".wall-map .pin[data-alarm='{alarm['id']}']")).to_be_in_viewport(ratio=1)
        size = f"{viewport['width']} x {viewport['height']}, {language}"
        assert found["least_px"] >= least_px, size
        assert found["outside"] == [], size
        if viewport is not WALL:  # where a long English word of the foot ends in dots
            assert found["cut"] == [], size
        assert max(found["wide_px"], found["hidden_px"]) <= 0, (size, found)
        assert found["map_px"] > 300, (size, found)
