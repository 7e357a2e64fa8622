// The devices page: search and list; with a code in the address, one device.
import { get, query } from "../api.js";
import { useNow } from "../clock.js";
import { ago, areaName, measured, unit } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { Empty, Failure, Status } from "../parts.js";
import { go } from "../route.js";
import { knownDevices, live, onDevices, putDevices, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { KINDS, STATUSES } from "../words/lists.js";
import { DevicePage } from "./device.js";
import { mainField } from "./fields.js";
import { Battery, Signal } from "./gauges.js";

const STEP = 100;
const TYPED_AFTER_MS = 250;

function useDevices(wanted) {
  const [page, setPage] = useState({ codes: null, next: null });
  const [problem, setProblem] = useState(null);
  const [, draw] = useState(0);
  const asked = useRef(0);
  const read = (cursor) => {
    const mine = (asked.current += 1);
    const askedAt = performance.now();
    return get(query("/api/v1/devices", { ...wanted, limit: STEP, cursor })).then(({ items, next }) => {
      if (mine !== asked.current) return;
      putDevices(items, askedAt);
      setProblem(null);
      setPage((before) => ({
        codes: [...(cursor ? before.codes : []), ...items.map((device) => device.code)],
        next,
      }));
    }, setProblem);
  };
  const round = useStore(live, (state) => state.round);
  useEffect(() => {
    const timer = setTimeout(read, TYPED_AFTER_MS);
    return () => clearTimeout(timer);
  }, [wanted.q, wanted.kind, wanted.area, wanted.status, round]);
  useEffect(() => {
    let timer = 0;
    const leave = onDevices(() => {
      timer ||= setTimeout(() => {
        timer = 0;
        draw((n) => n + 1);
      }, 500);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, []);
  return { ...page, problem, more: () => read(page.next) };
}

function Row({ device, now }) {
  const field = mainField(device);
  const cell = device.state?.[field];
  const open = () => go(`devices/${encodeURIComponent(device.code)}`);
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

function List() {
  const now = useNow();
  const areas = useStore(live, (state) => state.areas);
  const [wanted, setWanted] = useState({ q: "", kind: "", area: "", status: "" });
  const { codes, next, problem, more } = useDevices(wanted);
  const set = (name) => (event) => setWanted({ ...wanted, [name]: event.target.value });
  return html`<div class="devices">
    <form class="search" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input
        type="search"
        placeholder=${t("devices.search")}
        aria-label=${t("devices.search")}
        value=${wanted.q}
        onInput=${set("q")}
      />
      <select aria-label=${t("devices.kind")} value=${wanted.kind} onChange=${set("kind")}>
        <option value="">${t("map.all_kinds")}</option>
        ${KINDS.map((kind) => html`<option key=${kind} value=${kind}>${word("kind", kind)}</option>`)}
      </select>
      <select aria-label=${t("devices.area")} value=${wanted.area} onChange=${set("area")}>
        <option value="">${t("map.all_areas")}</option>
        ${areas
          .filter((area) => area.parent)
          .map((area) => html`<option key=${area.code} value=${area.code}>${area.name}</option>`)}
      </select>
      <select aria-label=${t("devices.status")} value=${wanted.status} onChange=${set("status")}>
        <option value="">${t("map.all_states")}</option>
        ${STATUSES.map((status) => html`<option key=${status} value=${status}>
          ${word("status", status)}
        </option>`)}
      </select>
    </form>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${codes === null
      ? html`<p class="loading">…</p>`
      : codes.length === 0
        ? html`<${Empty} title=${t("devices.none")} />`
        : html`<div class="card table-card">
            <table class="device-table">
              <thead>
                <tr>
                  <th>${t("devices.name")}</th>
                  <th class="opt">${t("devices.kind")}</th>
                  <th class="opt">${t("devices.area")}</th>
                  <th>${t("devices.status")}</th>
                  <th class="num">${t("devices.reading")}</th>
                  <th class="opt">${t("devices.battery")}</th>
                  <th class="opt">${t("devices.signal")}</th>
                  <th class="num seen">${t("devices.seen")}</th>
                </tr>
              </thead>
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
