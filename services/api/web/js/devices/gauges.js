// Battery and signal at a glance: a bar and a number, a word for screen readers.
import { t } from "../i18n.js";
import { html } from "../ui.js";

const LOW_BATTERY_PCT = 20;
const GOOD_DBM = -95; // usual bands of NB-IoT coverage
const FAIR_DBM = -110;

export function Battery({ value }) {
  if (value === undefined || value === null) return html`<span class="nothing">–</span>`;
  return html`<span class=${`gauge ${value < LOW_BATTERY_PCT ? "low" : ""}`}>
    <meter min="0" max="100" value=${value} aria-hidden="true"></meter>
    ${Math.round(value)} %
  </span>`;
}

export function Signal({ value }) {
  if (value === undefined || value === null) return html`<span class="nothing">–</span>`;
  const level = value >= GOOD_DBM ? "good" : value >= FAIR_DBM ? "fair" : "poor";
  const bars = { good: 3, fair: 2, poor: 1 }[level];
  return html`<span class=${`gauge signal ${level}`} title=${`${value} dBm`}>
    <svg width="18" height="14" viewBox="0 0 18 14" aria-hidden="true">
      ${[0, 1, 2].map((i) => html`<rect
        key=${i}
        x=${i * 6}
        y=${9 - i * 4}
        width="4"
        height=${5 + i * 4}
        rx="1"
        class=${i < bars ? "on" : "off"}
      />`)}
    </svg>
    ${t(`devices.signal_${level}`)}
  </span>`;
}
