// A device that is being worked on: until when, and why. It ends by itself and never mutes a fire.
import { post } from "../api.js";
import { serverNow } from "../clock.js";
import { useGo } from "../desk/dialogs.js";
import { dateTime } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useState } from "../ui.js";
import { Choice, Input } from "./inputs.js";

const HOUR_MS = 3_600_000;
const SPANS_H = [4, 24, 72, 168, 720, 1440];

const spanText = (hours) =>
  hours < 24 ? t("admin.hours", { n: hours }) : t("admin.days", { n: hours / 24 });

function Until({ device, onGo, onClose }) {
  const [hours, setHours] = useState(24);
  const until = new Date(serverNow() + hours * HOUR_MS).toISOString();
  const { submit, problem, busy } = useGo(({ reason }) => onGo({ until, reason }), onClose);
  const title = t("admin.out_title", { name: device.name || device.code });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("admin.out_line")}</p>
      <${Choice}
        label=${t("dialog.until")}
        name="hours"
        options=${SPANS_H.map((span) => [String(span), spanText(span)])}
        chosen=${String(hours)}
        onChange=${(event) => setHours(Number(event.target.value))}
      />
      <p class="hint">${t("admin.until", { at: dateTime(until, true) })}</p>
      <${Input} label=${t("dialog.reason")} name="reason" required autofocus maxlength="200" />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.take_out_of_service")} />
    </form>
  <//>`;
}

export function OutOfService({ device, onDone }) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState(null);
  const path = `/api/v1/devices/${encodeURIComponent(device.code)}/out-of-service`;
  const set = (body) => post(path, body).then(onDone);
  const isOut = device.status === "out_of_service";
  const back = () => set({ until: null, reason: "" }).then(() => setProblem(null), setProblem);
  return html`<section class="card">
    <h2><${Icon} name="pause" size="18" />${t("admin.service")}</h2>
    <p>
      ${isOut
        ? t("admin.out_until", {
            at: dateTime(device.out_of_service_until, true),
            why: device.out_of_service_reason,
          })
        : t("admin.in_service")}
    </p>
    ${problem && html`<${Failure} problem=${problem} />`}
    <div class="buttons start">
      <button class="button" onClick=${() => setAsking(true)}>
        ${t(isOut ? "admin.change_end" : "admin.take_out_of_service")}
      </button>
      ${isOut && html`<button class="button" onClick=${back}>${t("admin.back_in_service")}</button>`}
    </div>
    ${asking && html`<${Until} device=${device} onGo=${set} onClose=${() => setAsking(false)} />`}
  </section>`;
}
