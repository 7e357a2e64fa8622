// What raises an alarm, with the numbers in force: who changed what, since when, and a change of one's own.
import { put, remove } from "../api.js";
import { serverNow } from "../clock.js";
import { AskDialog } from "../desk/dialogs.js";
import { dateTime } from "../format.js";
import { learn, t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure, personName } from "../parts.js";
import { html, useState } from "../ui.js";
import { params as enParams } from "../words/en-params.js";
import { trials as en } from "../words/en-trials.js";
import { params as zhParams } from "../words/zh-params.js";
import { trials as zh } from "../words/zh-trials.js";
import { useList } from "./list.js";
import { Change, inForce, numbersText, paramName, sourceName, targetText, unitName } from "./rule-form.js";
import { Trials, TryNumbers } from "./trials.js";

learn({ zh: { ...zh, ...zhParams }, en: { ...en, ...enParams } });

const PATH = "/api/v1/rules";

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
        <td>${paramName(name)}<small>${unitName(one.unit)} · <code>${name}</code></small></td>
        <td class="num"><b>${inForce(rule, name, serverNow())}</b></td>
        <td class="num">${one.default}</td>
        <td><small>${sourceName(one.source)}</small></td>
      </tr>`)}
    </tbody>
  </table></div>`;
}

function One({ rule, onAsk, tried }) {
  const [open, setOpen] = useState(false);
  const changes = [...rule.overrides].reverse();
  return html`<details class="rule" onToggle=${(event) => setOpen(event.target.open)}>
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
      ${rule.tried && html`<button class="button" onClick=${() => onAsk({ kind: "try", rule })}>
        ${t("trials.try")}
      </button>`}
    </div>
    ${open && rule.tried && html`<${Trials}
      rule=${rule}
      tried=${tried}
      onPut=${(chosen) => onAsk({ kind: "change", rule, chosen })}
    />`}
  </details>`;
}

export function Rules() {
  const { items, problem, read } = useList(PATH, {}, null);
  const [asked, setAsked] = useState(null);
  const [tried, setTried] = useState(0); // how many trials were asked for here
  const onClose = () => setAsked(null);
  return html`<section class="card rules">
    <h2><${Icon} name="warn" size="18" />${t("admin.tab.rules")}</h2>
    <p>${t("admin.rules_line")}</p>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.map((rule) => html`<${One}
      key=${rule.code}
      rule=${rule}
      onAsk=${setAsked}
      tried=${tried}
    />`)}
    ${asked?.kind === "try" && html`<${TryNumbers}
      rule=${asked.rule}
      onDone=${() => setTried(tried + 1)}
      onClose=${onClose}
    />`}
    ${asked?.kind === "change" && html`<${Change}
      rule=${asked.rule}
      chosen=${asked.chosen}
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
