// When somebody last looked at a device, the way to its checklist, and the QR code for its plate.
import { serverNow } from "../clock.js";
import { dateTime } from "../format.js";
import { t } from "../i18n.js";
import { may } from "../may.js";
import { Chip, Field } from "../parts.js";
import { html } from "../ui.js";

export function Inspected({ code, inspection }) {
  if (!inspection) return null; // what the stream tells of a device has none
  const { inspected_at: at, due_at: due, interval_d: interval } = inspection;
  const over = interval && (!due || Date.parse(due) <= serverNow());
  const path = encodeURIComponent(code);
  return html`<${Field} name=${t("devices.inspected")}>
    ${at ? dateTime(at, true) : t("devices.never_inspected")}
    ${over && html` <${Chip} kind="why-chip">${t("devices.inspection_due")}<//>`}
    <span class="inspected-ways">
      ${may("operate") && html`<a class="button small" href=${`#/inspect/${path}`}>
        ${t("devices.inspect")}
      </a>`}
      <a class="button small" href=${`/api/v1/devices/${path}/inspection-qr`} target="_blank">
        ${t("devices.inspection_qr")}
      </a>
    </span>
  <//>`;
}
