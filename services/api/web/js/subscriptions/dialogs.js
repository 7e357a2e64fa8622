// Questions of the page of subscriptions: a new one, what is sent again, and the secret that is shown once.
import { t, word } from "../i18n.js";
import { serverNow } from "../clock.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useEffect, useRef } from "../ui.js";
import { useGo } from "../desk/dialogs.js";

const TYPES = [
  "fire.confirmed",
  "alarm.raised",
  "alarm.updated",
  "alarm.escalated",
  "alarm.cleared",
  "alarm.closed",
  "device.status",
  "hazard.changed",
  "risk.changed",
];
const HOURS = [1, 4, 24, 72, 720];

// What was ticked; nothing is everything. A form keeps one value of a name, so each box has its own.
const typesOf = (answer) => {
  const ticked = TYPES.filter((type) => answer[type]);
  return ticked.length ? ticked : ["*"];
};

export function NewDialog({ onGo, onClose }) {
  const send = (answer) =>
    onGo({ name: answer.name, url: answer.url, format: answer.format, types: typesOf(answer) });
  const { submit, problem, busy } = useGo(send, onClose);
  return html`<${Dialog} title=${t("push.new")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <label>${t("push.name")}<input name="name" required maxlength="200" /></label>
      <label>
        ${t("push.url")}
        <input name="url" type="url" required maxlength="2000" placeholder="https://" />
      </label>
      <label>
        ${t("push.as")}
        <select name="format">
          ${["cloudevents", "cap"].map((format) => html`<option key=${format} value=${format}>
            ${word("push.format", format)}
          </option>`)}
        </select>
      </label>
      <fieldset class="push-types">
        <legend>${t("push.types")}</legend>
        ${TYPES.map((type) => html`<label key=${type}>
          <input type="checkbox" name=${type} />${word("push.type", type)}
        </label>`)}
      </fieldset>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("push.new_go")} />
    </form>
  <//>`;
}

export function ReplayDialog({ name, onGo, onClose }) {
  const send = (answer) =>
    onGo({ from: new Date(serverNow() - Number(answer.hours) * 3_600_000).toISOString() });
  const { submit, problem, busy } = useGo(send, onClose);
  return html`<${Dialog} title=${t("push.replay_title")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("push.replay_line", { name })}</p>
      <label>
        ${t("push.since")}
        <select name="hours">
          ${HOURS.map((hours) => html`<option key=${hours} value=${hours}>
            ${t("push.last_hours", { n: hours })}
          </option>`)}
        </select>
      </label>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("push.replay")} />
    </form>
  <//>`;
}

// Shown once: it stands in the page, not in a dialog that a stray key closes.
export function Secret({ secret, onClose }) {
  const card = useRef();
  useEffect(() => card.current.focus(), []);
  const title = t("push.secret_title");
  return html`<section class="card secret-card" ref=${card} tabindex="-1" aria-label=${title}>
    <h3>${title}</h3>
    <p>${t("push.secret_line")}</p>
    <p><code class="push-secret">${secret}</code></p>
    <div class="buttons">
      <button type="button" class="button primary" onClick=${onClose}>${t("push.secret_go")}</button>
    </div>
  </section>`;
}
