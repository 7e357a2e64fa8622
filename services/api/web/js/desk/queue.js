// The queue as it is drawn: a row an alarm, a group where several belong together. Moved through with J/K or
// arrows.
import { isFire } from "../alarms.js";
import { html, useLayoutEffect, useRef, useState } from "../ui.js";
import { Group } from "./group.js";
import { Row } from "./row.js";
import { useWindow } from "./window.js";

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
  lines.flatMap((line) => (line.alarms.length === 1 || isOpen(line) ? line.alarms : [line.alarms[0]]));

function Gap({ px }) {
  const gap = useRef();
  useLayoutEffect(() => {
    gap.current.style.height = `${px}px`;
  }, [px]);
  return html`<li class="queue-gap" aria-hidden="true" ref=${gap}></li>`;
}

const Mark = () => html`<li class="queue-step" aria-hidden="true"></li>`;
const Line = ({ line, desk }) =>
  line.alarms.length === 1
    ? html`<${Row} alarm=${line.alarms[0]} desk=${desk} />`
    : html`<${Group} line=${line} desk=${desk} />`;

export function Queue({ lines, desk }) {
  const { list, marks, first, end, above, below, isStep } = useWindow(lines, desk.chosen);
  const drawn = lines.slice(first, end).flatMap((line, i) => [
    isStep(first + i) && html`<${Mark} key=${`step-${first + i}`} />`,
    html`<${Line} key=${line.key} line=${line} desk=${desk} />`,
  ]);
  return html`<ol class="queue" ref=${list}>
    ${marks && html`<${Gap} key="above" px=${above} />`}
    ${drawn}
    ${marks && html`<${Mark} key="end" />`}
    ${marks && html`<${Gap} key="below" px=${below} />`}
  </ol>`;
}
