// Which sites are at risk, the worst first and why, and the report of a month.
import { get, query } from "../api.js";
import { serverNow } from "../clock.js";
import { downloadFile } from "../download.js";
import { ago, areaName } from "../format.js";
import { Icon } from "../icons.js";
import { language, pick, t } from "../i18n.js";
import { Failure, RiskGrade } from "../parts.js";
import { RiskLegend } from "../risk-legend.js";
import { html, useEffect, useState } from "../ui.js";
import { monthOf } from "../zone.js";

const PATH = "/api/v1/risk";
const REPORT = "/api/v1/reports/monthly";
const LIT = "red,orange,yellow";
const STEP = 20;

const Site = ({ risk, now }) => html`<li>
  <details>
    <summary>
      <${RiskGrade} risk=${risk} />${" "}
      ${risk.site.name}${" "}
      <small>${areaName(risk.area)} · ${t("risk.since", { ago: ago(risk.since, now) })}</small>
    </summary>
    <ul class="plain">
      ${risk.reasons.map((one) => html`<li key=${one.code}>
        <b>+${one.points}</b>
        <span>${pick(one.zh, one.en)}</span>
      </li>`)}
    </ul>
  </details>
</li>`;

function Report() {
  const months = [monthOf(serverNow()), monthOf(serverNow(), -1)];
  const [month, setMonth] = useState(months[0]);
  const [problem, setProblem] = useState(null);
  const values = { month, lang: language() };
  const take = () =>
    downloadFile(`${REPORT}.xlsx`, values).then(() => setProblem(null), setProblem);
  return html`
    <p class="report">
      <label>
        ${t("report.title")}
        <select value=${month} onChange=${(event) => setMonth(event.target.value)}>
          ${months.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
        </select>
      </label>
      <a class="button small" target="_blank" href=${query(`${REPORT}.html`, values)}>${t("report.print")}</a>
      <button class="button small" onClick=${take}>${t("file.excel")}</button>
    </p>
    ${problem && html`<${Failure} problem=${problem} />`}
  `;
}

export function Risk({ now }) {
  const [page, setPage] = useState(null);
  const [problem, setProblem] = useState(null);
  const read = (cursor) =>
    get(query(PATH, { grade: LIT, limit: STEP, cursor })).then(({ items, next }) => {
      setProblem(null);
      setPage((before) => ({ items: cursor ? [...before.items, ...items] : items, next }));
    }, setProblem);
  useEffect(() => {
    read();
  }, []);
  return html`<section class="card sites-at-risk">
    <h3><${Icon} name="door" size="18" />${t("risk.title")}</h3>
    <${RiskLegend} />
    ${problem && html`<${Failure} problem=${problem} />`}
    ${page?.items.length === 0 && html`<p class="hint">${t("risk.calm")}</p>`}
    <ul class="plain">
      ${page?.items.map((risk) => html`<${Site} key=${risk.site.id} risk=${risk} now=${now} />`)}
    </ul>
    ${page?.next && html`<button class="button small" onClick=${() => read(page.next)}>
      ${t("ledger.more")}
    </button>`}
    <${Report} />
  </section>`;
}
