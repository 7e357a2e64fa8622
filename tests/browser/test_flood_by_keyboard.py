"""A flood of alarms is taken and judged without a mouse: a small one here, of 200 alarms with `pytest -m bench`.

200 alarms, 40 of them fires of 12 sites, are to be done in 2 minutes on a machine that does nothing else.
"""

import json
import time
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import KEPT
from tests.browser.county import AREA
from tests.support.servers import until


class Size(NamedTuple):
    """How much comes at once."""

    sites: int
    fires: int
    others: int


SMALL, LARGE = Size(3, 10, 12), Size(12, 40, 160)
JUDGED_WITHIN_S = 120


def events(kind, numbers, panel):
    """Return events of a panel, each of its own component."""
    now_ms = int(time.time() * 1000)
    return [
        {"event_id": f"{panel}-{kind}-{n}", "ts": now_ms, "seq": n, "type": kind, "component": f"1-{n}"}
        for n in numbers
    ]


class Flood:
    """The fires of some sites among other alarms."""

    def __init__(self, system, size):
        self.system, self.size, self.panels = system, size, []
        for n in range(size.sites):
            site = system.call("POST", "/api/v1/sites", {"name": f"第{n + 1}单位", "area": AREA})["id"]
            # named after the size: fires of another flood, closed by then, are none of this one
            self.panels.append(system.panel(f"F{size.sites}-{n:02d}", site=site))

    def fires(self, **wanted):
        """Return the fires of these sites."""
        return [one for one in self.system.alarms(category="fire", **wanted) if one["device"] in self.panels]

    def unjudged(self):
        """Return those without a verdict."""
        return [one for one in self.fires(state="open") if one["verification"] in {"none", "pending"}]

    def begin(self):
        """Let one component of each site report, then all the others."""
        sites, fires, others = self.size
        for panel in self.panels:
            self.system.publish(panel, "panel", "event", events("fire", [0], panel))
        until(lambda: len(self.fires()) == sites, what="the first of each site", timeout_s=60)
        for n, panel in enumerate(self.panels):
            more = range(1, fires // sites + (n < fires % sites))
            self.system.publish(panel, "panel", "event", events("fire", more, panel))
            other = range(others // sites + (n < others % sites))
            self.system.publish(panel, "panel", "event", events("tamper", other, panel))
        until(lambda: len(self.fires()) == fires, what="the fires", timeout_s=60)
        until(lambda: len(self.system.alarms(code="tamper", state="open")) >= others, what="the rest", timeout_s=60)

    def end(self):
        """Close the other alarms; the system's fixture closes the fires."""
        closed = "update alarm set state = 'closed', closed_at = now() where code = 'tamper' and state <> 'closed'"
        self.system.execute(closed)


@pytest.fixture
def flood(system, request):
    """Let it come; close it at the end."""
    flood = Flood(system, request.param)
    try:
        flood.begin()
        yield flood
    finally:
        flood.end()


@pytest.mark.parametrize(
    "flood", [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.bench)], indirect=True
)
def test_a_flood_is_taken_and_judged_by_keyboard(visit, flood):
    page = visit("/?lang=zh#/desk")
    groups = page.locator(".group[data-group^='site-']")
    expect(groups).to_have_count(flood.size.sites)
    group = groups.filter(has_text="第1单位")
    expect(group).to_contain_text("4 起火警")
    assert sorted(group.locator(".row-place").inner_text().split("、")) == ["1-0", "1-1", "1-2", "1-3"]
    first_out = page.locator(".row", has=page.locator(".chip.first"))
    expect(first_out).to_have_count(flood.size.sites)
    expect(first_out.first).to_contain_text("1-0")
    places = groups.locator(".row-name").all_inner_texts()

    began = time.monotonic()
    page.keyboard.press("j")
    page.keyboard.press("k")
    for _ in range(flood.size.sites):
        page.keyboard.press("Shift+A")  # takes the site's fires and goes on to the next that nobody took
    expect(page.locator(".fire-line.untaken")).to_have_count(0)
    until(lambda: all(alarm["state"] == "acknowledged" for alarm in flood.fires()), what="every fire taken")
    taken_s = time.monotonic() - began
    assert groups.locator(".row-name").all_inner_texts() == places  # nothing moved away below the hands

    page.keyboard.press("u")  # the first without a verdict
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("说明").focus()
    page.keyboard.type("现场有明火")
    page.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)
    while flood.unjudged():
        before = len(flood.unjudged())
        page.keyboard.press("Shift+X")
        page.keyboard.press("f")
        expect(dialog).to_be_visible()
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        assert len(flood.unjudged()) < before
    figures = {"taken_s": round(taken_s, 1), "taken_and_judged_s": round(time.monotonic() - began, 1)}
    if flood.size is LARGE:
        (KEPT / "flood-by-keyboard.json").write_text(json.dumps(figures))
        assert figures["taken_and_judged_s"] <= JUDGED_WITHIN_S, figures
    verdicts = [alarm["verification"] for alarm in flood.fires()]
    assert (verdicts.count("real"), verdicts.count("false")) == (1, flood.size.fires - 1)

    page.keyboard.press("u")  # nothing is left to do, and a key is never unheard
    expect(page.locator(".key-hint")).to_have_text("没有未接或未核实的火警")
    page.locator(".group, .row", has_text="真实火警").locator(".row-open").click()
    page.keyboard.press("f")
    expect(page.locator(".key-hint")).to_have_text("“误报”现在不适用（已接警 · 真实火警）")
