// The duty desk: the queue on the left, one alarm on the right, and the lists for the change of shift.
import { inQueueOrder, isFire, isOpen, isShelved, isWaiting } from "../alarms.js";
import { get } from "../api.js";
import { serverNow } from "../clock.js";
import { t } from "../i18n.js";
import { Empty } from "../parts.js";
import { prefs, remember } from "../prefs.js";
import { go } from "../route.js";
import { live, onDevices, useStore } from "../store.js";
import { html, useEffect, useMemo, useRef, useState } from "../ui.js";
import { CATEGORIES } from "../words/lists.js";
import { Detail } from "./detail.js";
import { FalseAlarms } from "./false-alarms.js";
import { FirstSteps } from "./first-steps.js";
import { Handover } from "./handover.js";
import { Queue } from "./queue.js";

const TABS = ["queue", "handover", "false"];

function choose(alarms, filter, order) {
  const now = serverNow();
  return [...alarms.values()]
    .filter(isOpen)
    .filter((alarm) => (filter === "shelved") === isShelved(alarm, now))
    .filter((alarm) => filter !== "waiting" || isWaiting(alarm))
    .filter((alarm) => !CATEGORIES.includes(filter) || alarm.category === filter)
    .sort(inQueueOrder(order));
}

function Filters({ filter, setFilter, order, alarms }) {
  const now = serverNow();
  const open = [...alarms.values()].filter(isOpen);
  const counts = {
    all: open.filter((alarm) => !isShelved(alarm, now)).length,
    waiting: open.filter((alarm) => isWaiting(alarm) && !isShelved(alarm, now)).length,
    shelved: open.filter((alarm) => isShelved(alarm, now)).length,
  };
  for (const category of CATEGORIES)
    counts[category] = open.filter((alarm) => alarm.category === category && !isShelved(alarm, now)).length;
  const shown = ["all", "waiting", ...CATEGORIES.filter((category) => counts[category]), "shelved"];
  return html`<div class="filters" role="group" aria-label=${t("desk.title")}>
    ${shown.map((name) => html`<button
      key=${name}
      aria-pressed=${filter === name}
      onClick=${() => setFilter(name)}
    >
      ${CATEGORIES.includes(name) ? t(`category.${name}`) : t(`desk.filter.${name}`)} <b>${counts[name]}</b>
    </button>`)}
    <button class="order" onClick=${() => remember({ order: order === "newest" ? "oldest" : "newest" })}>
      ${t(`desk.${order}`)}
    </button>
  </div>`;
}

// Whether the county has no device at all; the first one that shows up ends it.
function useEmpty(suspected) {
  const [empty, setEmpty] = useState(false);
  useEffect(() => {
    if (!suspected) {
      setEmpty(false);
      return undefined;
    }
    get("/api/v1/devices?limit=1").then(
      (page) => setEmpty(page.items.length === 0),
      () => null,
    );
    return onDevices(() => setEmpty(false));
  }, [suspected]);
  return empty;
}

function QueueTab({ chosen, setChosen }) {
  const { alarms, loaded } = useStore(live, (state) => state);
  const order = useStore(prefs, (p) => p.order) ?? "oldest";
  const [filter, setFilter] = useState("all");
  const items = useMemo(() => choose(alarms, filter, order), [alarms, filter, order]);
  const alarm = alarms.get(chosen);
  // With nothing chosen the most urgent alarm is shown, and a new fire takes its place; from the first touch
  // on the choice is the officer's and is never moved away.
  const touched = useRef(!!chosen);
  const touch = () => {
    touched.current = true;
  };
  useEffect(() => {
    if (touched.current || !loaded || !items.length || innerWidth <= 900) return;
    const shown = alarms.get(chosen);
    if (!shown || !isOpen(shown) || (isFire(items[0]) && !isFire(shown))) setChosen(items[0].id);
  }, [loaded, items, chosen]);
  const empty = useEmpty(loaded && alarms.size === 0);
  if (empty) return html`<${FirstSteps} />`;
  return html`<div
    class=${`desk ${chosen ? "has-choice" : ""}`}
    onPointerDownCapture=${touch}
    onKeyDownCapture=${touch}
  >
    <section class="queue-side" aria-label=${t("desk.title")}>
      <${Filters} filter=${filter} setFilter=${setFilter} order=${order} alarms=${alarms} />
      ${!loaded
        ? html`<p class="loading">…</p>`
        : items.length
          ? html`<${Queue}
              items=${items}
              chosen=${chosen}
              onChoose=${(id) => {
                touch();
                setChosen(id);
              }}
            />`
          : filter === "all"
            ? html`<${Empty} title=${t("desk.quiet")} line=${t("desk.quiet_line")} />`
            : html`<${Empty} title=${t("desk.none_here")} />`}
    </section>
    <section class="detail-side" aria-live="off">
      ${chosen
        ? html`<${Detail} key=${chosen} id=${chosen} known=${alarm} onBack=${() => setChosen(null)} />`
        : html`<${Empty} title=${t("desk.choose")} line=${t("desk.keys")} />`}
    </section>
  </div>`;
}

export function Desk({ args }) {
  const tab = TABS.includes(args[0]) ? args[0] : "queue";
  const chosen = Number(args[0]) || null;
  const setChosen = (id) => go(id ? `desk/${id}` : "desk");
  return html`<div class="desk-page">
    <nav class="tabs" aria-label=${t("nav.desk")}>
      ${TABS.map((name) => html`<a
        key=${name}
        aria-current=${tab === name ? "page" : undefined}
        href=${`#/desk${name === "queue" ? "" : `/${name}`}`}
      >
        ${t(`desk.tab.${name}`)}
      </a>`)}
    </nav>
    ${tab === "queue" && html`<${QueueTab} chosen=${chosen} setChosen=${setChosen} />`}
    ${tab === "handover" && html`<${Handover} />`}
    ${tab === "false" && html`<${FalseAlarms} />`}
  </div>`;
}
