// An early warning in its alarm: the chart, since when and how sure, and where it most likely is.
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { html, useEffect, useState } from "../ui.js";

// uPlot is fetched with the first alarm that has a chart.
export function EarlyWarning({ alarm }) {
  const [Chart, setChart] = useState(null);
  const early = alarm.early_warning;
  useEffect(() => {
    if (early) import("./expectation.js").then((module) => setChart(() => module.Expectation));
  }, [Boolean(early)]);
  if (!early) return null;
  const { lon, lat } = early.location ?? {};
  const icon = alarm.category === "electrical" ? "electrical" : "water";
  return html`<section class="card early">
    <h3><${Icon} name=${icon} size="18" />${t("early.title")}</h3>
    <p>
      ${t("early.since", { at: dateTime(early.since) })}
      ${early.until && html` · ${t("early.over", { at: dateTime(early.until) })}`}
      ${" · "}${t(`early.sure.${early.sure}`)}
      ${early.location && html` · ${t("early.place")} <b>${lat.toFixed(5)}, ${lon.toFixed(5)}</b>`}
    </p>
    ${Chart && html`<${Chart} key=${alarm.id} alarm=${alarm} />`}
  </section>`;
}
