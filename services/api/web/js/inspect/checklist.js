// The questions of one inspection, a note and a photo. What was answered stays in the browser until the
// server has it, and is sent under one id, so that what is sent twice is stored once.
import { send } from "../api.js";
import { serverNow } from "../clock.js";
import { pick, t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure } from "../parts.js";
import { isPassing } from "../problems.js";
import { html, useRef, useState } from "../ui.js";
import { begin, drop, keepDraft, renewed } from "./draft.js";
import { PhotoField } from "./photo.js";

const CHOICES = [
  ["yes", true],
  ["no", false],
  ["none", null],
];
const LONGEST_MS = 60_000; // a photo over a weak network

function Question({ item, answer, onChange }) {
  const title = pick(item.title, item.title_en);
  return html`<fieldset class="inspect-item durations" data-item=${item.item}>
    <legend>${title}</legend>
    ${CHOICES.map(([name, ok]) => html`<label key=${name} class=${`choice-${name}`}>
      <input
        type="radio"
        name=${item.item}
        checked=${answer !== undefined && answer.ok === ok}
        onChange=${() => onChange({ ok, note: answer?.note ?? "" })}
      />
      <span>${t(`inspect.${name}`)}</span>
    </label>`)}
    ${answer?.ok === false && html`<input
      class="inspect-why"
      maxlength="200"
      aria-label=${`${title}: ${t("inspect.why")}`}
      placeholder=${t("inspect.why")}
      value=${answer.note}
      onInput=${(event) => onChange({ ...answer, note: event.target.value })}
    />`}
  </fieldset>`;
}

function Done({ inspection, onAgain }) {
  return html`<section class="card inspect-done" role="status">
    <h2><${Icon} name="check" />${t("inspect.done")}</h2>
    <p>
      ${inspection.failed
        ? t("inspect.done_failed", { n: inspection.failed, hazards: inspection.hazards.join("、") })
        : t("inspect.done_good")}
    </p>
    <button class="button wide" onClick=${onAgain}>${t("inspect.once_more")}</button>
    <a class="button wide" href="#/inspect">${t("inspect.next")}</a>
  </section>`;
}

export function Checklist({ code, list, onDone }) {
  const [draft, setDraft] = useState(() => begin(code));
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const [making, setMaking] = useState(false); // the photo
  const [done, setDone] = useState(null);
  const form = useRef();
  const change = (patch) =>
    setDraft((before) => {
      const changed = { ...before, ...patch };
      keepDraft(code, changed);
      return changed;
    });
  // What was sent already and is changed then is another inspection.
  const edit = (patch) => change(draft.inspected_at ? { ...renewed(), ...patch } : patch);
  const open = list.items.filter((item) => !draft.answers[item.item]);

  async function submit(event) {
    event.preventDefault();
    if (busy || making) return;
    if (open.length) {
      form.current.querySelector(`[data-item="${open[0].item}"] input`).focus();
      return;
    }
    const body = {
      request_id: draft.request_id,
      device: code,
      answers: list.items.map((item) => ({ item: item.item, ...draft.answers[item.item] })),
      note: draft.note,
      inspected_at: draft.inspected_at ?? new Date(serverNow()).toISOString(),
      photo: draft.photo ?? null,
    };
    change({ inspected_at: body.inspected_at }); // sent again it has to be the same
    setBusy(true);
    setProblem(null);
    try {
      const text = JSON.stringify(body);
      setDone(await send("/api/v1/inspections", text, "application/json", { limit_ms: LONGEST_MS }));
      drop(code);
      onDone();
    } catch (refused) {
      const before = refused.status === 409;
      if (before) change(renewed());
      // Nothing is stored, and the time may be what was wrong.
      else if (refused.status === 422) change({ inspected_at: null });
      setProblem(
        before || isPassing(refused) ? { text: t(before ? "inspect.before" : "inspect.kept") } : refused,
      );
    }
    setBusy(false);
  }

  function again() {
    setDraft(begin(code));
    setDone(null);
  }

  function words() {
    if (busy) return t("inspect.sending");
    if (making) return t("inspect.making");
    return open.length ? t("inspect.open", { n: open.length }) : t("inspect.send");
  }

  if (done) return html`<${Done} inspection=${done} onAgain=${again} />`;
  // What is on its way is not changed: it would be gone with the draft.
  return html`<form ref=${form} class="inspect-form" onSubmit=${submit} inert=${busy}>
    ${list.items.map((item) => html`<${Question}
      key=${item.item}
      item=${item}
      answer=${draft.answers[item.item]}
      onChange=${(answer) => edit({ answers: { ...draft.answers, [item.item]: answer } })}
    />`)}
    <label>
      ${t("inspect.note")}
      <textarea
        rows="2"
        maxlength="2000"
        value=${draft.note}
        onInput=${(event) => edit({ note: event.target.value })}
      ></textarea>
    </label>
    <${PhotoField}
      photo=${draft.photo}
      onPhoto=${(photo) => edit({ photo, photo_lost: false })}
      onWork=${setMaking}
    />
    ${draft.photo_lost && html`<p class="failure" role="alert">${t("inspect.photo_lost")}</p>`}
    ${problem && html`<${Failure} problem=${problem} />`}
    <button class="button primary wide" disabled=${busy || making}>${words()}</button>
  </form>`;
}
