// Times and thresholds that change without a release, and the drill: what holds, what would without a change,
// and who changed it when.
import { get, put } from "../api.js";
import { AskDialog, UntilDialog, useGo } from "../desk/dialogs.js";
import { serverNow } from "../clock.js";
import { dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { may } from "../may.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { fieldName } from "../problems.js";
import { live } from "../store.js";
import { html, useState } from "../ui.js";
import { SEVERITIES } from "../words/lists.js";
import { Changes } from "./changes.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Choice, Input, numberOf, ofCounty, wordsOf } from "./inputs.js";
import { useList } from "./list.js";

const PATH = "/api/v1/policies";
// These have a place of their own.
const ELSEWHERE = ["drill", "escalation", "rota", "responses"];
const LONGEST_DRILL_H = 24;

const isPlain = (value) => typeof value === "number" || typeof value === "string";
const shown = (name, value) =>
  name === "notify_from" ? word("severity", value) : isPlain(value) ? String(value) : JSON.stringify(value);

function FieldInput({ name, policy, fault }) {
  const value = policy.body[name];
  const known = { label: fieldName(name), name, fault };
  if (name === "notify_from")
    return html`<${Choice} ...${known} options=${wordsOf("severity", SEVERITIES)} chosen=${value} />`;
  if (typeof policy.defaults[name] === "number")
    return html`<${Input} ...${known} inputmode="decimal" defaultValue=${String(value)} />`;
  if (isPlain(policy.defaults[name]))
    return html`<${Input} ...${known} maxlength="2000" defaultValue=${value} />`;
  return html`<${Input} ...${known} area rows="3" defaultValue=${JSON.stringify(value, null, 1)} />`;
}

// What was written, as the API wants it.
function valueOf(name, policy, text) {
  const sample = policy.defaults[name];
  if (typeof sample === "number") return numberOf(text);
  if (isPlain(sample)) return text.trim();
  try {
    return JSON.parse(text || "null");
  } catch {
    const message = t("policies.no_json");
    throw { code: "invalid", errors: [{ field: name, message, message_zh: message }] };
  }
}

function Change({ policy, onGo, onClose }) {
  const fields = Object.keys(policy.defaults);
  const send = (answer) => {
    const wanted = Object.fromEntries(fields.map((name) => [name, valueOf(name, policy, answer[name])]));
    const changed = Object.entries(wanted).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(policy.body[name]),
    );
    if (!changed.length) throw { text: t("policies.nothing_changed") };
    return onGo(Object.fromEntries(changed));
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const faults = faultsOf(problem);
  const placed = isPlaced(problem, (name) => fields.includes(name));
  const title = t("admin.rule_title", { name: t(`policy.${policy.name}`) });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t(`policy.${policy.name}.line`)}</p>
      ${fields.map((name) => html`<${FieldInput}
        key=${name}
        name=${name}
        policy=${policy}
        fault=${faults[name]}
      />`)}
      ${problem && !placed && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

function One({ policy, onChange }) {
  const fields = Object.keys(policy.defaults);
  const changed = fields.filter(
    (name) => JSON.stringify(policy.body[name]) !== JSON.stringify(policy.defaults[name]),
  );
  return html`<details class="rule">
    <summary>
      <b>${t(`policy.${policy.name}`)}</b>
      <small>${changed.length > 0 && t("policies.changed", { n: changed.length })}</small>
    </summary>
    <p>${t(`policy.${policy.name}.line`)}</p>
    <div class="scroll"><table>
      <thead>
        <tr>
          <th>${t("admin.number")}</th>
          <th class="num">${t("policies.in_force")}</th>
          <th class="num">${t("admin.default")}</th>
        </tr>
      </thead>
      <tbody>
        ${fields.map((name) => html`<tr key=${name}>
          <td>${fieldName(name)}</td>
          <td class="num">
            ${changed.includes(name)
              ? html`<b>${shown(name, policy.body[name])}</b>`
              : shown(name, policy.body[name])}
          </td>
          <td class="num">${shown(name, policy.defaults[name])}</td>
        </tr>`)}
      </tbody>
    </table></div>
    ${policy.faults.map((one) => html`<p class="note" key=${one.field}>
      ${t("policies.fault", { field: one.field ? fieldName(one.field) : policy.name, why: one.message })}
    </p>`)}
    <${Changes} policy=${policy} />
    ${ofCounty() && html`<div class="buttons start">
      <button class="button" onClick=${onChange}>${t("admin.change")}</button>
    </div>`}
  </details>`;
}

function Drill({ policy, onAsk }) {
  const until = policy.body.until;
  const runs = until && Date.parse(until) > serverNow();
  return html`<section class="card">
    <h2><${Icon} name="play" size="18" />${t("policy.drill")}</h2>
    <p>${t("policy.drill.line")}</p>
    <p role="status">
      <b>${runs ? t("admin.until", { at: dateTime(until, true) }) : t("policies.no_drill")}</b>
      ${" "}
      ${may("act") && ofCounty() && html`<button
        class="button small"
        onClick=${() => onAsk({ kind: runs ? "end" : "begin" })}
      >
        ${t(runs ? "policies.drill_end" : "policies.drill_begin")}
      </button>`}
    </p>
    ${policy.version > 0 && html`<${Changes} policy=${policy} />`}
  </section>`;
}

export function Policies() {
  const { items, problem, read } = useList(PATH, {}, null);
  const [asked, setAsked] = useState(null);
  const onClose = () => setAsked(null);
  const drill = items?.find((one) => one.name === "drill");
  const setDrill = (until) =>
    put(`${PATH}/drill`, { until })
      .then(read)
      .then(() => get("/api/v1/system"))
      .then((system) => live.set({ system }));
  return html`
    ${drill && html`<${Drill} policy=${drill} onAsk=${setAsked} />`}
    <section class="card rules">
      <h2><${Icon} name="clock" size="18" />${t("admin.tab.policies")}</h2>
      <p>${t("policies.line")}</p>
      ${problem && html`<${Failure} problem=${problem} />`}
      ${items
        ?.filter((one) => !ELSEWHERE.includes(one.name))
        .map((one) => html`<${One}
          key=${one.name}
          policy=${one}
          onChange=${() => setAsked({ kind: "change", policy: one })}
        />`)}
    </section>
    ${asked?.kind === "change" && html`<${Change}
      policy=${asked.policy}
      onGo=${(body) => put(`${PATH}/${asked.policy.name}`, body, asked.policy.version).finally(read)}
      onClose=${onClose}
    />`}
    ${asked?.kind === "begin" && html`<${UntilDialog}
      title=${t("policies.drill_begin")}
      line=${t("policy.drill.line")}
      most=${LONGEST_DRILL_H}
      reason=${false}
      onGo=${setDrill}
      onClose=${onClose}
    />`}
    ${asked?.kind === "end" && html`<${AskDialog}
      title=${t("policies.drill_end")}
      line=${t("policies.drill_end_line")}
      onGo=${() => setDrill(null)}
      onClose=${onClose}
    />`}
  `;
}
