// The fires that nobody has judged, on every page: site, components, the running clock, Take and Open. It is
// part of the frame, so no scrolling and no choice hides it.
import { isOverdue, isWaiting, untilEscalation } from "./alarms.js";
import { useNow } from "./clock.js";
import { isTakable, take } from "./desk/deeds.js";
import { TakeLine } from "./desk/take-line.js";
import { burning } from "./fires.js";
import { countdown } from "./format.js";
import { Icon } from "./icons.js";
import { t } from "./i18n.js";
import { may } from "./may.js";
import { classes, oneTake, partOf, siteOrDevice } from "./parts.js";
import { live, useStore } from "./store.js";
import { html } from "./ui.js";

const MOST_SITES = 2;
const MOST_PARTS = 3;

const partName = (alarm) => partOf(alarm) || t("desk.whole_device");

function Fire({ alarms, now }) {
  const [first] = alarms;
  const untaken = alarms.filter(isWaiting);
  const lead = untaken[0] ?? first;
  const left_ms = Math.min(...alarms.map((alarm) => untilEscalation(alarm, now) ?? Infinity));
  const parts = alarms.slice(0, MOST_PARTS).map(partName);
  const more = alarms.length - parts.length;
  return html`<li
    class=${classes(
      "fire-line",
      untaken.length && "untaken",
      untaken.some((alarm) => isOverdue(alarm, now)) && "loud",
    )}
    data-fire=${lead.id}
  >
    <${Icon} name="fire" size="20" />
    <b class="fire-site">${siteOrDevice(first)}</b>
    <span class="fire-parts">
      ${parts.join("、")}${more > 0 ? ` ${t("desk.and_more", { n: more })}` : ""}
    </span>
    <span class="fire-clock">
      ${left_ms === Infinity
        ? ""
        : left_ms > 0
          ? html`<b>${countdown(left_ms)}</b> <span>${t("desk.escalates_short")}</span>`
          : t("desk.escalated")}
    </span>
    <span class="fire-acts">
      ${may("act") && alarms.some(isTakable) && html`<button
        class="button small"
        onClick=${oneTake(() => take(alarms))}
      >
        ${t("desk.acknowledge")}${untaken.length > 1 ? ` ${untaken.length}` : ""}
      </button>`}
      ${!untaken.length && html`<span class="fire-taken">${t("firebar.taken")}</span>`}
      <a class="button small" href=${`#/desk/${lead.id}`}>${t("firebar.open")}</a>
    </span>
    ${alarms.map((alarm) => html`<${TakeLine} key=${alarm.id} alarm=${alarm} />`)}
  </li>`;
}

export function FireBar() {
  const now = useNow();
  const alarms = useStore(live, (state) => state.alarms);
  const lines = burning(alarms.values());
  const more = lines.slice(MOST_SITES);
  return html`<section class="fires" aria-label=${t("category.fire")}>
    ${lines.length > 0 && html`<ul>
      ${lines.slice(0, MOST_SITES).map((line) => html`<${Fire}
        key=${line.key}
        alarms=${line.alarms}
        now=${now}
      />`)}
      ${more.length > 0 && html`<li class="fire-line fire-more">
        <a href=${`#/desk/${more[0].alarms[0].id}`}>${t("firebar.more", {
          n: more.length,
          fires: more.reduce((sum, line) => sum + line.alarms.length, 0),
        })}</a>
      </li>`}
    </ul>`}
  </section>`;
}

// Where the pill of the header leads: to the fire that waits longest.
export function mostUrgent(alarms) {
  const fires = burning(alarms).flatMap((line) => line.alarms);
  return fires.find(isWaiting) ?? fires[0];
}
