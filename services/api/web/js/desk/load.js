// Whether one person can follow the alarms: how many came in ten minutes, and a flood (ISA-18.2).
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { classes, Running } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useMemo } from "../ui.js";

const SCALE = 20; // alarms in ten minutes at the end of the bar
const NONE = { per_10min: 0, flood: false, chattering: [], standing: [] };

// The system is asked every few seconds: the queue is drawn again only when this part of its answer is
// another.
export function useLoad() {
  const text = useStore(live, ({ system }) => JSON.stringify(system?.alarm_load ?? NONE));
  return useMemo(() => JSON.parse(text), [text]);
}

export function Load({ load }) {
  const { per_10min: n, flood } = load;
  return html`<p class=${classes("load", flood && "flood")}>
    ${flood
      ? html`<${Icon} name="warn" size="18" />
          <${Running} said=${t("desk.flood_said")} role="alert">${t("desk.flood", { n })}<//>`
      : html`<span>${t("desk.load", { n })}</span>`}
    <meter min="0" max=${SCALE} low="2" high="10" optimum="1" value=${n} aria-label=${t("desk.load_label")} />
  </p>`;
}
