// The queue as it is drawn: a row an alarm, a group where several belong together. Moved through with J/K or
// arrows.
import { isFire } from "../alarms.js";
import { t } from "../i18n.js";
import { html, useEffect, useRef, useState } from "../ui.js";
import { Group } from "./group.js";
import { Row } from "./row.js";

export const LINES = 300; // drawn at first, and further ones when the end of the list comes into sight

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
export const rowsOf = (lines, isOpen, most) =>
  lines
    .slice(0, most)
    .flatMap((line) => (line.alarms.length === 1 || isOpen(line) ? line.alarms : [line.alarms[0]]));

function More({ left, onMore }) {
  const end = useRef();
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && onMore());
    watch.observe(end.current);
    return () => watch.disconnect();
  });
  return html`<li class="more" ref=${end}>
    <button class="button small" onClick=${onMore}>${t("desk.more", { n: left })}</button>
  </li>`;
}

export function Queue({ lines, most, onMore, desk }) {
  return html`<ol class="queue">
    ${lines
      .slice(0, most)
      .map((line) =>
        line.alarms.length === 1
          ? html`<${Row} key=${line.key} alarm=${line.alarms[0]} desk=${desk} />`
          : html`<${Group} key=${line.key} line=${line} desk=${desk} />`,
      )}
    ${lines.length > most && html`<${More} left=${lines.length - most} onMore=${onMore} />`}
  </ol>`;
}
