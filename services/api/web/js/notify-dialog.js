// Where notifications are turned on: while the page is open, and while it is closed. What is not available
// says why.
import { dateTime } from "./format.js";
import { learn, t } from "./i18n.js";
import { askForNotifications, notifications } from "./notifications.js";
import { Dialog, Failure } from "./parts.js";
import { hindrance, readPush, turnOff, turnOn } from "./push.js";
import { html, useEffect, useState } from "./ui.js";
import { notify as en } from "./words/en-notify.js";
import { notify as zh } from "./words/zh-notify.js";

learn({ zh, en });
const LOOK_MS = 3000; // whether the first message has arrived

// A browser that refuses, or whose own push service cannot be reached, says so in English at most.
const asProblem = (failed) =>
  failed.code && failed.status !== undefined ? failed : { text: t("notify.browser") };

function usePush() {
  const [state, setState] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const why = hindrance() ?? (state && !state.offered ? "no_way_out" : null);
  const read = () => readPush().then(setState, (failed) => setProblem(asProblem(failed)));
  useEffect(() => {
    if (hindrance()) return undefined;
    read();
    const timer = setInterval(read, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const act = (deed) => async () => {
    setBusy(true);
    setProblem(null);
    try {
      await deed();
    } catch (failed) {
      setProblem(asProblem(failed));
    }
    await read();
    setBusy(false);
  };
  const on = act(async () => {
    if (notifications() === "default") await askForNotifications();
    if (!hindrance()) await turnOn(state);
  });
  return { state, why, problem, busy, on, off: act(turnOff) };
}

// How the last message fared, in words.
function howItGoes({ last_at, accepted_at, last_error }) {
  if (!last_at) return t("notify.first");
  if (last_error) return t("notify.failing", { at: dateTime(last_at) });
  return t("notify.accepted", { at: dateTime(accepted_at) });
}

function Closed() {
  const { state, why, problem, busy, on, off } = usePush();
  return html`<section>
    <h3>${t("notify.closed")}</h3>
    ${why && html`<p class="push-why">${t(`notify.${why}`)}</p>`}
    ${!why && !state && html`<p>…</p>`}
    ${!why && state && !state.on && html`<p>${t("notify.off_line")}</p>`}
    ${!why && state?.on && html`<p class="push-on">${t("notify.on_line")}</p>
      <p class=${state.last_error ? "failure" : "hint"} role="status">${howItGoes(state)}</p>`}
    ${problem && html`<${Failure} problem=${problem} />`}
    ${!why && state && html`<button
      class="button push-switch"
      disabled=${busy}
      onClick=${state.on ? off : on}
    >
      ${t(state.on ? "notify.turn_off" : "notify.turn_on")}
    </button>`}
  </section>`;
}

function Open() {
  const [, draw] = useState(0);
  const allowed = isSecureContext ? notifications() : "insecure";
  return html`<section>
    <h3>${t("notify.open")}</h3>
    <p>${t(`notify.page_${allowed}`)}</p>
    ${allowed === "default" && html`<button
      class="button"
      onClick=${() => askForNotifications().then(() => draw((n) => n + 1))}
    >
      ${t("notify.allow")}
    </button>`}
  </section>`;
}

export function Notifications({ onClose }) {
  return html`<${Dialog} title=${t("menu.notify")} onClose=${onClose}>
    <${Open} />
    <${Closed} />
    <div class="buttons">
      <button class="button primary" onClick=${onClose} autofocus>${t("map.close")}</button>
    </div>
  <//>`;
}
