"""A county in which nothing happens: its stream stays open, and nothing is fetched anew."""

from playwright.sync_api import Request, expect

NOTE_EVENTS = """
  globalThis.heard = [];
  globalThis.deaf = false;
  globalThis.ahead_ms = 0;
  const begun = Date.now();
  Date.now = () => begun + globalThis.ahead_ms;
  AbortSignal.timeout = () => new AbortController().signal;
  delete globalThis.SharedWorker;
  const add = EventSource.prototype.addEventListener;
  EventSource.prototype.addEventListener = function (name, act) {
    return add.call(this, name, (event) => {
      globalThis.heard.push(name);
      if (!globalThis.deaf) act(event);
    });
  };
"""
# A page takes a stream for dead after 40 s of silence; a sign of life comes every 15 s. The page's time goes on only by
# these steps, and no answer comes too late: how long a busy machine takes for anything changes nothing.
STEP_MS, TOO_LONG_MS = 30_000, 60_000
PATIENCE_MS = 90_000


def test_a_sign_of_life_is_heard_and_keeps_a_silent_stream_open(visit):
    page = visit("/#/system", before=NOTE_EVENTS)
    expect(page.locator(".link-state.live")).to_be_visible()
    fetched: list[str] = []

    def note(request: Request) -> None:
        if "/api/v1/alarms?" in request.url:
            fetched.append(request.url)

    page.on("request", note)
    for _ in range(3):  # 90 s in all
        page.evaluate("ms => { heard.length = 0; ahead_ms += ms; }", STEP_MS)
        page.wait_for_function("() => heard.includes('ping')", timeout=PATIENCE_MS)
    assert fetched == []
    page.evaluate("ms => { deaf = true; ahead_ms += ms; }", TOO_LONG_MS)
    page.wait_for_event("request", lambda request: "/api/v1/alarms?" in request.url, timeout=PATIENCE_MS)
