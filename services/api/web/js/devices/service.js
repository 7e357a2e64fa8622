// Out of service: until when and why, and back into service.
import { post } from "../api.js";
import { serverNow } from "../clock.js";
import { useGo } from "../desk/dialogs.js";
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { may } from "../may.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useState } from "../ui.js";
import { inputTime, inputTimeOf } from "../zone.js";

const DAY_MS = 86_400_000;
const MOST_DAYS = 90; // the API takes no longer one

function OutDialog({ code, onGo, onClose }) {
  const { submit, problem, busy } = useGo(
    ({ until, reason }) => onGo({ until: new Date(inputTimeOf(until)).toISOString(), reason }),
    onClose,
  );
  const now = serverNow();
  return html`<${Dialog} title=${t("devices.out_title", { code })} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("devices.out_line")}</p>
      <label>
        ${t("devices.out_until")}
        <input
          name="until"
          type="datetime-local"
          required
          min=${inputTime(now)}
          max=${inputTime(now + MOST_DAYS * DAY_MS)}
          defaultValue=${inputTime(now + DAY_MS)}
        />
      </label>
      <label>
        ${t("dialog.reason")}
        <input name="reason" required maxlength="200" autofocus />
      </label>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("devices.out_go")} />
    </form>
  <//>`;
}

// `onChange` gets the device as it is now.
export function Service({ device, onChange }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState(null);
  const out = device.status === "out_of_service";
  const path = `/api/v1/devices/${encodeURIComponent(device.code)}/out-of-service`;
  const send = (body) => post(path, body).then(onChange);
  const back = () => {
    setProblem(null);
    send({ until: null, reason: "" }).catch(setProblem);
  };
  return html`
    ${out && html`<p class="service-line">
      <${Icon} name="pause" size="18" />
      <span>
        ${t("handover.until", { at: dateTime(device.out_of_service_until) })} ·${" "}
        ${device.out_of_service_reason}
      </span>
    </p>`}
    ${may("operate") && html`<button class="button small" onClick=${out ? back : () => setAsking(true)}>
      ${t(out ? "devices.back_to_service" : "devices.out")}
    </button>`}
    ${problem && html`<${Failure} problem=${problem} />`}
    ${asking && html`<${OutDialog} code=${device.code} onGo=${send} onClose=${() => setAsking(false)} />`}
  `;
}
