// The map page: filters, the map (or a list where WebGL is missing),
// and one device's live values with its day.
import { isOpen } from "../alarms.js";
import { areaName, clockTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Failure } from "../parts.js";
import { darkNow, prefs } from "../prefs.js";
import { go } from "../route.js";
import { knownDevices, live, onDevices, useStore } from "../store.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";
import { KINDS, STATUSES } from "../words/lists.js";
import { Board, webglWorks } from "./board.js";
import { boundsOf, readMap } from "./data.js";
import { useGrids } from "./grids.js";
import { Legend } from "./legend.js";
import { DeviceList } from "./list.js";
import { gridPopup, severalPopup, testPopup } from "./popups.js";

const PANEL_PX = 410;
// What is drawn anew may have been answered before something went.
const isHere = ({ properties }) => knownDevices.has(properties.code);
const stillHere = (all) => ({ ...all, features: all.features.filter(isHere) });
const NOTHING = { kind: "", area: "", state: "" };
const NO_TESTS = [];
// Where somebody looked last, and at what: the way back from a device leads there.
let last = { view: null, filter: NOTHING };

function keeps(filter) {
  if (!filter.kind && !filter.area && !filter.state) return null;
  return (device) =>
    (!filter.kind || device.kind === filter.kind)
    && (!filter.area || device.area?.startsWith(filter.area))
    && (!filter.state || (filter.state === "alarm" ? !!device.alarm : device.status === filter.state));
}

