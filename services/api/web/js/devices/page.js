// The devices page: what troubles them, search and list; with a code in the address, one device.
import { useNow } from "../clock.js";
import { download, downloadFile, fileName } from "../download.js";
import { ago, areaName, areaOptions, dateTime, measured, unit } from "../format.js";
import { SeverityMark } from "../icons.js";
import { language, t, word } from "../i18n.js";
import { classes, Empty, Failure, Status } from "../parts.js";
import { go, useRoute } from "../route.js";
import { knownDevices, live, useStore } from "../store.js";
import { html, useState } from "../ui.js";
import { KINDS, STATUSES } from "../words/lists.js";
import { DevicePage } from "./device.js";
import { mainField } from "./fields.js";
import { Battery, Signal } from "./gauges.js";
import { TROUBLES, useCounts, useDevices } from "./list-data.js";

const FILTERS = ["q", "kind", "area", "status", "trouble", "sort"];
// What a column is sorted by, and its classes.
const COLUMNS = [
  ["devices.name", "name", ""],
  ["devices.kind", "kind", "opt"],
  ["devices.area", "area", "opt"],
  ["devices.status", "status", ""],
  ["devices.reading", null, "num"],
  ["devices.battery", "battery", "opt"],
  ["devices.signal", "signal", "opt"],
  ["devices.seen", "last_seen", "num seen"],
];

// Filters and order stand in the address, so a view can be kept or sent on.
function useWanted() {
  const { search } = useRoute();
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, search.get(name) ?? ""]));
  const set = (patch) => {
    const filled = Object.entries({ ...wanted, ...patch }).filter(([, value]) => value);
    go(filled.length ? `devices?${new URLSearchParams(filled)}` : "devices", true);
  };
  return [wanted, set];
}

