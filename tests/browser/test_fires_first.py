"""Where there is room for some alarms only, fires are among them: decided by the page's own module."""

from playwright.sync_api import expect

ORDER = """async () => {
  const { inQueueOrder } = await import("/static/js/alarms.js");
  const alarm = (id, category, severity) => ({
    id, category, severity, state: "unacknowledged", opened_at: new Date(id * 1000).toISOString() });
  const many = Array.from({ length: 6000 }, (_, n) => alarm(n + 10, "electrical", "critical"));
  const all = [...many, alarm(1, "fire", "major"), alarm(99999, "fire", "critical"), alarm(2, "water", "info")];
  return ["oldest", "newest"].map((order) => [...all].sort(inQueueOrder(order)).slice(0, 3).map(({ id }) => id));
}"""


def test_fires_stand_before_thousands_of_other_critical_alarms(visit):
    page = visit("/#/desk")
    expect(page.locator(".link-state.live")).to_be_visible()
    oldest, newest = page.evaluate(ORDER)
    assert (oldest[:2], newest[:2]) == ([99999, 1], [99999, 1])  # the critical one, then the other, then the rest


def test_a_full_map_and_queue_show_the_old_fire(visit, system):
    fire = system.panel("OLD-1")
    system.fire(fire)
    alarm = system.fire_of(fire)["id"]
    system.age_alarm(alarm, 86_400)
    system.execute(
        """insert into alarm (subject, code, component, category, severity, state, area, reason, reason_en, opened_at,
                              device_id)
           select 'device:' || d.id, 'residual_current_high', n::text, 'electrical', 'critical', 'unacknowledged',
                  d.area, '漏电', 'residual current', now(), d.id
           from generate_series(1, 400) n, device d where d.code = 'XHS-0001'"""
    )
    try:
        page = visit("/#/desk")
        expect(page.locator(".queue .row").first.locator(f"[data-alarm='{alarm}']")).to_be_visible()
        page.goto(system.api + "/wall")
        expect(page.locator(".wall-alarms li").first).to_have_attribute("data-alarm", str(alarm))
        expect(page.locator(f".wall-map [data-alarm='{alarm}']")).to_be_visible()
    finally:
        system.execute("delete from alarm where code = 'residual_current_high'")
