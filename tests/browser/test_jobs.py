"""Each job at a desk, on a phone and at the size of a wall, one of them in English, with a picture of each.

The pictures are kept in `reports/browser/jobs/`. What each job does is tested in the other files of this folder; here
it is walked through at every size: nothing overflows, fails or is still loading, and nothing stands in the console.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, KEPT, PHONE, WALL
from tests.browser.county import NEAR
from tests.browser.test_fire_bar import refusal
from tests.support.servers import until

SIZES = {"desk": DESKTOP, "phone": PHONE, "wall": WALL}
# English words are the longer ones, and a phone has the least room for them.
LOOKS = [("desk", "zh"), ("phone", "en"), ("wall", "zh")]
# A picture's name, the address, and what stands there once the page is whole.
STOPS = [
    ("fire-bar", "devices", ".fire-line .fire-site"),
    ("device", f"devices/{NEAR}", ".history .chart canvas"),
    ("map", f"map/{NEAR}", ".map-panel .values"),
    ("water", "water/111.094200,39.018100", ".source .far"),
    ("history", "desk/history", ".history-table"),
    ("hand-over", "desk/handover", "form.sign"),
    ("false-alarms", "desk/false", ".false-alarms, .empty"),
    ("system", "system", ".system .tiles"),
    ("subscriptions", "subscriptions", "main .card, main .empty"),
    ("people", "admin/people", ".admin-table"),
    ("keys", "admin/keys", "main .card"),
    ("areas", "admin/areas", ".admin-table"),
    ("sites", "admin/sites", ".admin-table"),
    ("device-edited", f"admin/devices/{NEAR}", ".admin-form"),
    ("import", "admin/import", "input[type=file]"),
    ("rota", "admin/contacts", ".on-call"),
    ("rules", "admin/rules", ".rule"),
    ("policies", "admin/policies", ".rule"),
    ("responses", "admin/responses", ".admin-table"),
    ("audit", "admin/audit", ".admin-table"),
    ("first-steps", "admin/start", "main form, main .card"),
    ("desk", "desk", ".queue .group"),
]


class Walk:
    """A page of one size and language, and the pictures taken of it."""

    def __init__(self, page: Page, of: str) -> None:
        self.page, self.of = page, of
        self.taken: list[str] = []

    def take(self, name: str) -> None:
        """Take a picture of the page as it stands, which must be whole."""
        expect(self.page.locator("main .loading")).to_have_count(0)
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{name} is {wide} px too wide"
        raw = re.findall(r"\b(?:user|key):\w+", self.page.locator("body").inner_text())
        assert not raw, f"{name} names people as the programs do: {raw}"
        self.taken.append(f"{name}-{self.of}.png")
        self.page.screenshot(path=KEPT / "jobs" / self.taken[-1])


def _burning(system: Any, name: str) -> tuple[str, int]:
    """Two fires of one panel; the panel and the first-out."""
    panel = system.panel(name)
    for n in (1, 2):
        system.fire(panel, component=f"1-{n}")
        until(lambda n=n: len(system.alarms(device=panel, state="open")) == n, what=f"fire {n}")
    return panel, min(one["id"] for one in system.alarms(device=panel, state="open"))


def _work_the_fires(walk: Walk, first: int) -> None:
    """A take that fails and is tried again, the group by key, a verdict with a note, the story of what is over."""
    page = walk.page
    row = page.locator(f".row:has([data-alarm='{first}'])")
    answers = [refusal(403, "forbidden")]
    page.route("**/acknowledge", lambda route: route.fulfill(**answers.pop()) if answers else route.continue_())
    row.locator(".row-take").click()
    expect(row.locator(".take-line")).to_be_visible()
    walk.take("take-failed")
    row.locator(".take-line button").click()
    expect(row.locator(".take-line")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").locator(".keys")).to_be_visible()
    walk.take("keys-of-the-desk")
    page.keyboard.press("Escape")
    row.locator("[data-alarm]").click()
    page.keyboard.press("Shift+A")
    expect(page.locator(".fire-line.untaken")).to_have_count(0)
    page.goto(f"{page.url.partition('#')[0]}#/desk/{first}")
    expect(page.get_by_role("article").locator("[data-act=false]")).to_be_visible()
    walk.take("alarm")
    page.keyboard.press("f")
    page.get_by_role("dialog").locator("textarea").fill("test over")
    walk.take("verdict")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(f"{page.url.partition('#')[0]}#/water")
    page.goto(f"{page.url.partition('#')[0]}#/desk/{first}")
    expect(page.locator(".closed-line")).to_be_visible()
    walk.take("story")


@pytest.mark.parametrize(("size", "language"), LOOKS)
def test_every_job_is_whole_at_every_size_and_in_both_languages(
    visit: Any, system: Any, size: str, language: str
) -> None:
    system.reading(NEAR, "hydrant", pressure_mpa=0.31, flow_lps=0, battery_pct=80)
    _, first = _burning(system, f"JOB-{size}-{language}")
    page: Page = visit(f"/?lang={language}#/devices", viewport=SIZES[size])
    (KEPT / "jobs").mkdir(parents=True, exist_ok=True)
    walk = Walk(page, f"{size}-{language}")
    for name, address, whole in STOPS:
        page.goto(f"{system.api}/?lang={language}#/{address}")
        expect(page.locator(whole).first).to_be_visible()
        expect(page.locator("main .failure")).to_have_count(0)
        if address.startswith("admin/") and address != "admin/start":
            expect(page.locator(".admin .tabs [aria-current]")).to_be_in_viewport(ratio=1)
        walk.take(name)
    _work_the_fires(walk, first)
    page.locator("#user").click()
    walk.take("user-menu")
    page.locator(".menu-item").last.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    walk.take("sign-out")
    page.keyboard.press("Escape")
    if size == "wall":
        page.goto(f"{system.api}/wall?lang={language}")
        expect(page.locator(".wall-alarm").first).to_be_visible()
        walk.take("the-wall")
    assert len(walk.taken) >= len(STOPS) + 7
