"""What helps an officer in a flood: filters that count what they show, how much comes in, what there is to do."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_others_got_wrong import tampered

# The alarms that the queue shows: of a folded group its members, of an unfolded one its rows.
SHOWN = """() => [...document.querySelectorAll(".queue > .row")].reduce((sum, row) => {
  if (!row.matches(".group")) return sum + 1;
  const folded = row.querySelector("[aria-expanded=false]");
  return sum + (folded ? Number(row.querySelector(".chip").textContent.match(/\\d+/)[0]) : 0);
}, 0)"""
OVER = "update alarm set state = 'closed', closed_at = now() where category <> 'fire' and state <> 'closed'"
FLOOD = 11  # alarms in ten minutes, more than one person can follow (ISA-18.2)


@pytest.fixture
def mixed(system):
    """Two fires, one of them taken, and more other alarms than one person can follow; one stands for a day."""
    system.execute(OVER)
    for panel in ("DF-001", "DF-002"):
        system.fire(system.panel(panel))
    system.call("POST", f"/api/v1/alarms/{system.fire_of('DF-002')['id']}/acknowledge", {})
    opened = [tampered(system, f"DF-1{n:02d}") for n in range(FLOOD)]
    system.age_alarm(opened[0], 25 * 3600)
    yield opened
    system.execute(OVER)


def test_every_filter_counts_what_it_shows_and_a_flood_is_said(visit, system, mixed):
    page = visit("/?lang=zh#/desk")
    standing = page.get_by_role("button", name="超过 24 小时")
    expect(standing).to_contain_text("1")
    names = page.locator(".filters > button")
    assert names.count() >= 6
    for each in names.all():
        each.click()
        expect(each).to_have_attribute("aria-pressed", "true")
        counted = int(each.locator("b").inner_text())
        page.wait_for_function(f"(n) => ({SHOWN})() === n", arg=counted)
    standing.click()
    expect(page.locator(f".row [data-alarm='{mixed[0]}']")).to_be_visible()
    load = page.locator(".load.flood")
    expect(load).to_contain_text("告警泛滥")
    expect(load.locator("meter")).to_be_visible()


def test_what_the_brigade_wrote_is_what_the_officer_reads(visit, system, mixed):
    page = visit("/?lang=zh#/admin/responses")
    page.get_by_role("button", name="修改: 防拆报警").click()
    dialog = page.get_by_role("dialog")
    text = dialog.locator("textarea[name=zh]")
    before = text.input_value()
    text.fill("先给控制室打电话，再派人看门锁")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog).to_have_count(0)
    page.goto(f"{system.api}/?lang=zh#/desk/{mixed[1]}")
    expect(page.locator(".to-do")).to_contain_text("先给控制室打电话，再派人看门锁")
    words = system.call("GET", "/api/v1/policies/responses")["body"]["tamper"]
    system.call("PUT", "/api/v1/policies/responses", {"tamper": words | {"zh": before}})


def test_what_stands_above_the_queue_is_one_line_high(visit, system):
    system.fire(system.panel("DF-003"))
    page = visit("/?lang=zh#/desk")
    expect(page.locator(f"[data-alarm='{system.fire_of('DF-003')['id']}']")).to_be_visible()
    heights = [each.bounding_box()["height"] for each in page.locator(".filters button").all()]
    assert len(heights) >= 5
    assert max(heights) < 40, heights
