// Who is called after how long, and until which answer: the steps in words, and all of them in one form.
import { get, put } from "../api.js";
import { useGo } from "../desk/dialogs.js";
import { span } from "../format.js";
import { t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { SEVERITIES } from "../words/lists.js";
import { Changes } from "./changes.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Choice, Input, numberOf, ofCounty, tickedOf, Ticks, wordsOf } from "./inputs.js";

const PATH = "/api/v1/policies/escalation";
const CHANNELS = ["sms", "voice", "webhook"];
const UNTIL = ["acknowledged", "judged", "closed"];
const MOST_STEPS = 50;

// Which alarms: from a severity up, or one code.
const aboutOptions = (codes) => [
  ...SEVERITIES.map((name) => [`severity:${name}`, t("policies.from_severity", {
    severity: word("severity", name),
  })]),
  ...codes.map((code) => [`code:${code}`, word("code", code)]),
];
const aboutOf = (step) => (step.code ? `code:${step.code}` : `severity:${step.severity ?? "critical"}`);

const stepText = (step) =>
  step.code
    ? word("code", step.code)
    : t("policies.from_severity", { severity: word("severity", step.severity) });

// The form's steps in their order, with the numbers of their lines: a fault names a step by its place.
function stepsOf(answer, lines) {
  return lines.map(({ id }) => {
    const [which, name] = answer[`${id}:about`].split(":");
    return {
      [which]: name,
      after_s: numberOf(answer[`${id}:after_s`]),
      channels: tickedOf(answer, `${id}:channels`),
      until: answer[`${id}:until`],
    };
  });
}

const PLACES = { code: "about", severity: "about" };
const placeOf = (field) => field.match(/^steps\.(\d+)(?:\.(\w+))?/);

// What the API says of step 0's `channels.1` belongs to the field of its line.
function byLine(problem, lines) {
  const found = {};
  for (const [field, message] of Object.entries(faultsOf(problem))) {
    const [, at, part = "about"] = placeOf(field) ?? [];
    if (lines[at]) found[`${lines[at].id}:${PLACES[part] ?? part}`] = message;
  }
  return found;
}

function StepLine({ id, step, codes, faults, onRemove }) {
  const fault = (part) => faults[`${id}:${part}`];
  return html`<div class="columns policy-line" role="group" aria-label=${t("policies.step", { n: id + 1 })}>
    <${Choice}
      label=${t("policies.about")}
      name=${`${id}:about`}
      options=${aboutOptions(codes)}
      chosen=${aboutOf(step)}
      fault=${fault("about")}
    />
    <${Input}
      label=${t("policies.after_s")}
      name=${`${id}:after_s`}
      inputmode="decimal"
      defaultValue=${String(step.after_s)}
      fault=${fault("after_s")}
    />
    <${Choice}
      label=${t("policies.until")}
      name=${`${id}:until`}
      options=${UNTIL.map((name) => [name, t(`admin.until_${name}`)])}
      chosen=${step.until}
      fault=${fault("until")}
    />
    <${Ticks}
      label=${t("policies.channels")}
      name=${`${id}:channels`}
      options=${wordsOf("admin.channel", CHANNELS)}
      chosen=${step.channels}
      fault=${fault("channels")}
    />
    <button type="button" class="button small" onClick=${onRemove}>${t("admin.take_out")}</button>
  </div>`;
}

function Change({ policy, codes, onGo, onClose }) {
  const [lines, setLines] = useState(() => policy.body.steps.map((step, id) => ({ id, step })));
  const [next, setNext] = useState(lines.length);
  const { submit, problem, busy } = useGo((answer) => onGo({ steps: stepsOf(answer, lines) }), onClose);
  const faults = byLine(problem, lines);
  const placed = isPlaced(problem, placeOf);
  const add = () => {
    setLines([...lines, { id: next, step: { after_s: 300, channels: ["sms"], until: "acknowledged" } }]);
    setNext(next + 1);
  };
  return html`<${Dialog} title=${t("policies.escalation_title")} onClose=${onClose}>
    <form onSubmit=${submit} class="policy-form">
      <p>${t("policies.escalation_line")}</p>
      ${lines.map(({ id, step }) => html`<${StepLine}
        key=${id}
        id=${id}
        step=${step}
        codes=${codes}
        faults=${faults}
        onRemove=${() => setLines(lines.filter((line) => line.id !== id))}
      />`)}
      ${lines.length === 0 && html`<p class="note">${t("policies.no_steps")}</p>`}
      ${lines.length < MOST_STEPS && html`<button type="button" class="button small" onClick=${add}>
        ${t("policies.add_step")}
      </button>`}
      ${problem && !placed && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

export function EscalationCard() {
  const [policy, setPolicy] = useState(null);
  const [codes, setCodes] = useState([]);
  const [problem, setProblem] = useState(null);
  const [changing, setChanging] = useState(false);
  const read = () => get(PATH).then(setPolicy, setProblem);
  useEffect(() => {
    read();
    get("/api/v1/policies/responses").then((read) => setCodes(Object.keys(read.defaults)), setProblem);
  }, []);
  return html`<section class="card">
    <h2>
      <${Icon} name="clock" size="18" />${t("admin.escalation")}
      ${policy && ofCounty() && html`<button class="button small new" onClick=${() => setChanging(true)}>
        ${t("admin.change")}
      </button>`}
    </h2>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${policy?.body.steps.length === 0 && html`<p class="note">${t("policies.no_steps")}</p>`}
    <ol class="plain">
      ${policy?.body.steps.map((step, n) => html`<li key=${n}>
        <b>${stepText(step)}</b>
        ${" "}
        ${t("admin.after", { span: span(step.after_s) })}
        ${" "}
        ${step.channels.map((each) => word("admin.channel", each)).join(t("admin.comma"))}
        <small>${t("admin.step_until", { until: t(`admin.until_${step.until}`) })}</small>
      </li>`)}
    </ol>
    ${policy && html`<${Changes} policy=${policy} long />`}
    ${changing && html`<${Change}
      policy=${policy}
      codes=${codes}
      onGo=${(body) => put(PATH, body, policy.version).then(setPolicy)}
      onClose=${() => {
        setChanging(false);
        read(); // somebody else may have changed it meanwhile
      }}
    />`}
  </section>`;
}
