// What an alarm says of work on the spot: its device is out of service, its site is being tested. Until when,
// why and by whom; a fire counts as ever.
import { isOut } from "../alarms.js";
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { Chip, personName } from "../parts.js";
import { live, useStore } from "../store.js";
import { html } from "../ui.js";

// The open test window of the alarm's site; what the alarm itself was marked with stays when the window ends.
function useTest(alarm, now) {
  const windows = useStore(live, (state) => state.system?.test_windows);
  return windows?.find((one) => one.site_id === alarm.site?.id && Date.parse(one.until) > now) ?? null;
}

export function MutedChips({ alarm, now }) {
  const test = useTest(alarm, now);
  return html`
    ${isOut(alarm, now) && html`<${Chip} kind="out">${t("status.out_of_service")}<//>`}
    ${(alarm.test_window || test) && html`<${Chip} kind="test">${t("desk.test_window")}<//>`}
  `;
}

const Line = ({ label, one }) => html`<p class="muted-line">
  <${Icon} name="pause" size="18" />
  <span>
    <b>${label}</b>
    ${" "}${t("desk.muted", { until: dateTime(one.until), who: personName(one.by), why: one.reason || "–" })}
  </span>
</p>`;

export function MutedLines({ alarm, now }) {
  const test = useTest(alarm, now);
  return html`
    ${isOut(alarm, now) && html`<${Line} label=${t("desk.device_out")} one=${alarm.out_of_service} />`}
    ${test && html`<${Line} label=${t("desk.site_tested")} one=${test} />`}
  `;
}
