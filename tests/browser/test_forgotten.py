"""What a page lets go of: devices that its person no longer sees, and all that was read for somebody else."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.county import AREA, NEAR

# Three devices of a page, of which an answer to what was asked later has one; one more was heard meanwhile.
GONE = """async () => {
  const { hearDevices, knownDevices, onDevices, putAllPlaced, putDevices } = await import("/static/js/store.js");
  const { Features } = await import("/static/js/map/features.js");
  const device = (code, more) => ({ code, kind: "hydrant", area: "1", location: { lon: 1, lat: 1 }, ...more });
  const map = new Features();
  const told = [];
  onDevices((items, gone = []) => {
    told.push(...gone);
    map.forget(gone);
    map.change(items);
  });
  putDevices([device("stays"), device("left"), device("bare", { location: null })], performance.now());
  map.filter(({ area }) => area === "1");
  const askedAt = performance.now();
  await new Promise((later) => setTimeout(later, 5));
  hearDevices([device("new")]);
  putAllPlaced([device("stays", { area: "2" })], askedAt);
  const codes = ({ features }) => features.map(({ properties: { code } }) => code).sort();
  return { told, known: [...knownDevices.keys()].sort(), all: codes(map.all), moved: map.moved };
}"""


def test_a_device_that_an_answer_of_all_no_longer_has_goes_from_the_map(visit: Any) -> None:
    page = visit("/#/system")
    found = page.evaluate(GONE)
    assert found == {"told": ["left"], "known": ["bare", "new", "stays"], "all": ["new", "stays"], "moved": True}


NEXT = """async () => {
  const { knownDevices, live, putAlarms, putDevices } = await import("/static/js/store.js");
  await import("/static/js/kept.js");
  const pass = () => new Promise((told) => setTimeout(told, 100));
  const sign = (username, areas) => live.set({ session: { username, role: "viewer", areas } });
  const here = () => [knownDevices.size, live.get().alarms.size, live.get().connection, live.get().loaded];
  sign("county", ["*"]);
  await pass();
  putDevices([{ code: "XHS-1" }], performance.now());
  putAlarms([{ id: 1, version: 1, state: "unacknowledged" }], true);
  live.set({ connection: "live" });
  live.set({ session: null });
  await pass();
  const gone = here();
  sign("county", ["*"]);
  await pass();
  const back = here();
  live.set({ session: null });
  await pass();
  sign("township", ["140931200"]);
  await pass();
  return [gone, back, here()];
}"""


def test_whoever_signs_in_next_sees_nothing_that_was_read_for_the_one_before(visit: Any) -> None:
    page = visit("/#/system")
    assert page.evaluate(NEXT) == [
        [1, 1, "connecting", False],
        [1, 1, "connecting", False],
        [0, 0, "connecting", False],
    ]


def test_whose_areas_are_changed_sees_the_list_of_the_new_ones_by_their_names(visit: Any, system: Any) -> None:
    person = {"username": "changed", "password": "long enough 26875", "role": "viewer", "areas": ["*"]}
    system.call("POST", "/api/v1/users", person)
    page = visit("/#/devices", signed_in=False)

    def sign_in() -> None:
        page.get_by_label("用户名").fill(person["username"])
        page.get_by_label("密码").fill(person["password"])
        page.get_by_role("button", name="登录").click()

    sign_in()
    row = page.locator(f".device-table tr:has-text('{NEAR}')")
    expect(row).to_be_visible()
    system.call("PUT", f"/api/v1/users/{person['username']}", {"areas": [AREA]})
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    sign_in()
    expect(row).to_contain_text("东关镇")


SAME = """async () => {
  const { post } = await import("/static/js/api.js");
  const keys = [];
  const answers = [0, 0, 200, 0];
  window.fetch = async (_path, { headers }) => {
    keys.push(headers["Idempotency-Key"]);
    if (!answers.shift()) throw new TypeError("cut off");
    return new Response("{}", { status: 200 });
  };
  const send = (body, version) => post("/x", body, version).catch(() => null);
  await send({ note: "a" });
  await send({ note: "a" });
  await send({ note: "a" });  // this one is answered
  await send({ note: "a" });
  const now = performance.now.bind(performance);
  performance.now = () => now() + 121_000;
  await send({ note: "a" });
  answers.push(0, 0, 0, 0);
  await send({ note: "b" }, 1);
  await send({ note: "b" }, 2);
  await send({ password: "p" });
  await send({ password: "p" });
  const first = keys.indexOf.bind(keys);
  return keys.map((key) => first(key));
}"""


def test_what_was_not_answered_keeps_its_key_for_a_while_and_a_later_press_is_another_act(visit: Any) -> None:
    page = visit("/#/help")
    assert page.evaluate(SAME) == [0, 0, 0, 3, 4, 5, 6, 7, 8]
