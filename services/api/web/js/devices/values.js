// The newest value of every field of a device, with unit and age; a value out of date is dimmed.
import { age, measured, unit } from "../format.js";
import { word } from "../i18n.js";
import { html } from "../ui.js";

const HIDDEN = ["energy_kwh"];
const FIRST = ["pressure_mpa", "level_pct", "level_m", "residual_current_ma", "flow_lps"];
const place = (field) => (FIRST.includes(field) ? FIRST.indexOf(field) : FIRST.length);

export function Values({ device, now, all }) {
  const fields = Object.entries(device.state ?? {}).filter(
    ([field, cell]) => cell && typeof cell === "object" && (all || !HIDDEN.includes(field)),
  );
  const stale_after_ms = 3000 * (device.expected_interval_s ?? 300);
  fields.sort(([a], [b]) => place(a) - place(b));
  return html`<dl class="values">
    ${fields.map(([field, { value, ts }], i) => html`<div
      key=${field}
      class=${`${now - Date.parse(ts) > stale_after_ms ? "stale" : ""} ${i === 0 ? "lead" : ""}`}
    >
      <dt>${word("field", field)}</dt>
      <dd>
        <b>${measured(field, value)}</b> ${typeof value === "number" ? html`<span>${unit(field)}</span>` : ""}
        <small>${age(ts, now)}</small>
      </dd>
    </div>`)}
  </dl>`;
}
