// The queue as it is drawn: a row an alarm, a group where several belong together. Moved through with J/K or
// arrows.
import { isFire } from "../alarms.js";
import { t } from "../i18n.js";
import { html, useState } from "../ui.js";
import { Group } from "./group.js";
import { Row } from "./row.js";

const MOST_LINES = 300;

// Which groups are unfolded: fires are, until somebody folds them; causes with their effects are not.
export function useFolds() {
  const [turned, setTurned] = useState(new Set());
  const isOpen = (line) => isFire(line.alarms[0]) !== turned.has(line.key);
  const toggle = (line) =>
    setTurned((before) => {
      const next = new Set(before);
      if (!next.delete(line.key)) next.add(line.key);
      return next;
    });
  return { isOpen, toggle };
}

// What can be moved to, from top to bottom: of a folded group its first alarm.
export const rowsOf = (lines, isOpen) =>
  lines
    .slice(0, MOST_LINES)
    .flatMap((line) => (line.alarms.length === 1 || isOpen(line) ? line.alarms : [line.alarms[0]]));

export function Queue({ lines, desk }) {
  return html`<ol class="queue">
    ${lines
      .slice(0, MOST_LINES)
      .map((line) =>
        line.alarms.length === 1
          ? html`<${Row} key=${line.key} alarm=${line.alarms[0]} desk=${desk} />`
          : html`<${Group} key=${line.key} line=${line} desk=${desk} />`,
      )}
    ${lines.length > MOST_LINES && html`<li class="more">
      ${t("desk.more", { n: lines.length - MOST_LINES })}
    </li>`}
  </ol>`;
}
