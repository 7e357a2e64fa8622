"""What a page lets go of: devices that its person no longer sees, and all that was read for somebody else."""

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


def test_a_device_that_an_answer_of_all_no_longer_has_goes_from_the_map(visit):
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


def test_whoever_signs_in_next_sees_nothing_that_was_read_for_the_one_before(visit):
    page = visit("/#/system")
    assert page.evaluate(NEXT) == [
        [1, 1, "connecting", False],
        [1, 1, "connecting", False],
        [0, 0, "connecting", False],
    ]