function Row({ device, now }) {
  const field = mainField(device);
  const cell = device.state?.[field];
  // Not where a link does it, perhaps into another tab, nor at the end of marking a text.
  const open = (event) => {
    if (event.target.closest("a") || !getSelection().isCollapsed) return;
    go(`devices/${encodeURIComponent(device.code)}`);
  };
  const out = device.status === "out_of_service";
  return html`<tr onClick=${open} class=${device.alarm ? `in-alarm wash-${device.alarm}` : ""}>
    <td>
      <a href=${`#/devices/${encodeURIComponent(device.code)}`}>${device.name || device.code}</a>
      <small>${device.code}</small>
    </td>
    <td class="opt">
      ${word("kind", device.kind)}
      ${device.form ? html`<small>${word("form", device.form)}</small>` : ""}
    </td>
    <td class="opt">${areaName(device.area)}</td>
    <td>
      <${Status} status=${device.status} />
      ${out && html`<small>
        ${t("handover.until", { at: dateTime(device.out_of_service_until) })} ${device.out_of_service_reason}
      </small>`}
      ${device.alarm && html`<small class="alarm-mark">
        <${SeverityMark} severity=${device.alarm} size="11" /> ${word("severity", device.alarm)}
      </small>`}
    </td>
    <td class="num">
      <b>${cell ? measured(field, cell.value) : "–"}</b>
      ${" "}
      <small class="inline">${cell ? unit(field) : ""}</small>
    </td>
    <td class="opt"><${Battery} value=${device.state?.battery_pct?.value} /></td>
    <td class="opt"><${Signal} value=${device.state?.rsrp_dbm?.value} /></td>
    <td class="num seen">${ago(device.last_seen, now)}</td>
  </tr>`;
}

function Troubles({ wanted, set }) {
  const counts = useCounts(wanted);
  const chip = (name, n) => html`<button
    key=${name}
    data-trouble=${name}
    aria-pressed=${wanted.trouble === name}
    onClick=${() => set({ trouble: wanted.trouble === name ? "" : name })}
  >
    ${name ? t(`devices.trouble.${name}`) : t("desk.filter.all")} <b>${counts ? n : "–"}</b>
  </button>`;
  return html`<div class="filters troubles" role="group" aria-label=${t("devices.trouble")}>
    ${chip("", counts?.total)} ${TROUBLES.map((name) => chip(name, counts?.[name]))}
  </div>`;
}

function Head({ wanted, set }) {
  const column = wanted.sort.replace("-", "");
  const down = wanted.sort.startsWith("-");
  const turn = (name) => (column !== name ? name : down ? "" : `-${name}`);
  return html`<thead>
    <tr>
      ${COLUMNS.map(([label, name, kind]) => html`<th
        key=${label}
        class=${classes(kind)}
        aria-sort=${name && column === name ? (down ? "descending" : "ascending") : undefined}
      >
        ${name
          ? html`<button class="sorter" onClick=${() => set({ sort: turn(name) })}>
              ${t(label)}${column === name ? (down ? " ▼" : " ▲") : ""}
            </button>`
          : t(label)}
      </th>`)}
    </tr>
  </thead>`;
}

function Saved({ wanted }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const press = (save) => () => {
    setBusy(true);
    setProblem(null);
    save().catch(setProblem).finally(() => setBusy(false));
  };
  const { sort, ...filters } = wanted;
  const workbook = () => downloadFile("/api/v1/devices.xlsx", { ...filters, lang: language() });
  const csv = () => download("/api/v1/devices", wanted, fileName("devices"));
  return html`
    <button class="button small" onClick=${press(workbook)} disabled=${busy}>${t("file.excel")}</button>
    <button class="button small" onClick=${press(csv)} disabled=${busy}>${t("file.csv")}</button>
    ${problem && html`<${Failure} problem=${problem} />`}
  `;
}

function List() {
  const now = useNow();
  const areas = useStore(live, (state) => state.areas);
  const [wanted, set] = useWanted();
  const asked = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  const { codes, next, problem, more } = useDevices(asked);
  const choose = (name) => (event) => set({ [name]: event.target.value });
  return html`<div class="devices">
    <form class="search" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input
        type="search"
        placeholder=${t("devices.search")}
        aria-label=${t("devices.search")}
        value=${wanted.q}
        onInput=${choose("q")}
      />
      <select aria-label=${t("devices.kind")} value=${wanted.kind} onChange=${choose("kind")}>
        <option value="">${t("map.all_kinds")}</option>
        ${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${word("kind", kind)}</option>`)}
      </select>
      <select aria-label=${t("devices.area")} value=${wanted.area} onChange=${choose("area")}>
        <option value="">${t("map.all_areas")}</option>
        ${areaOptions(areas).map(([code, name]) => html`<option key=${code} value=${code}>${name}</option>`)}
      </select>
      <select aria-label=${t("devices.status")} value=${wanted.status} onChange=${choose("status")}>
        <option value="">${t("map.all_states")}</option>
        ${STATUSES.map((status) => html`<option key=${status} value=${status}>
          ${word("status", status)}
        </option>`)}
      </select>
    </form>
    <div class="trouble-line">
      <${Troubles} wanted=${wanted} set=${set} />
      <${Saved} wanted=${asked} />
    </div>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${codes === null
      ? html`<p class="loading">…</p>`
      : codes.length === 0
        ? html`<${Empty} title=${t("devices.none")} />`
        : html`<div class="card table-card">
            <table class="device-table">
              <${Head} wanted=${wanted} set=${set} />
              <tbody>
                ${codes.map((code) => html`<${Row}
                  key=${code}
                  device=${knownDevices.get(code)}
                  now=${now}
                />`)}
              </tbody>
            </table>
            ${next && html`<button class="button wide" onClick=${more}>${t("devices.more")}</button>`}
          </div>`}
  </div>`;
}

export function Page({ args }) {
  return args[0] ? html`<${DevicePage} key=${args[0]} code=${args[0]} />` : html`<${List} />`;
}