export function Page({ args }) {
  const frame = useRef();
  const board = useRef(null);
  const { alarms, areas, round } = useStore(live, (state) => state);
  const theme = useStore(prefs, () => darkNow());
  const language = useStore(prefs, (p) => p.language);
  const [data, setData] = useState(null); // {settings, geojson}: the ground, and a promise of the devices
  const [answered, setAnswered] = useState(0); // devices in the first answer
  const [problem, setProblem] = useState(null);
  const [filter, setFilter] = useState(last.filter);
  const [asList, setAsList] = useState(!webglWorks());
  const [shown, setShown] = useState(0);
  const [open, setOpen] = useState(false);
  const [groundLost, setGroundLost] = useState(false);
  const chosen = args[0] ?? null;
  const grids = useGrids(board, open);
  const tests = useStore(live, (state) => state.system?.test_windows ?? NO_TESTS);
  const heard = useRef({});
  heard.current.tests = tests;

  // Opening waits for no painted frame: these run with the first drawing, not after it.
  useLayoutEffect(() => {
    const { settings, geojson } = readMap();
    settings.then((ground) => setData({ settings: ground, geojson }), setProblem);
    geojson.then(({ features }) => setAnswered(features.length), setProblem);
  }, []);
  // After a break the map learns what it missed, by the same way as live changes:
  // the answer goes through the store.
  const drawnRound = useRef(0);
  useEffect(() => {
    if (!open) return;
    if (drawnRound.current) readMap().geojson.catch(() => null);
    drawnRound.current = round;
  }, [round, open]);

  useLayoutEffect(() => {
    if (!data || asList || !frame.current) return undefined;
    const made = new Board(frame.current, {
      ...data,
      geojson: data.geojson.then(stillHere),
      view: chosen ? null : last.view,
      onPick: (code) => go(`map/${encodeURIComponent(code)}`),
      onSeveral: (codes, at) => made.popUp(at, severalPopup(codes.map((code) => knownDevices.get(code)))),
      onPlace: () => go("map"),
      onTest: (site, at) => {
        const test = heard.current.tests.find((each) => each.site_id === site);
        if (test) made.popUp(at, testPopup(test));
      },
      onGrid: (id, at) => gridPopup(id).then((element) => made.popUp(at, element)),
      onGroundLost: () => setGroundLost(true),
      onFiltered: setShown,
    });
    board.current = made;
    made.ready.then(
      () => {
        if (board.current === made) setOpen(true);
      },
      (cause) => {
        if (webglWorks()) setProblem(cause);
        else setAsList(true);
      },
    );
    const deaf = onDevices((items, gone) => made.change(items, gone));
    return () => {
      deaf();
      last = { ...last, view: made.view() };
      made.close();
      board.current = null;
      setOpen(false);
    };
  }, [data, asList]);

  useEffect(() => {
    if (open) board.current?.repaint();
  }, [theme]);
  useLayoutEffect(() => {
    board.current?.nameAreas(areas);
  }, [areas, open]);
  useEffect(() => {
    if (open)
      board.current?.showAlarms([...alarms.values()].filter(isOpen), (alarm) =>
        go(alarm.device ? `map/${alarm.device}` : `desk/${alarm.id}`),
      );
  }, [alarms, open, language]);
  useEffect(() => {
    if (open)
      board.current?.showTests(tests, ({ until }) =>
        t("handover.until", { at: clockTime(until, false) }),
      );
  }, [JSON.stringify(tests), open, language]);
  // A chosen area is brought into sight; with none, the whole county is.
  const lookedAt = useRef(filter.area);
  useEffect(() => {
    if (!open || lookedAt.current === filter.area) return;
    lookedAt.current = filter.area;
    boundsOf(filter.area).then((bounds) => {
      if (bounds && lookedAt.current === filter.area) board.current?.fit(bounds);
    });
  }, [filter.area, open]);
  useEffect(() => {
    last = { ...last, filter };
    if (open && board.current) setShown(board.current.filter(keeps(filter)));
  }, [filter, open]);
  useEffect(() => {
    if (!open || !board.current) return; // just turned into a list
    const place = chosen && board.current.whereIs(chosen);
    if (!place) {
      board.current.unpin("chosen");
      return;
    }
    board.current.popUp();
    board.current.pin("chosen", place.lon, place.lat);
    look();
  }, [chosen, open]);
  // The panel brings the charts along: fetched with the first device that is looked at.
  const [Panel, setPanel] = useState(null);
  useEffect(() => {
    if (chosen && !Panel)
      import("./panel.js").then((module) => setPanel(() => module.DevicePanel), setProblem);
  }, [chosen]);

  const look = () => {
    const { lon, lat } = board.current.whereIs(chosen);
    board.current.flyTo(lon, lat, 15.5, innerWidth > 760 ? [-PANEL_PX / 2, 0] : [0, -innerHeight / 4]);
  };
  const choose = (name) => (event) => setFilter({ ...filter, [name]: event.target.value });
  const all = board.current?.devices.all.features.length || answered;
  return html`<div class=${`map-page ${chosen ? "has-panel" : ""}`}>
    <div class="map-tools">
      <select aria-label=${t("devices.kind")} onChange=${choose("kind")} value=${filter.kind}>
        <option value="">${t("map.all_kinds")}</option>
        ${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${word("kind", kind)}</option>`)}
      </select>
      <select aria-label=${t("devices.area")} onChange=${choose("area")} value=${filter.area}>
        <option value="">${t("map.all_areas")}</option>
        ${areas
          .filter((area) => area.parent)
          .map((area) => html`<option key=${area.code} value=${area.code}>${areaName(area.code)}</option>`)}
      </select>
      <select aria-label=${t("devices.status")} onChange=${choose("state")} value=${filter.state}>
        <option value="">${t("map.all_states")}</option>
        <option value="alarm">${t("map.alarm")}</option>
        ${STATUSES.map((status) => html`<option key=${status} value=${status}>
          ${word("status", status)}
        </option>`)}
      </select>
      ${!asList && html`
        <span class="shown">${t("map.shown", { n: shown, all })}</span>
        <button class="button small" onClick=${() => board.current?.fit()}>${t("map.fit")}</button>
        <button class="button small" aria-pressed=${grids.on} onClick=${grids.toggle}>
          ${t("map.grids")}
        </button>
        ${grids.on && grids.count === 0 && html`<span class="shown" role="status">
          ${t("map.no_grids")}
        </span>`}
      `}
      ${webglWorks() && html`<button
        class="button small"
        onClick=${() => setAsList(!asList)}
        aria-pressed=${asList}
      >
        ${t(asList ? "map.as_map" : "map.as_list")}
      </button>`}
      ${groundLost && !asList && html`<span class="shown" role="status">${t("map.no_ground")}</span>`}
    </div>
    ${(problem ?? grids.problem) && html`<${Failure} problem=${problem ?? grids.problem} />`}
    ${asList
      ? html`<div class="map-list">
          ${!webglWorks() && html`<p class="hint">${t("map.no_webgl")}</p>`}
          <${DeviceList} keep=${keeps(filter)} />
        </div>`
      : html`
          <div class="map-frame" ref=${frame} role="region" aria-label=${t("map.label")}></div>
          <${Legend} tests=${tests} />
        `}
    ${chosen && Panel && html`<${Panel}
      key=${chosen}
      code=${chosen}
      onLook=${open ? look : null}
      onClose=${() => go("map")}
    />`}
  </div>`;
}
