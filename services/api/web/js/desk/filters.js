// What stands above the queue: filters with what they show counted, the order, and the selection.
import { isOpen, isShelved, isWaiting } from "../alarms.js";
import { serverNow, useNow } from "../clock.js";
import { t } from "../i18n.js";
import { onePress } from "../parts.js";
import { remember } from "../prefs.js";
import { html } from "../ui.js";
import { CATEGORIES } from "../words/lists.js";
import { possible, VERDICTS } from "./asked.js";

const SHELVED_CHECK_S = 5; // what was shelved comes back by itself
const OF_LOAD = ["chattering", "standing"]; // shown while there are any

export function Filters({ filter, setFilter, order, alarms, load, onHelp }) {
  const now = useNow(SHELVED_CHECK_S);
  const open = [...alarms.values()].filter(isOpen);
  const shown = open.filter((alarm) => !isShelved(alarm, now));
  const counts = {
    all: shown.length,
    waiting: shown.filter(isWaiting).length,
    shelved: open.length - shown.length,
  };
  for (const category of CATEGORIES)
    counts[category] = shown.filter((alarm) => alarm.category === category).length;
  for (const name of OF_LOAD) counts[name] = shown.filter(({ id }) => load[name].includes(id)).length;
  const some = (name) => counts[name] > 0 || filter === name;
  const names = ["all", "waiting", ...CATEGORIES.filter(some), ...OF_LOAD.filter(some), "shelved"];
  return html`<div class="filters" role="group" aria-label=${t("desk.title")}>
    ${names.map((name) => html`<button
      key=${name}
      aria-pressed=${filter === name}
      onClick=${() => setFilter(name)}
    >
      ${CATEGORIES.includes(name) ? t(`category.${name}`) : t(`desk.filter.${name}`)} <b>${counts[name]}</b>
    </button>`)}
    <span class="order">
      <button onClick=${() => remember({ order: order === "newest" ? "oldest" : "newest" })}>
        ${t(`desk.${order}`)}
      </button>
      <button class="help" onClick=${() => onHelp(true)} title=${t("desk.keys_title")}>
        <kbd>?</kbd><span class="unseen">${t("desk.keys_title")}</span>
      </button>
    </span>
  </div>`;
}

export function PickedBar({ picked, start, clear }) {
  if (!picked.length) return null;
  const can = picked.map((alarm) => possible(alarm, serverNow()));
  const names = ["acknowledge", ...VERDICTS].filter((name) => can.some((each) => each[name]));
  return html`<div class="picked-bar" role="status">
    <b>${t("desk.picked", { n: picked.length })}</b>
    ${names.map((name) => html`<button
      key=${name}
      class="button small"
      onClick=${onePress(() => start(name))}
    >
      ${t(`desk.${name}`)}
    </button>`)}
    <button class="button small quiet" onClick=${clear}>${t("dialog.cancel")}</button>
  </div>`;
}
