// Other numbers tried on what was measured: asked for, watched while it runs, and put in force from a date.
import { get, post } from "../api.js";
import { serverNow } from "../clock.js";
import { useGo } from "../desk/dialogs.js";
import { areaName, compact, dateTime } from "../format.js";
import { pick, t, word } from "../i18n.js";
import { Buttons, Dialog, Failure, personName, Severity } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { inputTime, inputTimeOf } from "../zone.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Input } from "./inputs.js";
import { isShown, numbersOf, NumberInputs, numbersText, Scope, targetText } from "./rule-form.js";

const SCOPES = ["all", "area", "device"];
const JUDGED = ["real", "false", "test"];
const DAY_MS = 86_400_000;
const DAYS = 14;
const AGAIN_MS = 2000;
const pathOf = (rule) => `/api/v1/rules/${rule.code}/trials`;
const isOpen = ({ state }) => state === "waiting" || state === "running";
const momentText = (text) => {
  const at = inputTimeOf(text);
  return at === null ? text : new Date(at).toISOString();
};

export function TryNumbers({ rule, onDone, onClose }) {
  const send = async ({ scope, target = "", from, to, ...answer }) => {
    const parameters = numbersOf(rule, answer);
    await post(pathOf(rule), { scope, target, parameters, from: momentText(from), to: momentText(to) });
    onDone();
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const faults = faultsOf(problem);
  const now = serverNow();
  return html`<${Dialog} title=${t("trials.title", { name: word("code", rule.code) })} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("trials.line")}</p>
      <${Scope} label=${t("trials.scope")} scopes=${SCOPES} fault=${faults.target} />
      <${Input}
        label=${t("trials.from")}
        name="from"
        type="datetime-local"
        defaultValue=${inputTime(now - DAYS * DAY_MS)}
        fault=${faults.from}
        required
      />
      <${Input}
        label=${t("trials.to")}
        name="to"
        type="datetime-local"
        defaultValue=${inputTime(now)}
        fault=${faults.to}
        required
      />
      <${NumberInputs} rule=${rule} faults=${faults} />
      ${problem && !isPlaced(problem, (field) => isShown(rule, field)) && html`<${Failure}
        problem=${problem}
      />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("trials.go")} />
    </form>
  <//>`;
}

function Finding({ one }) {
  const name = one.device ?? `${areaName(one.area)} ${t("trials.members", { n: one.members })}`;
  const ended = one.cleared_at ? dateTime(one.cleared_at) : t("trials.stands");
  return html`<li>
    <${Severity} severity=${one.severity} />${" "}
    ${one.device ? html`<a href=${`#/devices/${one.device}`}>${name}</a>` : html`<b>${name}</b>`}
    <small>${dateTime(one.raised_at)} – ${ended}</small>
    ${one.alarm && html`<a href=${`#/desk/history/${one.alarm}`}>
      ${t("trials.alarm", { n: one.alarm })}
      ${JUDGED.includes(one.verification) && ` · ${t(`trials.${one.verification}`)}`}
    </a>`}
    <p>${pick(one.reason, one.reason_en)}</p>
  </li>`;
}

function Part({ name, result }) {
  const count = result.counts[name];
  if (!count) return null;
  const shown = result[name];
  return html`<details class="trial-part">
    <summary>${t(`trials.${name}`, { n: count })}</summary>
    <ul class="plain">
      ${shown.map((one) => html`<${Finding}
        key=${`${one.device ?? one.area} ${one.raised_at}`}
        one=${one}
      />`)}
    </ul>
    ${shown.length < count && html`<p class="hint">${t("trials.first", { n: shown.length })}</p>`}
  </details>`;
}

function Result({ rule, id }) {
  const [result, setResult] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    get(`${pathOf(rule)}/${id}`).then((trial) => setResult(trial.result), setProblem);
  }, [id]);
  if (problem) return html`<${Failure} problem=${problem} />`;
  if (!result) return html`<p class="loading">…</p>`;
  const { before, after, real_missed: lost, real_kept: kept } = result;
  return html`
    <p class="trial-says">
      <b>${t(before === after ? "trials.says_same" : "trials.says", { before, after })}</b>
      ${lost > 0 && html` <span class="bad">${t("trials.real_missed", { n: lost })}</span>`}
      ${lost === 0 && kept > 0 && ` ${t("trials.real_kept", { n: kept })}`}
    </p>
    ${["missed", "new", "both"].map((name) => html`<${Part} key=${name} name=${name} result=${result} />`)}
  `;
}

function Going({ trial, onCancel }) {
  return html`<p class="trial-going">
    <progress max="1" value=${trial.progress} aria-label=${t("trials.state.running")}></progress>
    <small>${t("trials.readings", { n: compact(trial.readings) })}</small>
    <button class="button small" onClick=${onCancel}>${t("trials.cancel")}</button>
  </p>`;
}

function One({ rule, trial, onCancel, onPut }) {
  return html`<li class="trial">
    <b>${numbersText(trial.parameters)}</b>
    <small>
      ${targetText(trial)} · ${dateTime(trial.since, true)} – ${dateTime(trial.until, true)} ·
      ${" "}${personName(trial.created_by)} · ${t(`trials.state.${trial.state}`)}
    </small>
    ${isOpen(trial) && html`<${Going} trial=${trial} onCancel=${onCancel} />`}
    ${trial.state === "failed" && html`<p class="bad">${pick(trial.fault, trial.fault_en)}</p>`}
    ${trial.state === "done" && html`
      <${Result} rule=${rule} id=${trial.id} />
      <button class="button small" onClick=${() => onPut(trial)}>${t("trials.put")}</button>
    `}
  </li>`;
}

// The newest trials of a rule; read again while one of them runs. `tried` grows with each that is asked for.
export function Trials({ rule, tried, onPut }) {
  const [items, setItems] = useState([]);
  const [problem, setProblem] = useState(null);
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let timer;
    const read = () =>
      get(pathOf(rule)).then((page) => {
        setProblem(null);
        setItems(page.items);
        if (page.items.some(isOpen)) timer = setTimeout(read, AGAIN_MS);
      }, setProblem);
    read();
    return () => clearTimeout(timer);
  }, [tried, again]);
  const cancel = (trial) =>
    post(`${pathOf(rule)}/${trial.id}/cancel`).then(
      () => setAgain(again + 1),
      () => setAgain(again + 1), // it had ended meanwhile: the list says so
    );
  return html`
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items.length > 0 && html`<h3>${t("trials.heading")}</h3>
      <ul class="plain trials">
        ${items.map((trial) => html`<${One}
          key=${trial.id}
          rule=${rule}
          trial=${trial}
          onCancel=${() => cancel(trial)}
          onPut=${onPut}
        />`)}
      </ul>`}
  `;
}
