// Which platform is told what, and how that goes: state, last answer, backlog, and what can be done.
import { hideSecret, showSecret, useSecret } from "../admin/secret.js";
import { useNow } from "../clock.js";
import { ago, dateTime, latency } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Empty, Failure, personName } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { get, patch, post, query, remove } from "../api.js";
import { AskDialog } from "../desk/dialogs.js";
import { NewDialog, ReplayDialog, Secret } from "./dialogs.js";

const SECRET = "push:subscription";
const PATH = "/api/v1/subscriptions";
const EVERY_MS = 5_000;
const SHOWN = 20;

function useSubscriptions() {
  const [items, setItems] = useState(null);
  const [problem, setProblem] = useState(null);
  const read = () =>
    get(query(PATH, { limit: 200 })).then((page) => {
      setProblem(null);
      setItems(page.items);
    }, setProblem);
  useEffect(() => {
    read();
    const timer = setInterval(read, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return { items, problem, setProblem, read };
}

function Deliveries({ subscription }) {
  const [items, setItems] = useState([]);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get(query(`${PATH}/${subscription.id}/deliveries`, { limit: SHOWN })).then(
      (page) => setItems(page.items),
      setProblem,
    );
  }, [subscription.last_at, subscription.backlog, subscription.dead]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (items.length === 0) return html`<p class="hint">${t("push.no_deliveries")}</p>`;
  return html`<table class="reject-table">
    <thead>
      <tr>
        <th>${t("system.when")}</th>
        <th>${t("push.event")}</th>
        <th>${t("system.state")}</th>
        <th>${t("push.answer")}</th>
      </tr>
    </thead>
    <tbody>
      ${items.map((one) => html`<tr key=${one.event_id} class=${one.state === "dead" ? "attention" : ""}>
        <td>${dateTime(one.time)}</td>
        <td>${word("push.type", one.type)}<small>${one.subject}</small></td>
        <td>
          ${word("push.delivery", one.state)}
          <small>${one.attempts ? t("system.attempts", { n: one.attempts }) : ""}</small>
        </td>
        <td>
          ${one.last_error ?? one.last_status ?? "–"}
          <small>${one.took_ms === null ? "" : latency(one.took_ms / 1000)}</small>
        </td>
      </tr>`)}
    </tbody>
  </table>`;
}

function Answer({ one, now }) {
  if (!one.last_at) return html`<span class="hint">${t("push.never")}</span>`;
  const good = one.failures === 0;
  return html`<span class=${good ? "good" : "bad"}>${one.last_error ?? `HTTP ${one.last_status}`}</span>
    <small>
      ${ago(one.last_at, now)}
      ${good ? "" : ` · ${t("push.failures", { n: one.failures })}`}
    </small>`;
}

function Row({ one, now, act, open, onOpen, onAsk }) {
  const active = one.state === "active";
  const turned = { state: active ? "paused" : "active" };
  return html`<tr class=${`subscription-${one.state}`}>
    <td>
      <b>${one.name}</b>
      <small>${one.url}</small>
      <small>
        ${one.types.map((type) => word("push.type", type)).join("、")} · ${one.areas.join(", ")} ·
        ${" "}${word("push.format", one.format)}
      </small>
      <small>${t("push.answers_for", { who: personName(one.created_by) })}</small>
    </td>
    <td>
      <span class=${`status ${active ? "" : "status-offline"}`}>
        <i aria-hidden="true"></i>${word("push.state", one.state)}
      </span>
      ${one.previous_secret_until && html`<small>
        ${t("push.both_sign", { at: dateTime(one.previous_secret_until) })}
      </small>`}
    </td>
    <td><${Answer} one=${one} now=${now} /></td>
    <td class="num">
      <b>${one.backlog}</b>
      <small>
        ${one.oldest_waiting_at ? ago(one.oldest_waiting_at, now) : ""}
        ${one.dead ? html` <b class="bad">${t("push.dead", { n: one.dead })}</b>` : ""}
      </small>
    </td>
    <td class="num">
      <button class="button small" onClick=${onOpen} aria-expanded=${open}>
        ${t("push.deliveries")}
      </button>
      <button
        class="button small"
        disabled=${!active}
        onClick=${() => act(post(`${PATH}/${one.id}/test`))}
      >
        ${t("push.test")}
      </button>
      <button
        class="button small"
        onClick=${() => act(patch(`${PATH}/${one.id}`, turned, one.version))}
      >
        ${t(active ? "push.pause" : "push.resume")}
      </button>
      <button
        class="button small"
        disabled=${one.state === "disabled"}
        onClick=${() => onAsk({ kind: "replay", one })}
      >
        ${t("push.replay")}
      </button>
      ${["rotate", "remove"].map((kind) => html`<button
        key=${kind}
        class="button small"
        onClick=${() => onAsk({ kind, one })}
      >
        ${t(`push.${kind}`)}
      </button>`)}
    </td>
  </tr>`;
}

function Asked({ asked, onClose, onSecret, read }) {
  const path = asked.one ? `${PATH}/${asked.one.id}` : PATH;
  const dialogs = {
    new: () => html`<${NewDialog}
      onClose=${onClose}
      onGo=${(body) => post(PATH, body).then((made) => onSecret(made.secret)).then(read)}
    />`,
    replay: () => html`<${ReplayDialog}
      name=${asked.one.name}
      onClose=${onClose}
      onGo=${(body) => post(`${path}/replay`, body).then(read)}
    />`,
    rotate: () => html`<${AskDialog}
      title=${t("push.rotate_title")}
      line=${t("push.rotate_line", { name: asked.one.name })}
      onClose=${onClose}
      onGo=${() =>
        post(`${path}/rotate-secret`, {}, asked.one.version)
          .then((made) => onSecret(made.secret))
          .then(read)}
    />`,
    remove: () => html`<${AskDialog}
      title=${t("push.remove_title")}
      line=${t("push.remove_line", { name: asked.one.name })}
      onClose=${onClose}
      onGo=${() => remove(path, asked.one.version).then(read)}
    />`,
  };
  return dialogs[asked.kind]();
}

export function Page() {
  const now = useNow();
  const { items, problem, setProblem, read } = useSubscriptions();
  const [asked, setAsked] = useState(null);
  const kept = useSecret(SECRET);
  const setSecret = (secret) => showSecret(SECRET, { secret, title: t("push.secret_title") });
  const [open, setOpen] = useState(null);
  const act = (call) => call.then(read, setProblem);
  const row = (one) => html`
    <${Row}
      key=${one.id}
      one=${one}
      now=${now}
      act=${act}
      open=${open === one.id}
      onOpen=${() => setOpen(open === one.id ? null : one.id)}
      onAsk=${setAsked}
    />
    ${open === one.id && html`<tr key=${`${one.id}-deliveries`}>
      <td colspan="5"><${Deliveries} subscription=${one} /></td>
    </tr>`}
  `;
  return html`<div class="system">
    ${kept && html`<${Secret} secret=${kept.secret} onClose=${() => hideSecret(SECRET)} />`}
    <section class="card">
      <h3>
        <${Icon} name="link" size="18" />
        ${t("push.title")}
        <small>${t("push.line")}</small>
        <button class="button primary push-new" onClick=${() => setAsked({ kind: "new" })}>
          ${t("push.new")}
        </button>
      </h3>
      ${problem && html`<${Failure} problem=${problem} />`}
      ${items?.length === 0 && html`<${Empty} title=${t("push.none")} line=${t("push.none_line")} />`}
      ${items?.length > 0 && html`<table class="notice-table push-table">
        <thead>
          <tr>
            <th>${t("push.who")}</th>
            <th>${t("system.state")}</th>
            <th>${t("push.answer")}</th>
            <th class="num">${t("push.backlog")}</th>
            <th class="num">${t("system.act")}</th>
          </tr>
        </thead>
        <tbody>${items.map(row)}</tbody>
      </table>`}
    </section>
    ${asked && html`<${Asked}
      asked=${asked}
      read=${read}
      onSecret=${setSecret}
      onClose=${() => setAsked(null)}
    />`}
  </div>`;
}
