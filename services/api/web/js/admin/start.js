// The first run: a site, a device, a test message that is seen arriving. The address says how far one is, so
// a reload goes on there.
import { get } from "../api.js";
import { t } from "../i18n.js";
import { Failure } from "../parts.js";
import { useMove } from "../route.js";
import { putDevices } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { Account } from "./account.js";
import { DeviceForm } from "./device-form.js";
import { SiteForm } from "./site-form.js";

function Connect({ code }) {
  const [device, setDevice] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const askedAt = performance.now();
    get(`/api/v1/devices/${encodeURIComponent(code)}`).then((found) => {
      putDevices([found], askedAt);
      setDevice(found);
    }, setProblem);
  }, [code]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  return device ? html`<${Account} device=${device} />` : html`<p class="loading">…</p>`;
}

function Step({ n, at, children }) {
  const state = n < at ? "done" : n === at ? "now" : "later";
  return html`<li class=${`step step-${state}`} aria-current=${n === at ? "step" : undefined}>
    <h2>${t(`admin.step_${n}`)}</h2>
    ${n === at && html`<p>${t(`admin.step_${n}_line`)}</p>`}
    ${n === at && children}
  </li>`;
}

export function Start({ args: [site, code] }) {
  const at = code ? 3 : site ? 2 : 1;
  const move = useMove();
  const next = (...done) => move(["admin", "start", ...done].join("/"));
  const toDevice = (made) => next(made.id);
  const toAccount = (made) => next(site, encodeURIComponent(made.code));
  return html`<ol class="steps">
    <${Step} n=${1} at=${at}>
      <div class="card"><${SiteForm} go=${t("admin.next")} onDone=${toDevice} /></div>
      <p><a href="#/admin/start/0">${t("admin.without_site")}</a></p>
    <//>
    <${Step} n=${2} at=${at}>
      <div class="card">
        <${DeviceForm} key=${site} at=${Number(site) || null} go=${t("admin.next")} onDone=${toAccount} />
      </div>
    <//>
    <${Step} n=${3} at=${at}><${Connect} code=${code} /><//>
    <li class="step step-later">
      <h2>${t("admin.step_4")}</h2>
      <p>
        <a href="#/admin/import">${t("admin.tab.import")}</a> ·
        ${" "}<a href="#/admin/people">${t("admin.tab.people")}</a> · <a href="#/map">${t("nav.map")}</a>
      </p>
    </li>
  </ol>`;
}
