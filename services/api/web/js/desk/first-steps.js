// The first screen of an empty system: what to do next.
import { t } from "../i18n.js";
import { html } from "../ui.js";

const CODES = {
  1: [
    'curl -H "Authorization: Bearer $KEY" -F file=@ledger.csv -F datum=wgs84 \\',
    '     "$API/api/v1/devices/import?dry_run=true"',
  ],
  2: [
    'curl -X POST -H "Authorization: Bearer $KEY" \\',
    '     "$API/api/v1/devices/XHS-0001/credentials"',
  ],
  3: [
    "mosquitto_pub -u XHS-0001 -P … -q 1 \\",
    "  -t fire/v1/140931100/hydrant/XHS-0001/up/telemetry \\",
    `  -m '{"ts": 1795460000000, "seq": 1, "pressure_mpa": 0.31}'`,
  ],
};

export function FirstSteps() {
  return html`<section class="first-steps">
    <img src="/static/icons/tower.svg" alt="" width="64" height="64" />
    <h2>${t("empty.title")}</h2>
    <p>${t("empty.line")}</p>
    <ol>
      ${[1, 2, 3].map((n) => html`<li key=${n}>
        <h3>${t(`empty.${n}`)}</h3>
        <p>${t(`empty.${n}_line`)}</p>
        <pre>${CODES[n].join("\n")}</pre>
      </li>`)}
    </ol>
    <p class="hint">${t("empty.unknown")} <a href="/docs">${t("empty.docs")}</a></p>
  </section>`;
}
