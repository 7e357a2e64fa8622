// What narrows the history: days, place, kind, verdict, who and words. Every change goes into the address.
import { dayNumber } from "../format.js";
import { t, word } from "../i18n.js";
import { live, useStore } from "../store.js";
import { html } from "../ui.js";
import { CATEGORIES, SEVERITIES } from "../words/lists.js";
import { names } from "../words/zh-names.js";
import { firstDay } from "./history-data.js";

const STATES = ["open", "closed"];
const VERIFICATIONS = ["pending", "real", "false", "test"];
const CODES = Object.keys(names)
  .filter((key) => key.startsWith("code."))
  .map((key) => key.slice("code.".length));

const Choice = ({ label, all, value, options, onPick }) => html`<select
  aria-label=${label}
  value=${value ?? ""}
  onChange=${(event) => onPick(event.target.value)}
>
  <option value="">${all}</option>
  ${options.map(([key, text]) => html`<option key=${key} value=${key}>${text}</option>`)}
</select>`;

// What only a link sets: shown, and taken away by a press.
const Set = ({ label, value, onDrop }) => value && html`<button class="chip-button" onClick=${onDrop}>
  ${label} ${value} <span aria-hidden="true">×</span><span class="unseen">${t("history.drop")}</span>
</button>`;

export function HistoryFilters({ values, set }) {
  const areas = useStore(live, (state) => state.areas);
  const pick = (name) => (value) => set({ [name]: value });
  const typed = (name) => (event) => set({ [name]: event.target.value });
  const words = (kind, list) => list.map((key) => [key, word(kind, key)]);
  return html`<form class="history-filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label>
      ${t("history.from")}
      <input type="date" value=${values.from || firstDay()} onChange=${typed("from")} />
    </label>
    <label>
      ${t("history.to")}
      <input type="date" value=${values.to || dayNumber(Date.now())} onChange=${typed("to")} />
    </label>
    <${Choice}
      label=${t("desk.area")}
      all=${t("map.all_areas")}
      value=${values.area}
      options=${areas.filter((area) => area.parent).map((area) => [area.code, area.name])}
      onPick=${pick("area")}
    />
    <${Choice}
      label=${t("history.category")}
      all=${t("history.all_categories")}
      value=${values.category}
      options=${words("category", CATEGORIES)}
      onPick=${pick("category")}
    />
    <${Choice}
      label=${t("history.code")}
      all=${t("history.all_codes")}
      value=${values.code}
      options=${words("code", CODES)}
      onPick=${pick("code")}
    />
    <${Choice}
      label=${t("handover.severity")}
      all=${t("history.all_severities")}
      value=${values.severity}
      options=${words("severity", SEVERITIES)}
      onPick=${pick("severity")}
    />
    <${Choice}
      label=${t("history.verdict")}
      all=${t("history.all_verdicts")}
      value=${values.verification}
      options=${words("verification", VERIFICATIONS)}
      onPick=${pick("verification")}
    />
    <${Choice}
      label=${t("system.state")}
      all=${t("history.all_states")}
      value=${values.state}
      options=${STATES.map((key) => [key, t(`history.state.${key}`)])}
      onPick=${pick("state")}
    />
    <input
      type="search"
      placeholder=${t("history.by")}
      aria-label=${t("history.by")}
      maxlength="100"
      value=${values.by ?? ""}
      onInput=${typed("by")}
    />
    <input
      type="search"
      class="text"
      placeholder=${t("history.text")}
      aria-label=${t("history.text")}
      maxlength="100"
      value=${values.q ?? ""}
      onInput=${typed("q")}
    />
    <${Set} label=${t("desk.device")} value=${values.device} onDrop=${() => set({ device: "" })} />
    <${Set} label=${t("desk.site")} value=${values.site} onDrop=${() => set({ site: "" })} />
  </form>`;
}
