// Devices as who looks after them sees them: the list, one of them with its account and its service.
import { get } from "../api.js";
import { areaName, dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Empty, Failure, Status } from "../parts.js";
import { go } from "../route.js";
import { putDevices } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { Service } from "../devices/service.js";
import { Account } from "./account.js";
import { DeviceForm } from "./device-form.js";
import { useList } from "./list.js";

const PATH = "/api/v1/devices";

const Back = () => html`<a class="button quiet small" href="#/admin/devices">
  <${Icon} name="back" size="16" />${t("devices.back")}
</a>`;

function List() {
  const [q, setQ] = useState("");
  const { items, problem, more } = useList(PATH, { q });
  return html`<section class="card">
    <h2>
      <${Icon} name="devices" size="18" />${t("admin.tab.devices")}
      <a class="button primary new" href="#/admin/new-device">${t("admin.new_device")}</a>
    </h2>
    <input
      type="search"
      placeholder=${t("devices.search")}
      aria-label=${t("devices.search")}
      value=${q}
      onInput=${(event) => setQ(event.target.value)}
    />
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.length === 0 && html`<${Empty} title=${t("devices.none")} />`}
    ${items?.length > 0 && html`<div class="scroll"><table class="admin-table">
      <thead>
        <tr>
          <th>${t("input.name")}</th>
          <th>${t("devices.kind")}</th>
          <th>${t("input.area")}</th>
          <th>${t("desk.site")}</th>
          <th>${t("devices.status")}</th>
        </tr>
      </thead>
      <tbody>
        ${items.map((device) => html`<tr key=${device.code}>
          <td>
            <a href=${`#/admin/devices/${encodeURIComponent(device.code)}`}>${device.name || device.code}</a>
            <small>${device.code}${device.location ? "" : ` · ${t("admin.not_placed")}`}</small>
          </td>
          <td>${word("kind", device.kind)}</td>
          <td>${areaName(device.area)}</td>
          <td>${device.site_name ?? "–"}</td>
          <td>
            <${Status} status=${device.status} />
            ${device.status === "out_of_service" && html`<small>
              ${t("admin.until", { at: dateTime(device.out_of_service_until, true) })}
            </small>`}
          </td>
        </tr>`)}
      </tbody>
    </table></div>`}
    ${more && html`<button class="button wide" onClick=${more}>${t("devices.more")}</button>`}
  </section>`;
}

function One({ code }) {
  const [device, setDevice] = useState(null);
  const [problem, setProblem] = useState(null);
  const [saved, setSaved] = useState(false);
  useEffect(() => {
    const askedAt = performance.now();
    get(`${PATH}/${encodeURIComponent(code)}`).then((found) => {
      putDevices([found], askedAt);
      setDevice(found);
    }, setProblem);
  }, [code]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (!device) return html`<p class="loading">…</p>`;
  const take = (newest) => {
    putDevices([newest], performance.now());
    setDevice(newest);
  };
  const save = (newest) => {
    take(newest);
    setSaved(true);
  };
  return html`
    <header class="admin-head">
      <${Back} />
      <h2>${device.name || code}<small>${code}</small></h2>
      <${Status} status=${device.status} />
      <a href=${`#/devices/${encodeURIComponent(code)}`}>${t("admin.see_live")}</a>
      <span class="saved" role="status">${saved ? t("admin.saved") : ""}</span>
    </header>
    <${Account} device=${device} />
    <section class="card">
      <h2><${Icon} name="pause" size="18" />${t("admin.service")}</h2>
      <p>${t("admin.in_service")}</p>
      <${Service} device=${device} onChange=${take} />
    </section>
    <section class="card">
      <h2><${Icon} name="note" size="18" />${t("admin.ledger")}</h2>
      <${DeviceForm} device=${device} go=${t("admin.save")} onDone=${save} />
    </section>
  `;
}

export const Devices = ({ args }) =>
  args[0] ? html`<${One} key=${args[0]} code=${args[0]} />` : html`<${List} />`;

export function NewDevice({ args }) {
  return html`
    <header class="admin-head"><${Back} /><h2>${t("admin.new_device")}</h2></header>
    <section class="card">
      <${DeviceForm}
        at=${Number(args[0]) || null}
        go=${t("admin.create")}
        onDone=${(device) => go(`admin/devices/${encodeURIComponent(device.code)}`, true)}
      />
    </section>
  `;
}
