// The clock that only a verdict stops: how long until an unverified fire goes to 119 by itself.
import { begunAt, isUnverified, untilEscalation } from "../alarms.js";
import { countdown } from "../format.js";
import { t } from "../i18n.js";
import { html } from "../ui.js";

const LAST_CALL_MS = 30_000;

export function EscalationBar({ alarm, now, compact }) {
  const left = untilEscalation(alarm, now);
  if (left === null || !isUnverified(alarm)) return null;
  const whole = Math.max(1, Date.parse(alarm.escalates_at) - Date.parse(begunAt(alarm)));
  const over = left <= 0;
  const label = over ? t("desk.escalated") : `${countdown(left)} ${t("desk.escalates_in")}`;
  return html`<span
    class=${`escalation ${compact ? "compact" : ""} ${over ? "over" : left < LAST_CALL_MS ? "soon" : ""}`}
    role=${compact ? undefined : "timer"}
  >
    <span class="escalation-text">
      ${over
        ? t("desk.escalated")
        : html`<b>${countdown(left)}</b> ${t(compact ? "desk.escalates_short" : "desk.escalates_in")}`}
    </span>
    <progress max=${whole} value=${over ? 0 : left} aria-label=${label}></progress>
    ${!compact && !over && html`<small>${t("desk.clock_why")}</small>`}
  </span>`;
}
