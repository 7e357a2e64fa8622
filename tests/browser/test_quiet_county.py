"""A county in which nothing happens: its stream stays open, and nothing is fetched anew."""

from playwright.sync_api import Request, expect

NOTE_EVENTS = """
  globalThis.heard = [];
  globalThis.ahead_ms = 0;
  const now = Date.now;
  Date.now = () => now() + globalThis.ahead_ms;
  delete globalThis.SharedWorker;
  const add = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, act) {
    return add.call(this, name, (event) => {
      globalThis.heard.push(name);
      act(event);
    });
  };
"""
ALMOST_QUIET_FOR_TOO_LONG_MS, QUIET_FOR_TOO_LONG_MS = 30_000, 45_000


def test_a_sign_of_life_is_heard_and_keeps_a_silent_stream_open(visit):
    page = visit("/#/system", before=NOTE_EVENTS)
    expect(page.locator(".link-state.live")).to_be_visible()
    fetched: list[str] = []

    def note(request: Request) -> None:
        if "/api/v1/alarms?" in request.url:
            fetched.append(request.url)

    page.on("request", note)
    for _ in range(2):  # without what was heard in between, the stream would be taken for dead
        page.evaluate("ms => { heard.length = 0; ahead_ms += ms; }", ALMOST_QUIET_FOR_TOO_LONG_MS)
        page.wait_for_function("heard.includes('ping')", timeout=30_000)
        page.wait_for_event("request", lambda request: request.url.endswith("/api/v1/system"), timeout=30_000)
    assert fetched == []
    page.evaluate("ms => { ahead_ms += ms; }", QUIET_FOR_TOO_LONG_MS)
    page.wait_for_event("request", lambda request: "/api/v1/alarms?" in request.url, timeout=30_000)
