// What raises an alarm, with the numbers in force: who changed what, since when, and a change of one's own.
import { put, remove } from "../api.js";
import { serverNow } from "../clock.js";
import { AskDialog, useGo } from "../desk/dialogs.js";
import { areaName, dateTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure, personName } from "../parts.js";
import { html, useState } from "../ui.js";
import { KINDS } from "../words/lists.js";
import { Choice, Input, useOwnAreas, wordsOf } from "./inputs.js";
import { useList } from "./list.js";

const PATH = "/api/v1/rules";
const SCOPES = ["all", "kind", "area", "device"];

function targetText({ scope, target }) {
  if (scope === "all") return t("admin.scope_all");
  if (scope === "kind") return word("kind", target);
  return scope === "area" ? areaName(target) : target;
}

const numbersText = (parameters) =>
  Object.entries(parameters ?? {})
    .map(([name, value]) => `${name} = ${value}`)
    .join(t("admin.comma"));

// The newest change for all that holds by now; narrower ones stand in their own list.
function inForce(rule, name, now) {
  const changed = rule.overrides
    .filter((one) => one.scope === "all" && name in one.parameters && Date.parse(one.effective_from) <= now)
    .sort((a, b) => Date.parse(a.effective_from) - Date.parse(b.effective_from))
    .at(-1);
  return changed ? changed.parameters[name] : rule.parameters[name].default;
}

function Target({ scope, chosen }) {
  const areas = useOwnAreas();
  if (scope === "all") return null;
  if (scope === "device") return html`<${Input} label=${t("admin.scope_device")} name="target" required />`;
  const options = scope === "kind" ? wordsOf("kind", KINDS) : areas.map(({ code, name }) => [code, name]);
  return html`<${Choice}
    key=${scope}
    label=${t(`admin.scope_${scope}`)}
    name="target"
    options=${options}
    chosen=${chosen}
  />`;
}

function Change({ rule, onGo, onClose }) {
  const [scope, setScope] = useState("all");
  const send = ({ target = "", ...answer }) => {
    const numbers = Object.keys(rule.parameters).filter((name) => answer[name] !== "");
    if (!numbers.length) throw { text: t("admin.no_number") };
    const parameters = Object.fromEntries(numbers.map((name) => [name, Number(answer[name])]));
    return onGo({ scope, target, parameters });
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const title = t("admin.rule_title", { name: word("code", rule.code) });
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("admin.rule_line")}</p>
      <${Choice}
        label=${t("admin.scope")}
        name="scope"
        options=${SCOPES.map((name) => [name, t(`admin.scope_${name}`)])}
        chosen=${scope}
        onChange=${(event) => setScope(event.target.value)}
      />
      <${Target} scope=${scope} />
      ${Object.entries(rule.parameters).map(([name, one]) => html`<${Input}
        key=${name}
        label=${`${name} (${one.unit})`}
        name=${name}
        type="number"
        step=${one.whole ? 1 : "any"}
        min=${one.least}
        max=${one.most}
        placeholder=${String(inForce(rule, name, serverNow()))}
      />`)}
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

function Numbers({ rule }) {
  return html`<div class="scroll"><table>
    <thead>
      <tr>
        <th>${t("admin.number")}</th>
        <th class="num">${t("admin.in_force")}</th>
        <th class="num">${t("admin.default")}</th>
        <th>${t("admin.source")}</th>
      </tr>
    </thead>
    <tbody>
      ${Object.entries(rule.parameters).map(([name, one]) => html`<tr key=${name}>
        <td>${name}<small>${one.unit}</small></td>
        <td class="num"><b>${inForce(rule, name, serverNow())}</b></td>
        <td class="num">${one.default}</td>
        <td><small>${one.source}</small></td>
      </tr>`)}
    </tbody>
  </table></div>`;
}

function One({ rule, onAsk }) {
  const changes = [...rule.overrides].reverse();
  return html`<details class="rule">
    <summary>
      <b>${word("code", rule.code)}</b>
      <small>
        ${[
          ...rule.kinds.map((kind) => word("kind", kind)),
          word("severity", rule.severity),
          changes.length > 0 && t("admin.changed_n", { n: changes.length }),
        ]
          .filter(Boolean)
          .join(" · ")}
      </small>
    </summary>
    <${Numbers} rule=${rule} />
    ${rule.not_configured > 0 && html`<p class="note">
      ${t("admin.not_configured", { n: rule.not_configured })}
    </p>`}
    <ul class="plain">
      ${changes.map((one) => html`<li key=${one.id}>
        <b>${targetText(one)}</b> ${numbersText(one.parameters)}
        <small>
          ${t("admin.changed_by", {
            who: personName(one.created_by),
            at: dateTime(one.effective_from, true),
          })}
          ${one.faults.length > 0 && html` · <span class="bad">${one.faults.join("; ")}</span>`}
        </small>
        <button class="button small" onClick=${() => onAsk({ kind: "take_back", rule, one })}>
          ${t("admin.take_back")}
        </button>
      </li>`)}
    </ul>
    <div class="buttons start">
      <button class="button" onClick=${() => onAsk({ kind: "change", rule })}>${t("admin.change")}</button>
    </div>
  </details>`;
}

export function Rules() {
  const { items, problem, read } = useList(PATH, {}, null);
  const [asked, setAsked] = useState(null);
  const onClose = () => setAsked(null);
  return html`<section class="card rules">
    <h2><${Icon} name="warn" size="18" />${t("admin.tab.rules")}</h2>
    <p>${t("admin.rules_line")}</p>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.map((rule) => html`<${One} key=${rule.code} rule=${rule} onAsk=${setAsked} />`)}
    ${asked?.kind === "change" && html`<${Change}
      rule=${asked.rule}
      onGo=${(body) => put(`${PATH}/${asked.rule.code}`, body).then(read)}
      onClose=${onClose}
    />`}
    ${asked?.kind === "take_back" && html`<${AskDialog}
      title=${t("admin.take_back_title")}
      line=${t("admin.take_back_line")}
      about=${[`${targetText(asked.one)}${t("admin.comma")}${numbersText(asked.one.parameters)}`]}
      onGo=${() => remove(`${PATH}/${asked.rule.code}/overrides/${asked.one.id}`).then(read)}
      onClose=${onClose}
    />`}
  </section>`;
}
