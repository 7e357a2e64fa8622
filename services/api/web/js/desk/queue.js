// The queue: one row per alarm, moved through with J/K or the arrows, taken with one click.
import { dispatchOf, groupByIncident, isFire, isOverdue, isWaiting } from "../alarms.js";
import { acknowledge, mayAct } from "./acts.js";
import { EscalationBar } from "./escalation.js";
import { useNow } from "../clock.js";
import { age } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { alarmName, alarmPlace, Chip, classes } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../ui.js";

const MOST_ROWS = 300;

function SentChip({ alarm }) {
  const notices = useStore(live, (state) => state.notices);
  const sent = isFire(alarm) && dispatchOf([...notices.values()], alarm.id);
  return sent
    ? html`<${Chip} kind=${`sent sent-${sent.state}`}>${t(`notice_state.${sent.state}`)}<//>`
    : null;
}

function Row({ alarm, chosen, onChoose, now, child }) {
  const loud = isOverdue(alarm, now);
  const row = useRef();
  useEffect(() => {
    if (chosen) row.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return html`<li
    ref=${row}
    class=${classes(
      `row row-${alarm.severity}`,
      isWaiting(alarm) && "waiting",
      loud && "loud",
      chosen && "chosen",
      child && "child",
    )}
  >
    <button
      class="row-open"
      onClick=${() => onChoose(alarm.id)}
      aria-current=${chosen ? "true" : undefined}
      data-alarm=${alarm.id}
    >
      <span class="row-mark">
        <${SeverityMark} severity=${alarm.severity} size="16" />
        <span class="unseen">${word("severity", alarm.severity)}</span>
      </span>
      <span class="row-text">
        <span class="row-name">
          ${alarmName(alarm)}
          ${isFire(alarm) && alarm.confidence && html`<${Chip} kind=${`confidence-${alarm.confidence}`}>
            ${word("confidence", alarm.confidence)}
          <//>`}
          ${isFire(alarm)
            && !["none", "pending"].includes(
              alarm.verification,
            ) && html`<${Chip} kind=${`verdict-${alarm.verification}`}>
            ${word("verification", alarm.verification)}
          <//>`}
          <${SentChip} alarm=${alarm} />
          ${alarm.test_window && html`<${Chip} kind="test">${t("desk.test_window")}<//>`}
          ${alarm.drill && html`<${Chip} kind="drill">${t("desk.drill")}<//>`}
        </span>
        <span class="row-place">${alarmPlace(alarm)}</span>
        <${EscalationBar} alarm=${alarm} now=${now} compact />
      </span>
      <span class="row-side">
        <span class="row-age">${age(alarm.opened_at, now)}</span>
        <span class="row-state">${word("state", alarm.state)}</span>
      </span>
    </button>
    ${["unacknowledged", "returned"].includes(alarm.state) && mayAct() && html`<button
      class="row-take"
      onClick=${() => acknowledge(alarm).catch(() => onChoose(alarm.id))}
    >
      ${t("desk.acknowledge")}
    </button>`}
  </li>`;
}

// One cause, one line: the children are there when asked for.
function Group({ entry, chosen, onChoose, now }) {
  const [open, setOpen] = useState(entry.alarms.some((alarm) => alarm.id === chosen));
  const [worst] = entry.alarms;
  const waiting = entry.alarms.filter(isWaiting);
  const oldest = entry.alarms.reduce(
    (least, alarm) => (alarm.opened_at < least ? alarm.opened_at : least),
    worst.opened_at,
  );
  return html`
    <li class=${`row row-${worst.severity} group ${waiting.length ? "waiting" : ""}`}>
      <button
        class="row-open"
        aria-expanded=${open}
        onClick=${() => setOpen(!open)}
        data-incident=${entry.incident}
      >
        <span class="row-mark">
          <${SeverityMark} severity=${worst.severity} size="16" />
          <span class="unseen">${word("severity", worst.severity)}</span>
        </span>
        <span class="row-text">
          <span class="row-name">
            ${worst.incident_title || alarmName(worst)}${" "}
            <${Chip}>${t("desk.members", { n: entry.alarms.length })}<//>
          </span>
          <span class="row-place">${[...new Set(entry.alarms.map(alarmName))].join("、")}</span>
        </span>
        <span class="row-side">
          <span class="row-age">${age(oldest, now)}</span>
          <span class="row-state">
            ${waiting.length
              ? `${word("state", "unacknowledged")} ${waiting.length}`
              : word("state", worst.state)}
          </span>
        </span>
      </button>
      ${waiting.length > 0 && mayAct() && html`<button
        class="row-take"
        onClick=${() => Promise.allSettled(waiting.map(acknowledge))}
      >
        ${t("desk.take_all")}
      </button>`}
    </li>
    ${open
    && entry.alarms.map((alarm) => html`<${Row}
      key=${alarm.id}
      alarm=${alarm}
      chosen=${alarm.id === chosen}
      onChoose=${onChoose}
      now=${now}
      child
    />`)}
  `;
}

export function Queue({ items, chosen, onChoose }) {
  const now = useNow();
  const entries = groupByIncident(items);
  // The keys act on what is drawn now and are heard from the moment it is drawn: a quick second press must
  // neither meet an old choice nor fall between two listeners.
  const drawn = useRef();
  drawn.current = { items, chosen, onChoose };
  useLayoutEffect(() => {
    const press = (event) => {
      if (
        event.target.closest?.("input, textarea, select, dialog")
        || event.ctrlKey
        || event.metaKey
        || event.altKey
      )
        return;
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
      const { items: rows, chosen: from, onChoose: choose } = drawn.current;
      if (!step || !rows.length) return;
      event.preventDefault();
      const at = rows.findIndex((alarm) => alarm.id === from);
      choose(rows[Math.min(rows.length - 1, Math.max(0, at + step))].id);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return html`<ol class="queue">
    ${entries
      .slice(0, MOST_ROWS)
      .map((entry) =>
        entry.alarm
          ? html`<${Row}
              key=${entry.alarm.id}
              alarm=${entry.alarm}
              chosen=${entry.alarm.id === chosen}
              onChoose=${onChoose}
              now=${now}
            />`
          : html`<${Group}
              key=${`incident-${entry.incident}`}
              entry=${entry}
              chosen=${chosen}
              onChoose=${onChoose}
              now=${now}
            />`,
      )}
    ${entries.length > MOST_ROWS && html`<li class="more">
      ${t("desk.more", { n: entries.length - MOST_ROWS })}
    </li>`}
  </ol>`;
}
