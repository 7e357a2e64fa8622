// Alarms that belong together as one line: the fires of one site with their components, or one cause and its
// effects.
import { begunAt, isFire, isOverdue, isWaiting } from "../alarms.js";
import { useNow } from "../clock.js";
import { age } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { may } from "../may.js";
import { alarmName, Chip, classes, deviceName, oneTake, siteOrDevice } from "../parts.js";
import { html } from "../ui.js";
import { isTakable, take } from "./deeds.js";
import { Row } from "./row.js";

const componentOf = (alarm) => alarm.component || alarm.zone || deviceName(alarm);
const oldestOf = (alarms) => alarms.map(begunAt).sort()[0];

function title(alarms) {
  const [worst] = alarms;
  if (isFire(worst)) return siteOrDevice(worst);
  return worst.incident_title || alarmName(worst);
}

export function Group({ line, desk }) {
  const now = useNow();
  const { alarms, key } = line;
  const open = desk.isOpen(line);
  const [worst] = alarms;
  const waiting = alarms.filter(isWaiting);
  const fires = isFire(worst);
  const parts = [...new Set(alarms.map(fires ? componentOf : alarmName))].join("、");
  const chosen = !open && alarms.some((alarm) => alarm.id === desk.chosen);
  return html`
    <li
      class=${classes(
        `row row-${worst.severity} group`,
        waiting.length && "waiting",
        !open && alarms.some((alarm) => isOverdue(alarm, now)) && "loud",
        chosen && "chosen",
      )}
      data-group=${key}
    >
      <button class="row-open" aria-expanded=${open} onClick=${() => desk.toggle(line)} data-incident=${key}>
        <span class="row-mark">
          <${SeverityMark} severity=${worst.severity} size="16" />
          <span class="unseen">${word("severity", worst.severity)}</span>
        </span>
        <span class="row-text">
          <span class="row-name">
            ${title(alarms)}${" "}
            <${Chip}>${t(fires ? "desk.fires" : "desk.members", { n: alarms.length })}<//>
          </span>
          <span class="row-place">${parts}</span>
        </span>
        <span class="row-side">
          <span class="row-age">${age(oldestOf(alarms), now)}</span>
          <span class="row-state">
            ${waiting.length
              ? `${word("state", "unacknowledged")} ${waiting.length}`
              : word("state", worst.state)}
          </span>
        </span>
      </button>
      ${alarms.some(isTakable) && may("act") && html`<button
        class="row-take"
        onClick=${oneTake(() => take(alarms))}
      >
        ${t("desk.take_all")}
      </button>`}
    </li>
    ${open && alarms.map((alarm, i) => html`<${Row}
      key=${alarm.id}
      alarm=${alarm}
      desk=${desk}
      first=${fires && i === 0}
      child
    />`)}
  `;
}
