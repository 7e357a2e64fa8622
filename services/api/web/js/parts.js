// Small parts that several pages draw: chips, ages, alarm names, a dialog frame.
import { SeverityMark } from "./icons.js";
import { areaName } from "./format.js";
import { t, word } from "./i18n.js";
import { problemText } from "./problems.js";
import { html, useEffect, useRef } from "./ui.js";

// Names come from ledgers and devices in any script. Signs that turn the direction of what follows are no
// part of a name; one in Arabic letters is kept apart, or the address behind it, 1-1-001, would read 001-1-1.
const TURNS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const apart = (text) => {
  const plain = text?.replace(TURNS, "");
  return plain && RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
};

// A site is {id, name} beside alarms, an id with `site_name` beside devices.
export const siteName = (thing) => apart(thing?.site?.name || thing?.site_name) || null;
// A device that nobody has named yet is called by its code: a name that is missing is an empty text.
export const deviceName = (alarm) => apart(alarm?.device_name || alarm?.device) || "";
export const siteOrDevice = (alarm) => siteName(alarm) ?? deviceName(alarm);
export const alarmName = (alarm) => word("code", alarm.code);
// Which part of a device: its zone and component, "" for the whole of it.
export const partOf = (alarm) => [alarm.zone, alarm.component].map(apart).filter(Boolean).join(" ");
const joined = (...parts) => parts.filter((part) => part && part !== "–").join(" · ");
// Where a device is, the nearest first: site, device (without the site's name, which is often repeated in
// it), township.
export function devicePlace(alarm) {
  const site = siteName(alarm);
  const device = deviceName(alarm);
  const short = site && device.startsWith(site) ? device.slice(site.length).trim() : device;
  return joined(site, short, areaName(alarm.area));
}
export const alarmPlace = (alarm) => joined(partOf(alarm), devicePlace(alarm));

// Who did something, as people know them: names of users and keys as they are, our own programs in words.
export function personName(actor) {
  if (!actor) return "–";
  const [kind, who] = actor.split(/:(.*)/);
  return ["user", "key"].includes(kind) ? who : word("actor", kind);
}

export const Severity = ({ severity }) => html`<span class=${`severity severity-${severity}`}>
  <${SeverityMark} severity=${severity} />
  ${word("severity", severity)}
</span>`;

export const Status = ({ status }) => html`<span class=${`status status-${status}`}>
  <i aria-hidden="true"></i>
  ${word("status", status)}
</span>`;

export const RiskGrade = ({ risk }) => html`<span
  class=${`chip risk-${risk.grade}`}
  title=${t("risk.what", { n: risk.score })}
>
  <b>${risk.score}</b> ${word("risk", risk.grade)}
</span>`;

// The classes that are given: what is false, null or "" is left out.
export const classes = (...names) => names.filter(Boolean).join(" ");

export const Chip = ({ kind = "", children }) => html`<span class=${`chip ${kind}`}>${children}</span>`;

export function Field({ name, children }) {
  return html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;
}

// Words that tell how long something lasts, or how many came, change and change. A screen reader would begin
// anew with each change and never come to the fire that is announced beside it: it hears `said`, which stays
// as it is.
export const Running = ({ said, role, children }) => html`
  <span aria-hidden="true">${children}</span>
  <span class="unseen" role=${role}>${said}</span>
`;

// A modal of the browser's own: focus stays inside, Escape closes, the rest is inert. Enter presses the
// button that has the focus, never because a key is still held from before; Ctrl+Enter sends the form from
// inside a note.
export function Dialog({ title, onClose, children, danger }) {
  const frame = useRef();
  useEffect(() => {
    const opener = document.activeElement;
    frame.current.showModal();
    const leave = () => (opener?.isConnected ? opener : document.getElementById("content"))?.focus();
    return () => requestAnimationFrame(leave); // by then a button that has done its work is gone
  }, []);
  return html`<dialog
    ref=${frame}
    class=${`dialog ${danger ? "danger" : ""}`}
    aria-label=${title}
    onKeyDown=${(event) => {
      if (event.key !== "Enter") return;
      const composing = event.isComposing || event.keyCode === 229; // it ends a word of the input method
      if (event.repeat || composing) event.preventDefault();
      else if (event.ctrlKey || event.metaKey) frame.current.querySelector("form")?.requestSubmit();
    }}
    onCancel=${(event) => {
      event.preventDefault();
      onClose();
    }}
  >
    <h2>${title}</h2>
    ${children}
  </dialog>`;
}

// What was taken moves away, and the second press of a double click falls on what comes in its place: it
// counts for nothing.
export const onePress = (act) => (event) => {
  if (event.detail > 1) event.preventDefault();
  else act(event);
};

// For a button that goes when it has done its work. Pressed by a key it leaves the focus to what tells of
// the alarm (row, line of the fire bar, heading); else the next Tab would begin at the top of the page.
export const oneTake = (act) =>
  onePress((event) => {
    const place = event.currentTarget.closest("li, article");
    if (event.detail === 0) place.querySelector(".row-open, .fire-acts a, #alarm-name").focus();
    act();
  });

// `ready`: nothing needs to be filled in, so the answer has the focus.
export function Buttons({ onCancel, go, busy, ready = false, kind = "primary" }) {
  return html`<div class="buttons">
    <button type="button" class="button" onClick=${onCancel}>${t("dialog.cancel")}</button>
    <button
      type="submit"
      class=${`button ${kind}`}
      disabled=${busy}
      autofocus=${ready}
      onClick=${onePress(() => null)}
    >
      ${go}
    </button>
  </div>`;
}

export const Empty = ({ title, line }) => html`<div class="empty">
  <strong>${title}</strong>
  ${line && html`<p>${line}</p>`}
</div>`;

export const Failure = ({ problem }) => html`<p class="failure" role="alert">
  ${t("desk.failed", { why: problemText(problem) })}
</p>`;
