// One alarm in the queue: what, where, since when, its clock, and what became of taking it.
import { begunAt, dispatchOf, isFire, isOverdue, isWaiting } from "../alarms.js";
import { serverNow, useNow } from "../clock.js";
import { age } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { may } from "../may.js";
import { alarmName, alarmPlace, Chip, classes, devicePlace, oneTake, partOf } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useState } from "../ui.js";
import { TakeLine } from "./take-line.js";
import { isTakable, take } from "./deeds.js";
import { EscalationBar } from "./escalation.js";
import { MutedChips } from "./muted.js";

function SentChip({ alarm }) {
  const notices = useStore(live, (state) => state.notices);
  const sent = dispatchOf([...notices.values()], alarm.id);
  return sent
    ? html`<${Chip} kind=${`sent sent-${sent.state}`}>${t(`notice_state.${sent.state}`)}<//>`
    : null;
}

const isJudged = (alarm) => isFire(alarm) && !["none", "pending"].includes(alarm.verification);

const Chips = ({ alarm, first, now }) => html`
  ${first && html`<${Chip} kind="first">${t("desk.first_out")}<//>`}
  ${isFire(alarm) && alarm.confidence && html`<${Chip} kind=${`confidence-${alarm.confidence}`}>
    ${word("confidence", alarm.confidence)}
  <//>`}
  ${isJudged(alarm) && html`<${Chip} kind=${`verdict-${alarm.verification}`}>
    ${word("verification", alarm.verification)}
  <//>`}
  ${isFire(alarm) && html`<${SentChip} alarm=${alarm} />`}
  <${MutedChips} alarm=${alarm} now=${now} />
  ${alarm.drill && html`<${Chip} kind="drill">${t("desk.drill")}<//>`}
`;

// What has a clock, or is so young that its age is told in seconds, is drawn every second.
const YOUNG_MS = 90_000;
const CALM_S = 15;
const FRESH_MS = 5000; // shown as just arrived
const isLively = (alarm) =>
  isFire(alarm) || alarm.severity === "critical" || serverNow() - Date.parse(begunAt(alarm)) < YOUNG_MS;

// `desk` is what the rows share: the choice, the selection and what a press does.
export function Row({ alarm, desk, child, first }) {
  const now = useNow(isLively(alarm) ? 1 : CALM_S, alarm.id % CALM_S);
  const chosen = alarm.id === desk.chosen;
  const picked = desk.picked.has(alarm.id);
  const part = child && isFire(alarm) && partOf(alarm); // what tells it from the others of its site
  const [fresh] = useState(() => serverNow() - Date.parse(begunAt(alarm)) < FRESH_MS);
  const press = (event) =>
    event.ctrlKey || event.metaKey ? desk.pick([alarm]) : desk.choose(alarm.id);
  return html`<li
    class=${classes(
      `row row-${alarm.severity}`,
      fresh && "fresh",
      isWaiting(alarm) && "waiting",
      isOverdue(alarm, now) && "loud",
      chosen && "chosen",
      picked && "picked",
      child && "child",
    )}
  >
    <button
      class="row-open"
      onClick=${press}
      aria-current=${chosen ? "true" : undefined}
      data-alarm=${alarm.id}
    >
      <span class="row-mark">
        <${SeverityMark} severity=${alarm.severity} size="16" />
        <span class="unseen">${word("severity", alarm.severity)}</span>
        ${picked && html`<span class="unseen">${t("desk.picked_one")}</span>`}
      </span>
      <span class="row-text">
        <span class="row-name">
          ${part || alarmName(alarm)}${" "}
          <${Chips} alarm=${alarm} first=${first} now=${now} />
        </span>
        <span class="row-place">${part ? devicePlace(alarm) : alarmPlace(alarm)}</span>
        <${EscalationBar} alarm=${alarm} now=${now} compact />
      </span>
      <span class="row-side">
        <span class="row-age">${age(begunAt(alarm), now)}</span>
        <span class="row-state">${word("state", alarm.state)}</span>
      </span>
    </button>
    ${isTakable(alarm) && may("act") && html`<button
      class="row-take"
      onClick=${oneTake(() => take([alarm]))}
    >
      ${t("desk.acknowledge")}
    </button>`}
    <${TakeLine} alarm=${alarm} />
  </li>`;
}
