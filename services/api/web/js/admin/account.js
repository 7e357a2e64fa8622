// A device's account at the broker: made here, shown once with all that a device needs, and the first message
// is seen arriving.
import { post } from "../api.js";
import { serverNow, useNow } from "../clock.js";
import { useGo } from "../desk/dialogs.js";
import { ago, measured, unit } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { useDevice } from "../store.js";
import { html, useState } from "../ui.js";
import { Copied, hideSecret, showSecret, useSecret } from "./secret.js";

const SAMPLES = {
  hydrant: '"pressure_mpa": 0.31',
  electrical: '"residual_current_ma": 12',
  water: '"level_pct": 80',
  panel: '"mains_ok": true',
};
const ONLY_HERE = /^(localhost|127\.[\d.]+|::1)$/;
const TOPICS = ["telemetry", "event", "status", "ack", "command"];

// One line for a shell: the time is taken when it is run.
function testLine({ host, port, tls, client_id, username, password, topics }, kind) {
  const where = `-h ${host} -p ${port}${tls ? " --cafile ca.crt" : ""}`;
  const who = `-i ${client_id} -u ${username} -P '${password}'`;
  const message = `{"ts": $(date +%s)000, "seq": 1, ${SAMPLES[kind]}}`.replace(/"/g, '\\"');
  return `mosquitto_pub ${where} ${who} -q 1 -t ${topics.telemetry} -m "${message}"`;
}

// A rejected message is a sign of life too, and no reading. A clock may be this wrong.
const CLOCK_OFF_MS = 600_000;
const readsSince = ({ kind, state }, since) =>
  kind === "panel" || Object.values(state ?? {}).some(({ ts }) => Date.parse(ts) > since - CLOCK_OFF_MS);

function Arrival({ code, since }) {
  const device = useDevice(code);
  const now = useNow();
  const seen = Date.parse(device?.last_seen ?? 0);
  if (!(seen > since))
    return html`<p class="arrival" role="status">
      <i class="waiting" aria-hidden="true"></i>
      <span>${t("admin.waiting")}<small>${t("admin.waiting_line")}</small></span>
    </p>`;
  if (!readsSince(device, since))
    return html`<p class="arrival" role="status">
      <${Icon} name="warn" size="22" />
      <span>
        ${t("admin.heard", { ago: ago(device.last_seen, now) })}
        <small>${t("admin.heard_line")}</small>
      </span>
      <a class="button small" href="#/system">${t("admin.see_rejects")}</a>
    </p>`;
  const values = Object.entries(device.state ?? {}).map(
    ([field, { value }]) => `${word("field", field)} ${measured(field, value)} ${unit(field)}`,
  );
  return html`<p class="arrival arrived" role="status">
    <${Icon} name="check" size="22" />
    <span>
      ${t("admin.arrived", { ago: ago(device.last_seen, now) })}
      <small>${values.join(" · ")}</small>
    </span>
    <a class="button small" href=${`#/devices/${encodeURIComponent(code)}`}>${t("admin.see_live")}</a>
  </p>`;
}

function Shown({ name, device, made }) {
  return html`<div class="account">
    <p>${t("admin.shown_once")}</p>
    ${ONLY_HERE.test(made.host) && html`<p class="note">${t("admin.only_here", { host: made.host })}</p>`}
    ${made.also_at && html`<p class="note">${t("admin.also_at", { broker: made.also_at })}</p>`}
    <div class="account-data">
      <dl>
        <${Copied} label=${t("admin.host")} text=${made.host} />
        <${Copied} label=${t("admin.port")} text=${String(made.port)} />
        <div class="copied">
          <dt>TLS</dt>
          <dd>${t(made.tls ? "admin.tls" : "admin.no_tls")}</dd>
        </div>
        <${Copied} label=${t("admin.client_id")} text=${made.client_id} />
        <${Copied} label=${t("input.username")} text=${made.username} />
        <${Copied} label=${t("input.password")} text=${made.password} secret />
        ${TOPICS.map((topic) => html`<${Copied}
          key=${topic}
          label=${t(`admin.topic_${topic}`)}
          text=${made.topics[topic]}
        />`)}
      </dl>
      <figure>
        <img src=${made.qr} alt=${t("admin.qr")} width="190" height="190" />
        <figcaption>${t("admin.qr_line")}</figcaption>
      </figure>
    </div>
    <dl><${Copied} label=${t("admin.try_line")} text=${testLine(made, device.kind)} secret /></dl>
    <details class="hint">
      <summary>${t("admin.try_help")}</summary>
      <ul>
        <li>${t("admin.try_tool")} <code>sudo apt install mosquitto-clients</code></li>
        <li>${t("admin.try_tool_windows")}</li>
        ${made.tls && html`<li>
          ${t("admin.try_ca")} <code>scp ${made.host}:…/deploy/secrets/ca.crt .</code>
        </li>`}
      </ul>
    </details>
    <${Arrival} code=${device.code} since=${made.since} />
    <div class="buttons">
      <button class="button primary" onClick=${() => hideSecret(name)}>${t("admin.kept")}</button>
    </div>
  </div>`;
}

function Ask({ device, onGo, onClose }) {
  const { submit, problem, busy } = useGo(onGo, onClose);
  return html`<${Dialog} title=${t("admin.account_title", { code: device.code })} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("admin.account_ask")}</p>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} ready go=${t("admin.make_account")} />
    </form>
  <//>`;
}

export function Account({ device }) {
  const name = `account:${device.code}`;
  const made = useSecret(name);
  const [asking, setAsking] = useState(false);
  const make = async () => {
    const since = serverNow();
    const path = `/api/v1/devices/${encodeURIComponent(device.code)}/credentials`;
    const title = t("admin.account_title", { code: device.code });
    showSecret(name, { title, ...(await post(path)), since });
  };
  return html`<section class="card">
    <h2><${Icon} name="key" size="18" />${t("admin.account")}</h2>
    ${made
      ? html`<${Shown} name=${name} device=${device} made=${made} />`
      : html`
          <p>${t("admin.account_line")}</p>
          <div class="buttons start">
            <button class="button primary" onClick=${() => setAsking(true)}>
              ${t("admin.make_account")}
            </button>
          </div>
        `}
    ${asking && html`<${Ask} device=${device} onGo=${make} onClose=${() => setAsking(false)} />`}
  </section>`;
}
