// What became of taking an alarm, where it was pressed: being tried again, or failed and offered again.
import { t } from "../i18n.js";
import { problemText } from "../problems.js";
import { useStore } from "../store.js";
import { html } from "../ui.js";
import { deeds, take } from "./deeds.js";

export function TakeLine({ alarm }) {
  const deed = useStore(deeds, ({ taking }) => taking.get(alarm.id));
  if (!deed?.problem) return null;
  const why = problemText(deed.problem);
  return html`<p class="take-line" role="alert">
    <span>${t(deed.busy ? "desk.take_again" : "desk.take_failed", { why, n: deed.tries + 1 })}</span>
    ${!deed.busy && html`<button class="button small" onClick=${() => take([alarm])}>
      ${t("desk.retry")}
    </button>`}
  </p>`;
}
