// The numbers of a rule as a form: for whom they change, which, and from when on. Trials ask the same way.
import { serverNow } from "../clock.js";
import { useGo } from "../desk/dialogs.js";
import { areaName } from "../format.js";
import { t, word } from "../i18n.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useState } from "../ui.js";
import { KINDS } from "../words/lists.js";
import { inputTimeOf } from "../zone.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Choice, Input, useOwnAreas, wordsOf } from "./inputs.js";

const SCOPES = ["all", "kind", "area", "device"];

export function targetText({ scope, target }) {
  if (scope === "all") return t("admin.scope_all");
  if (scope === "kind") return word("kind", target);
  return scope === "area" ? areaName(target) : target;
}

// What people call a number of a rule, its unit and its source. What a newer server has stays as it is.
const slug = (text) => text.replace(/\W+/g, "_");
const named = (group, text) => {
  const key = `${group}.${slug(text)}`;
  const words = t(key);
  return words === key ? text : words;
};
export const paramName = (name) => named("param", name);
export const unitName = (unit) => named("unit", unit);
export const sourceName = (source) => named("source", source);

export const numbersText = (parameters) =>
  Object.entries(parameters ?? {})
    .map(([name, value]) => `${paramName(name)} ${value}`)
    .join(t("admin.comma"));

// The newest change for all that holds by now; narrower ones stand in their own list.
export function inForce(rule, name, now) {
  const changed = rule.overrides
    .filter((one) => one.scope === "all" && name in one.parameters && Date.parse(one.effective_from) <= now)
    .sort((a, b) => Date.parse(a.effective_from) - Date.parse(b.effective_from))
    .at(-1);
  return changed ? changed.parameters[name] : rule.parameters[name].default;
}

function Target({ scope, chosen, fault }) {
  const areas = useOwnAreas();
  if (scope === "all") return null;
  if (scope === "device")
    return html`<${Input}
      label=${t("admin.scope_device")}
      name="target"
      defaultValue=${chosen ?? ""}
      fault=${fault}
      required
    />`;
  const options = scope === "kind" ? wordsOf("kind", KINDS) : areas.map(({ code, name }) => [code, name]);
  return html`<${Choice}
    key=${scope}
    label=${t(`admin.scope_${scope}`)}
    name="target"
    options=${options}
    chosen=${chosen}
    fault=${fault}
  />`;
}

// `label`: of the choice. `chosen`: {scope, target} to begin with.
export function Scope({ label, scopes = SCOPES, chosen, fault }) {
  const [scope, setScope] = useState(chosen?.scope ?? "all");
  return html`
    <${Choice}
      label=${label}
      name="scope"
      options=${scopes.map((name) => [name, t(`admin.scope_${name}`)])}
      chosen=${scope}
      onChange=${(event) => setScope(event.target.value)}
    />
    <${Target} scope=${scope} chosen=${scope === chosen?.scope ? chosen.target : undefined} fault=${fault} />
  `;
}

export const NumberInputs = ({ rule, chosen = {}, faults = {} }) =>
  Object.entries(rule.parameters).map(([name, one]) => html`<${Input}
    key=${name}
    label=${`${paramName(name)}（${unitName(one.unit)}）`}
    name=${name}
    type="number"
    step=${one.whole ? 1 : "any"}
    min=${one.least}
    max=${one.most}
    placeholder=${String(inForce(rule, name, serverNow()))}
    defaultValue=${chosen[name] ?? ""}
    fault=${faults[`parameters.${name}`]}
  />`);

// What was filled in of a rule's numbers, by name; nothing at all is refused.
export function numbersOf(rule, answer) {
  const names = Object.keys(rule.parameters).filter((name) => answer[name] !== "");
  if (!names.length) throw { text: t("admin.no_number") };
  return Object.fromEntries(names.map((name) => [name, Number(answer[name])]));
}

// `chosen`: {scope, target, parameters} of a trial that is put in force.
export function Change({ rule, chosen, onGo, onClose }) {
  const send = ({ scope, target = "", effective_from, ...answer }) => {
    const parameters = numbersOf(rule, answer);
    const from = inputTimeOf(effective_from);
    return onGo({
      scope,
      target,
      parameters,
      ...(from !== null && { effective_from: new Date(from).toISOString() }),
    });
  };
  const { submit, problem, busy } = useGo(send, onClose);
  const title = t("admin.rule_title", { name: word("code", rule.code) });
  const faults = faultsOf(problem);
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("admin.rule_line")}</p>
      <${Scope} label=${t("admin.scope")} chosen=${chosen} fault=${faults.target} />
      <${NumberInputs} rule=${rule} chosen=${chosen?.parameters} faults=${faults} />
      <${Input}
        label=${t("trials.effective_from")}
        name="effective_from"
        type="datetime-local"
        hint=${t("trials.at_once")}
        fault=${faults.effective_from}
      />
      ${problem && !isPlaced(problem, (field) => isShown(rule, field)) && html`<${Failure}
        problem=${problem}
      />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

const SHOWN = ["target", "effective_from", "to", "from"];

export const isShown = (rule, field) =>
  SHOWN.includes(field) || Object.keys(rule.parameters).some((name) => field === `parameters.${name}`);
