// The questions asked before an act that matters.
// Each gives its answer to `onGo` and closes when that succeeds.
import { t, word } from "../i18n.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { serverNow } from "../clock.js";
import { html, useRef, useState } from "../ui.js";

const HOURS = [0.5, 1, 2, 4, 8, 24];

// Keeps the dialog open with the reason when the server refuses. A second press, or Ctrl+Enter, while the
// first is on its way does nothing.
export function useGo(onGo, onClose) {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const sent = useRef(false);
  const submit = async (event) => {
    event.preventDefault();
    if (sent.current) return;
    sent.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await onGo(Object.fromEntries(new FormData(event.target)));
      onClose();
    } catch (refused) {
      setProblem(refused);
    }
    sent.current = false;
    setBusy(false);
  };
  return { submit, problem, busy };
}

// What the dialog is about, a line an alarm.
const About = ({ lines }) => lines?.map((line) => html`<p class="about" key=${line}>${line}</p>`);

const Reason = ({ label, required, draft }) => html`<label>
  ${label}
  <textarea
    name="note"
    rows="2"
    maxlength="500"
    required=${required}
    autofocus=${!!required}
    defaultValue=${draft?.text ?? ""}
    onInput=${(event) => draft?.keep(event.target.value)}
  ></textarea>
</label>`;

const Until = ({ most = 24, label }) => html`<fieldset class="durations">
  <legend>${label}</legend>
  ${HOURS.filter((h) => h <= most).map((h) => html`<label key=${h}>
    <input type="radio" name="hours" value=${h} defaultChecked=${h === 1} />
    <span>${h < 1 ? t("span.min", { n: 60 * h }) : t("span.hours", { n: h })}</span>
  </label>`)}
</fieldset>`;

const untilOf = (answer) => new Date(serverNow() + Number(answer.hours) * 3_600_000).toISOString();

export function VerifyDialog({ outcome, about, draft, onGo, onClose }) {
  const { submit, problem, busy } = useGo(onGo, onClose);
  return html`<${Dialog}
    title=${t(`dialog.${outcome}_title`)}
    onClose=${onClose}
    danger=${outcome === "real"}
  >
    <form onSubmit=${submit}>
      <${About} lines=${about} />
      <p>${t(`dialog.${outcome}_line`)}</p>
      <${Reason} label=${t("dialog.note")} draft=${draft} />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons}
        onCancel=${onClose}
        busy=${busy}
        ready
        kind=${outcome === "real" ? "fire" : "primary"}
        go=${outcome === "real" ? t("dialog.real_go") : t("dialog.ok")}
      />
    </form>
  <//>`;
}

const VERDICTS = ["real", "false", "test"];

// Another verdict on a closed fire. The reason is asked for first: it is what has to be thought about.
export function CorrectDialog({ about, was, draft, onGo, onClose }) {
  const { submit, problem, busy } = useGo(onGo, onClose);
  return html`<${Dialog} title=${t("dialog.correct_title")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${About} lines=${about} />
      <p>${t("dialog.correct_line", { was: word("verification", was) })}</p>
      <fieldset class="durations">
        <legend>${t("dialog.correct_to")}</legend>
        ${VERDICTS.filter((name) => name !== was).map((name) => html`<label key=${name}>
          <input type="radio" name="outcome" value=${name} required />
          <span>${word("verification", name)}</span>
        </label>`)}
      </fieldset>
      <${Reason} label=${t("dialog.reason")} required draft=${draft} />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("desk.correct")} />
    </form>
  <//>`;
}

export function NoteDialog({ about, draft, onGo, onClose }) {
  const { submit, problem, busy } = useGo(onGo, onClose);
  return html`<${Dialog} title=${t("dialog.note_title")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${About} lines=${about} />
      <${Reason} label=${t("dialog.note_needed")} required draft=${draft} />
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("dialog.note_go")} />
    </form>
  <//>`;
}

// Anything that must end by itself: shelving, a test window, a drill.
export function UntilDialog({ title, line, about, most, reason = true, draft, onGo, onClose }) {
  const { submit, problem, busy } = useGo((answer) => onGo(untilOf(answer), answer.note ?? ""), onClose);
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${About} lines=${about} />
      <p>${line}</p>
      <${Until} most=${most} label=${t("dialog.until")} />
      ${reason && html`<${Reason} label=${t("dialog.reason")} required draft=${draft} />`}
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("dialog.ok")} />
    </form>
  <//>`;
}

export function AskDialog({ title, line, about, onGo, onClose }) {
  const { submit, problem, busy } = useGo(onGo, onClose);
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      <${About} lines=${about} />
      <p>${line}</p>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} ready go=${t("dialog.ok")} />
    </form>
  <//>`;
}
