// The menu behind the user's name: who one is, the own password, language, theme, notifications, and the way
// out.
import { put, remove } from "./api.js";
import { useGo } from "./desk/dialogs.js";
import { areaName } from "./format.js";
import { Icon } from "./icons.js";
import { t, word } from "./i18n.js";
import { forget } from "./kept.js";
import { Notifications } from "./notify-dialog.js";
import { Buttons, Dialog, Failure } from "./parts.js";
import { darkNow, prefs, remember } from "./prefs.js";
import { leavePush } from "./push.js";
import { go } from "./route.js";
import { OtherSessions } from "./sessions.js";
import { speakTheOther } from "./spoken.js";
import { live, useStore } from "./store.js";
import { stopStream } from "./stream.js";
import { html, useEffect, useRef, useState } from "./ui.js";

async function signOut() {
  forget(); // first: without a network the rest fails, and nothing may stay here all the same
  leavePush(); // not waited for: it may ask the browser's push service
  await remove("/api/v1/session");
  stopStream();
  live.set({ session: null, alarms: new Map(), notices: new Map(), system: null, loaded: false });
}

function SignOut({ onClose }) {
  const { submit, problem, busy } = useGo(signOut, () => null);
  const unkept = useStore(live, (state) => state.unkept ?? 0);
  return html`<${Dialog} title=${t("menu.out_title")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("menu.out_line")}</p>
      ${unkept > 0 && html`<p class="note">${t("menu.out_unkept", { n: unkept })}</p>`}
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} ready go=${t("logout")} />
    </form>
  <//>`;
}

const LEAST_PASSWORD = 8;

function Password({ onClose }) {
  const { submit, problem, busy } = useGo(
    ({ current, fresh }) => put("/api/v1/session/password", { current, new: fresh }),
    onClose,
  );
  return html`<${Dialog} title=${t("menu.password")} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${t("menu.password_line", { n: LEAST_PASSWORD })}</p>
      <label>
        ${t("menu.password_now")}
        <input name="current" type="password" autocomplete="current-password" required autofocus />
      </label>
      <label>
        ${t("menu.password_new")}
        <input
          name="fresh"
          type="password"
          autocomplete="new-password"
          minlength=${LEAST_PASSWORD}
          required
        />
      </label>
      ${problem && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("dialog.ok")} />
    </form>
  <//>`;
}

const DIALOGS = { password: Password, notify: Notifications, sessions: OtherSessions, out: SignOut };

// Closes on Escape, on a press elsewhere and when the focus leaves it.
function useMenu() {
  const [open, setOpen] = useState(false);
  const frame = useRef();
  useEffect(() => {
    if (!open) return undefined;
    const close = (event) => {
      if (event.key ? event.key === "Escape" : !frame.current?.contains(event.target)) setOpen(false);
    };
    for (const name of ["pointerdown", "keydown", "focusin"]) addEventListener(name, close);
    return () => {
      for (const name of ["pointerdown", "keydown", "focusin"]) removeEventListener(name, close);
    };
  }, [open]);
  return { open, setOpen, frame };
}

export function UserMenu() {
  const session = useStore(live, (state) => state.session);
  useStore(prefs, (p) => p);
  const { open, setOpen, frame } = useMenu();
  const [ask, setAsk] = useState(null);
  const item = (label, act, icon) => html`<button
    class="menu-item"
    onClick=${() => {
      setOpen(false);
      act();
    }}
  >
    <${Icon} name=${icon} size="18" />${label}
  </button>`;
  const Asked = DIALOGS[ask];
  return html`<div class="user-menu" ref=${frame}>
    <button
      class="tool"
      id="user"
      aria-expanded=${open}
      aria-label=${`${t("menu.title")}: ${session.username}`}
      onClick=${() => setOpen(!open)}
    >
      <${Icon} name="person" />
      <span class="who">${session.name || session.username}</span>
    </button>
    ${open && html`<div class="menu">
      <p>
        <b>${session.name || session.username}</b>
        <small>${session.name ? `${session.username} · ` : ""}${word("role", session.role)}</small>
        <small>
          ${session.areas.includes("*") ? t("map.all_areas") : session.areas.map(areaName).join(t("comma"))}
        </small>
      </p>
      ${item(t("menu.password"), () => setAsk("password"), "door")}
      ${item(t("menu.sessions"), () => setAsk("sessions"), "devices")}
      ${item(t("bar.language"), speakTheOther, "language")}
      ${item(t("bar.theme"), () => remember({ theme: darkNow() ? "light" : "dark" }), "theme")}
      ${item(t("menu.notify"), () => setAsk("notify"), "bell")}
      ${item(t("nav.help"), () => go("help"), "help")}
      ${item(t("logout"), () => setAsk("out"), "out")}
    </div>`}
    ${Asked && html`<${Asked} onClose=${() => setAsk(null)} />`}
  </div>`;
}
