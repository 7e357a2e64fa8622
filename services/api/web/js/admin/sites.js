// Sites: the list, one of them, test windows.
import { get, post } from "../api.js";
import { serverNow } from "../clock.js";
import { UntilDialog } from "../desk/dialogs.js";
import { areaName, dateTime } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Chip, Failure, RiskGrade } from "../parts.js";
import { RiskLegend } from "../risk-legend.js";
import { useMove } from "../route.js";
import { html, useEffect, useState } from "../ui.js";
import { sayDone } from "./done.js";
import { SearchedList, useList } from "./list.js";
import { SiteForm } from "./site-form.js";

const PATH = "/api/v1/sites";
const LONGEST_TEST_H = 8;

const isTested = (site) => Date.parse(site.test_window_until ?? 0) > serverNow();

const Back = () => html`<a class="button quiet small" href="#/admin/sites">
  <${Icon} name="back" size="16" />${t("devices.back")}
</a>`;

const Row = ({ site }) => html`<tr>
  <td>
    <a href=${`#/admin/sites/${site.id}`}>${site.name}</a>
    <small>${site.address}</small>
    ${isTested(site) && html`<${Chip} kind="test">${t("desk.test_window")}<//>`}
  </td>
  <td>${areaName(site.area)}</td>
  <td>${site.contacts.map((person) => person.name).join(t("admin.comma")) || "–"}</td>
  <td>${t(site.location ? "admin.placed" : "admin.not_placed")}</td>
  <td>${site.risk ? html`<${RiskGrade} risk=${site.risk} />` : "–"}</td>
</tr>`;

const List = () => html`<${RiskLegend} /><${SearchedList}
  path=${PATH}
  icon="door"
  title=${t("admin.tab.sites")}
  find=${t("admin.find_site")}
  add=${{ text: t("admin.new_site"), href: "#/admin/new-site" }}
  titles=${[t("admin.site_name"), t("input.area"), t("desk.contacts"), t("admin.place"), t("risk.column")]}
  empty=${{ title: t("admin.no_sites"), line: t("admin.no_sites_line") }}
  row=${(site) => html`<${Row} key=${site.id} site=${site} />`}
/>`;

function Devices({ site }) {
  const { items, problem } = useList("/api/v1/devices", { site: site.id });
  return html`<section class="card">
    <h2>
      <${Icon} name="devices" size="18" />${t("admin.site_devices")}
      <a class="button small new" href=${`#/admin/new-device/${site.id}`}>${t("admin.new_device")}</a>
    </h2>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.length === 0 && html`<p class="hint">${t("admin.site_bare")}</p>`}
    <ul class="plain">
      ${items?.map((device) => html`<li key=${device.code}>
        <a href=${`#/admin/devices/${encodeURIComponent(device.code)}`}>${device.name || device.code}</a>
        <small>${device.code}</small>
      </li>`)}
    </ul>
  </section>`;
}

function TestWindow({ site, onDone }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState(null);
  const tested = isTested(site);
  const set = (body) => post(`${PATH}/${site.id}/test-window`, body).then(onDone);
  return html`<section class="card">
    <h2><${Icon} name="pause" size="18" />${t("desk.test_window")}</h2>
    <p>
      ${tested
        ? t("admin.tested_until", { at: dateTime(site.test_window_until), why: site.test_window_reason })
        : t("dialog.test_window_line")}
    </p>
    ${problem && html`<${Failure} problem=${problem} />`}
    <div class="buttons start">
      <button class="button" onClick=${() => setAsking(true)}>${t("desk.test_site")}</button>
      ${tested && html`<button
        class="button"
        onClick=${() => set({ until: null, reason: "" }).then(() => setProblem(null), setProblem)}
      >
        ${t("admin.end_test")}
      </button>`}
    </div>
    ${asking && html`<${UntilDialog}
      title=${t("dialog.test_window_title", { site: site.name })}
      line=${t("dialog.test_window_line")}
      most=${LONGEST_TEST_H}
      onGo=${(until, reason) => set({ until, reason })}
      onClose=${() => setAsking(false)}
    />`}
  </section>`;
}

function One({ id }) {
  const [site, setSite] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get(`${PATH}/${id}`).then(setSite, setProblem);
  }, [id]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (!site) return html`<p class="loading">…</p>`;
  const take = (newest) => {
    setSite(newest);
    sayDone("saved", newest.name);
  };
  return html`
    <header class="admin-head">
      <${Back} />
      <h2>${site.name}</h2>
      ${isTested(site) && html`<${Chip} kind="test">${t("desk.test_window")}<//>`}
    </header>
    <section class="card"><${SiteForm} site=${site} go=${t("admin.save")} onDone=${take} /></section>
    <${Devices} site=${site} />
    <${TestWindow} site=${site} onDone=${setSite} />
  `;
}

export const Sites = ({ args }) =>
  args[0] ? html`<${One} key=${args[0]} id=${args[0]} />` : html`<${List} />`;

export function NewSite() {
  const move = useMove();
  const made = (site) => {
    sayDone("made", site.name);
    move(`admin/sites/${site.id}`, true);
  };
  return html`
    <header class="admin-head">
      <${Back} />
      <h2>${t("admin.new_site")}</h2>
    </header>
    <section class="card">
      <${SiteForm} go=${t("admin.create")} onDone=${made} />
    </section>
  `;
}
