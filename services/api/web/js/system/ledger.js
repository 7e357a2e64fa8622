// Is the ledger true? What does not fit in it, check by check, with the devices behind each count.
import { get, query } from "../api.js";
import { download, fileName } from "../download.js";
import { compact } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t } from "../i18n.js";
import { Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";

const PATH = "/api/v1/data-quality";
const STEP = 50;

export function Ledger() {
  const [found, setFound] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get(query(PATH, { limit: 0 })).then(setFound, setProblem);
  }, []);
  const doubtful = (found?.checks ?? []).filter((check) => check.count !== 0);
  return html`<section class="card ledger">
    <h3>
      <${Icon} name="devices" size="18" />${t("ledger.title")}
      ${found && html`<small>${t("ledger.devices", { n: compact(found.devices) })}</small>`}
    </h3>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${found && doubtful.length === 0 && html`<p class="hint">${t("ledger.sound")}</p>`}
    ${doubtful.map((check) => html`<${Check} key=${check.check} check=${check} />`)}
  </section>`;
}

function Check({ check }) {
  const title = pick(check.text, check.text_en);
  if (check.count === null) return html`<p class="hint">${title}: ${t("ledger.too_many")}</p>`;
  return html`<${Devices} check=${check} title=${title} />`;
}

function Devices({ check, title }) {
  const [page, setPage] = useState(null);
  const [problem, setProblem] = useState(null);
  const path = `${PATH}/${check.check}`;
  const read = (cursor) =>
    get(query(path, { limit: STEP, cursor })).then(({ items, next }) => {
      setProblem(null);
      setPage((before) => ({ items: cursor ? [...before.items, ...items] : items, next }));
    }, setProblem);
  return html`<details data-check=${check.check} onToggle=${(event) => event.target.open && !page && read()}>
    <summary>${title} <b class="count">${compact(check.count)}</b></summary>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${page && html`
      <ul class="plain">
        ${page.items.map((device) => html`<li key=${device.code}>
          <a href=${`#/devices/${device.code}`}>${device.name || device.code}</a>
          ${" "}
          <small>${device.name ? device.code : ""} ${device.address}</small>
          <span>${pick(device.text, device.text_en)}</span>
        </li>`)}
      </ul>
      ${page.next && html`<button class="button small" onClick=${() => read(page.next)}>
        ${t("ledger.more")}
      </button>`}
      <button class="button small" onClick=${() => download(path, {}, fileName("ledger"))}>
        ${t("file.csv")}
      </button>
    `}
  </details>`;
}
