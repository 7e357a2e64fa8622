// Devices as who looks after them sees them: the list, one of them with its account and its service.
import { get } from "../api.js";
import { areaName, dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure, Status } from "../parts.js";
import { useMove } from "../route.js";
import { putDevices } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { Service } from "../devices/service.js";
import { Account } from "./account.js";
import { DeviceForm } from "./device-form.js";
import { sayDone } from "./done.js";
import { SearchedList } from "./list.js";

const PATH = "/api/v1/devices";

const Back = () => html`<a class="button quiet small" href="#/admin/devices">
  <${Icon} name="back" size="16" />${t("devices.back")}
</a>`;

const Row = ({ device }) => html`<tr>
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
</tr>`;

const List = () => html`<${SearchedList}
  path=${PATH}
  icon="devices"
  title=${t("admin.tab.devices")}
  find=${t("devices.search")}
  add=${{ text: t("admin.new_device"), href: "#/admin/new-device" }}
  titles=${[t("input.name"), t("devices.kind"), t("input.area"), t("desk.site"), t("devices.status")]}
  empty=${{ title: t("devices.none") }}
  row=${(device) => html`<${Row} key=${device.code} device=${device} />`}
/>`;

function One({ code }) {
  const [device, setDevice] = useState(null);
  const [problem, setProblem] = useState(null);
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
    sayDone("saved", newest.name || code);
  };
  return html`
    <header class="admin-head">
      <${Back} />
      <h2>${device.name || code}<small>${code}</small></h2>
      <${Status} status=${device.status} />
      <a href=${`#/devices/${encodeURIComponent(code)}`}>${t("admin.see_live")}</a>
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
  const move = useMove();
  return html`
    <header class="admin-head"><${Back} /><h2>${t("admin.new_device")}</h2></header>
    <section class="card">
      <${DeviceForm}
        at=${Number(args[0]) || null}
        go=${t("admin.create")}
        onDone=${(device) => {
          sayDone("made", device.name || device.code);
          move(`admin/devices/${encodeURIComponent(device.code)}`, true);
        }}
      />
    </section>
  `;
}
