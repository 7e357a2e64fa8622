// What narrows the history: days, place, kind, verdict, who and words. Every change goes into the address.
import { serverNow } from "../clock.js";
import { areaOptions, dayNumber } from "../format.js";
import { t, word } from "../i18n.js";
import { live, useStore } from "../store.js";
import { html } from "../ui.js";
import { CATEGORIES, SEVERITIES } from "../words/lists.js";
import { names } from "../words/zh-names.js";
import { wallOf } from "../zone.js";
import { daysOf } from "./history-data.js";

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

const DAY_MS = 86_400_000;

// Spans that people ask for by name: [name, first day, last day]. A week begins on Monday.
function rangesOf(now) {
  const back = (days) => dayNumber(now - days * DAY_MS);
  const { day, weekday } = wallOf(now);
  const monday = (weekday + 6) % 7;
  return [
    ["today", back(0), back(0)],
    ["yesterday", back(1), back(1)],
    ["week", back(6), back(0)],
    ["last_week", back(monday + 7), back(monday + 1)],
    ["month", back(day - 1), back(0)],
  ];
}

export function Ranges({ values, set }) {
  const [first, last] = daysOf(values);
  return html`<div class="filters ranges" role="group" aria-label=${t("history.ranges")}>
    ${rangesOf(serverNow()).map(([name, from, to]) => html`<button
      key=${name}
      aria-pressed=${from === first && to === last}
      onClick=${() => set({ from, to })}
    >
      ${t(`history.range.${name}`)}
    </button>`)}
  </div>`;
}

export function HistoryFilters({ values, set }) {
  const [first, last] = daysOf(values);
  const areas = useStore(live, (state) => state.areas);
  const pick = (name) => (value) => set({ [name]: value });
  const typed = (name) => (event) => set({ [name]: event.target.value });
  const words = (kind, list) => list.map((key) => [key, word(kind, key)]);
  return html`<form class="history-filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label>
      ${t("history.from")}
      <input type="date" value=${first} onChange=${typed("from")} />
    </label>
    <label>
      ${t("history.to")}
      <input type="date" value=${last} onChange=${typed("to")} />
    </label>
    <${Choice}
      label=${t("desk.area")}
      all=${t("map.all_areas")}
      value=${values.area}
      options=${areaOptions(areas)}
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
