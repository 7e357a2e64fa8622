// What the numbers of risk mean: the grades with the scores from which they begin, as the policy has them.
import { get } from "./api.js";
import { t } from "./i18n.js";
import { html, useEffect, useState } from "./ui.js";

export function RiskLegend() {
  const [from, setFrom] = useState(null);
  useEffect(() => {
    get("/api/v1/policies/risk").then(({ body }) => setFrom(body), () => null);
  }, []);
  return html`<p class="hint risk-legend">
    ${t("risk.legend")}
    ${from
    && ["red", "orange", "yellow"].map((grade) => html`${" "}<span key=${grade} class=${`chip risk-${grade}`}>
      ${t(`risk.${grade}`)} ≥ ${from[`${grade}_from`]}
    </span>`)}
    ${from && html`${" "}<span class="chip risk-blue">${`${t("risk.blue")} < ${from.yellow_from}`}</span>`}
  </p>`;
}
