// An inspection on a phone: what is due, and the checklist of the device whose QR code was scanned.
import { get } from "../api.js";
import { serverNow } from "../clock.js";
import { areaName, dateTime } from "../format.js";
import { learn, t, word } from "../i18n.js";
import { may } from "../may.js";
import { Chip, Empty, Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { inspect as en } from "../words/en-inspect.js";
import { inspect as zh } from "../words/zh-inspect.js";
import { Checklist } from "./checklist.js";

learn({ zh, en });

const MOST_DUE = 200;

const what = (one) => (one.form ? word("form", one.form) : word("kind", one.kind));

function Due() {
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get(`/api/v1/inspections/due?limit=${MOST_DUE}`).then(setFound, setProblem);
  }, []);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (!found) return html`<p class="loading">…</p>`;
  const { items, next } = found;
  if (!items.length) return html`<${Empty} title=${t("inspect.none_due")} line=${t("inspect.scan")} />`;
  return html`<section class="card">
    <h2>${t("inspect.due")}<span class="count">${items.length}${next ? "+" : ""}</span></h2>
    <p class="hint">${t("inspect.scan")}</p>
    <ul class="plain inspect-due">
      ${items.map((one) => html`<li key=${one.device}>
        <a href=${`#/inspect/${encodeURIComponent(one.device)}`}>${one.name || one.device}</a>
        <small>
          ${what(one)} · ${areaName(one.area)} ·${" "}
          ${one.inspected_at ? dateTime(one.inspected_at, true) : t("inspect.never")}
        </small>
      </li>`)}
    </ul>
  </section>`;
}

function Last({ inspection }) {
  const { inspected_at: at, due_at: due, failed, interval_d: interval } = inspection;
  const over = interval && (!due || Date.parse(due) <= serverNow());
  return html`<p class="hint">
    ${at ? t("inspect.last", { at: dateTime(at, true) }) : t("inspect.never")}
    ${failed > 0 && html` <${Chip} kind="why-chip">${t("inspect.last_failed", { n: failed })}<//>`}
    ${over && html` <${Chip} kind="why-chip">${t("inspect.is_due")}<//>`}
  </p>`;
}

function Of({ code }) {
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  const read = () => {
    const device = get(`/api/v1/devices/${encodeURIComponent(code)}`);
    Promise.all([device, get("/api/v1/checklists")]).then(([shown, lists]) => {
      setProblem(null);
      setFound({ device: shown, list: lists.items.find((one) => one.name === shown.kind) });
    }, setProblem);
  };
  useEffect(read, [code]);
  // What was read before stays: the checklist says that the inspection is stored, and this look comes after.
  if (!found && problem?.status === 404)
    return html`<${Empty} title=${t("devices.missing")} line=${code} />`;
  if (!found && problem)
    return html`<${Failure} problem=${problem} />
      <button class="button wide" onClick=${read}>${t("inspect.again")}</button>`;
  if (!found) return html`<p class="loading">…</p>`;
  const { device, list } = found;
  return html`<header class="inspect-head">
      <h2>${device.name || code}<small>${code}</small></h2>
      <p class="hint">
        ${what(device)} · ${areaName(device.area)}
        ${device.address ? ` · ${device.address}` : ""}
      </p>
      <${Last} inspection=${device.inspection} />
    </header>
    ${may("operate")
      ? html`<${Checklist} key=${code} code=${code} list=${list} onDone=${read} />`
      : html`<p class="hint">${t("inspect.may_not")}</p>`}`;
}

export function Page({ args }) {
  const [code] = args;
  return html`<div class="inspect">
    ${code ? html`<${Of} key=${code} code=${code} />` : html`<${Due} />`}
  </div>`;
}
