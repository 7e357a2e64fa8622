// One device: newest values, history over any range, what was lost, its ledger entry, its alarms.
import { get, query } from "../api.js";
import { useNow } from "../clock.js";
import { ago, areaName, compact, dateTime, span } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { may } from "../may.js";
import { alarmName, Chip, Empty, Failure, Field, Severity, siteName, Status } from "../parts.js";
import { live, putDevices, useDevice, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { Battery, Signal } from "./gauges.js";
import { History } from "./history.js";
import { Inspected } from "./inspected.js";
import { Service } from "./service.js";
import { Values } from "./values.js";

function Quality({ quality }) {
  const day = quality?.last_24h ?? {};
  const total = quality ?? {};
  return html`<section class="card">
    <h3><${Icon} name="check" size="18" />${t("devices.quality")}</h3>
    <table class="quality">
      <thead>
        <tr>
          <th></th>
          ${["gaps", "duplicates", "late", "rejects"].map((name) => html`<th key=${name} class="num">
            ${t(`devices.${name}`)}
          </th>`)}
        </tr>
      </thead>
      <tbody>
        ${[
          ["24h", day],
          ["total", total],
        ].map(([name, counts]) => html`<tr key=${name}>
          <td>${t(`devices.${name}`)}</td>
          ${["gaps", "duplicates", "late", "rejects"].map((field) => html`<td
            key=${field}
            class=${`num ${counts[field] && ["gaps", "rejects"].includes(field) ? "bad" : ""}`}
          >
            ${compact(counts[field])}
          </td>`)}
        </tr>`)}
      </tbody>
    </table>
  </section>`;
}

function Alarms({ code }) {
  const [items, setItems] = useState(null);
  const changed = useStore(live, (state) => state.alarms);
  useEffect(() => {
    const timer = setTimeout(
      () =>
        get(query("/api/v1/alarms", { device: code, limit: 12 })).then(
          (page) => setItems(page.items),
          () => setItems([]),
        ),
      items ? 800 : 0,
    );
    return () => clearTimeout(timer);
  }, [code, changed]);
  return html`<section class="card">
    <h3><${Icon} name="warn" size="18" />${t("devices.alarms")}</h3>
    ${items?.length === 0 && html`<p class="hint">${t("devices.no_alarms")}</p>`}
    ${items?.length > 0 && html`<ul class="plain">
      ${items.map((alarm) => html`<li key=${alarm.id}>
        <a href=${`#/desk/${alarm.id}`}><${Severity} severity=${alarm.severity} /> ${alarmName(alarm)}</a>
        <small>
          ${dateTime(alarm.opened_at)} · ${word("state", alarm.state)}
          ${alarm.category === "fire" ? ` · ${word("verification", alarm.verification)}` : ""}
        </small>
      </li>`)}
    </ul>`}
  </section>`;
}

const COUNTS_EVERY_MS = 15_000;

export function DevicePage({ code }) {
  const now = useNow();
  const [full, setFull] = useState(null);
  const [problem, setProblem] = useState(null);
  const fresh = useDevice(code);
  const round = useStore(live, (state) => state.round);
  useEffect(() => {
    const read = () => {
      const askedAt = performance.now();
      get(`/api/v1/devices/${encodeURIComponent(code)}`).then((device) => {
        putDevices([device], askedAt);
        setFull(device);
        setProblem(null);
      }, setProblem);
    };
    read();
    // The stream brings values, not the counts of what was lost.
    const timer = setInterval(read, COUNTS_EVERY_MS);
    return () => clearInterval(timer);
  }, [code, round]);
  if (problem && !full)
    return problem.status === 404
      ? html`<${Empty} title=${t("devices.missing")} line=${code} />`
      : html`<${Failure} problem=${problem} />`;
  if (!full) return html`<p class="loading">…</p>`;
  const device = { ...full, ...fresh };
  return html`<div class="device">
    <header>
      <a class="button quiet small" href="#/devices"><${Icon} name="back" size="16" />${t("devices.back")}</a>
      <h2>${device.name || code}<small>${code}</small></h2>
      <${Status} status=${device.status} />
      <span class="hint">${t("devices.seen")} ${ago(device.last_seen, now)}</span>
      ${full.unreadable_since && html`<${Chip} kind="why-chip">${t("devices.unreadable")}<//>`}
      ${full.clock_behind_s > 0 && html`<${Chip} kind="why-chip">
        ${t("devices.clock_behind", { span: span(full.clock_behind_s) })}
      <//>`}
      ${device.state?.battery_pct && html`<${Battery} value=${device.state.battery_pct.value} />`}
      ${device.state?.rsrp_dbm && html`<${Signal} value=${device.state.rsrp_dbm.value} />`}
      ${device.location && html`<a class="button small" href=${`#/map/${encodeURIComponent(code)}`}>
        <${Icon} name="map" size="16" />
        ${t("desk.on_map")}
      </a>`}
      ${may("maintain") && html`<a class="button small" href=${`#/admin/devices/${encodeURIComponent(code)}`}>
        <${Icon} name="admin" size="16" />
        ${t("devices.manage")}
      </a>`}
      <${Service}
        device=${{ ...device, status: full.status }}
        onChange=${(changed) => {
          putDevices([changed], performance.now());
          setFull({ ...full, ...changed });
        }}
      />
    </header>
    <section class="card">
      <h3><${Icon} name="devices" size="18" />${t("devices.values")}</h3>
      <${Values} device=${device} now=${now} all />
    </section>
    <${History} device=${full} />
    <div class="pair">
      <div class="stack">
        <${Quality} quality=${device.quality} />
        <section class="card">
          <dl class="facts">
            <${Field} name=${t("devices.kind")}>
              ${word("kind", device.kind)}${device.form ? ` · ${word("form", device.form)}` : ""}
            <//>
            <${Field} name=${t("devices.area")}>${areaName(device.area)}<//>
            ${siteName(device) && html`<${Field} name=${t("devices.site")}>${siteName(device)}<//>`}
            ${device.address && html`<${Field} name=${t("devices.address")}>${device.address}<//>`}
            <${Field} name=${t("devices.interval")}>
              ${span(device.expected_interval_s)}${device.sleepy ? ` · ${t("devices.sleepy")}` : ""}
            <//>
            ${device.gateway && html`<${Field} name=${t("devices.gateway")}>
              <a href=${`#/devices/${device.gateway}`}>${device.gateway}</a>
            <//>`}
            <${Inspected} code=${code} inspection=${full.inspection} />
            ${device.owner && html`<${Field} name=${t("devices.owner")}>${device.owner}<//>`}
            ${device.maintainer && html`<${Field} name=${t("devices.maintainer")}>${device.maintainer}<//>`}
            ${device.location && html`<${Field} name=${t("devices.location")}>
              ${device.location.lon}, ${device.location.lat}
            <//>`}
            ${device.source_datum && html`<${Field} name=${t("devices.datum")}>
              ${String(device.source_datum).toUpperCase()}
            <//>`}
          </dl>
        </section>
      </div>
      <${Alarms} code=${code} />
    </div>
  </div>`;
}
