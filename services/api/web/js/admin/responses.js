// What the officer does about an alarm, by its code: our words until the brigade writes its own.
import { get, put } from "../api.js";
import { useGo } from "../desk/dialogs.js";
import { pick, t, word } from "../i18n.js";
import { Icon } from "../icons.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { Changes } from "./changes.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Input, ofCounty } from "./inputs.js";

const PATH = "/api/v1/policies/responses";
const LANGUAGES = ["zh", "en"];
const LONGEST = 500;

function Change({ code, text, onGo, onClose }) {
  const send = (answer) =>
    onGo({ [code]: Object.fromEntries(LANGUAGES.map((name) => [name, answer[name].trim()])) });
  const { submit, problem, busy } = useGo(send, onClose);
  const faults = faultsOf(problem);
  const placed = isPlaced(problem, (field) => LANGUAGES.includes(field.split(".").at(-1)));
  return html`<${Dialog} title=${word("code", code)} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${LANGUAGES.map((name) => html`<${Input}
        key=${name}
        label=${t(`policies.words_${name}`)}
        name=${name}
        area
        rows="3"
        maxlength=${LONGEST}
        defaultValue=${text[name]}
        fault=${faults[`${code}.${name}`]}
      />`)}
      ${problem && !placed && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}

const isOwn = ({ body, defaults }, code) =>
  LANGUAGES.some((name) => body[code][name] !== defaults[code][name]);

export function Responses() {
  const [policy, setPolicy] = useState(null);
  const [problem, setProblem] = useState(null);
  const [code, setCode] = useState(null);
  const read = () => get(PATH).then(setPolicy, setProblem);
  useEffect(() => {
    read();
  }, []);
  return html`<section class="card">
    <h2><${Icon} name="note" size="18" />${t("admin.tab.responses")}</h2>
    <p>${t("policies.responses_line")}</p>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${policy && html`
      <${Changes} policy=${policy} />
      <div class="scroll"><table class="admin-table">
        <thead>
          <tr>
            <th>${t("devices.alarm")}</th>
            <th>${t("policies.to_do")}</th>
            <th>${t("system.act")}</th>
          </tr>
        </thead>
        <tbody>
          ${Object.entries(policy.body).map(([name, text]) => html`<tr key=${name}>
            <td><b>${word("code", name)}</b><small>${isOwn(policy, name) && t("policies.own")}</small></td>
            <td>${pick(text.zh, text.en)}</td>
            <td class="acts">
              ${ofCounty() && html`<button
                class="button small"
                aria-label=${`${t("admin.change")}: ${word("code", name)}`}
                onClick=${() => setCode(name)}
              >
                ${t("admin.change")}
              </button>`}
            </td>
          </tr>`)}
        </tbody>
      </table></div>
    `}
    ${code && html`<${Change}
      code=${code}
      text=${policy.body[code]}
      onGo=${(body) => put(PATH, body, policy.version).then(setPolicy)}
      onClose=${() => {
        setCode(null);
        read(); // somebody else may have changed it meanwhile
      }}
    />`}
  </section>`;
}
