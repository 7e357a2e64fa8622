// What is shown once: it stands in the page, not in a dialog that a stray key closes, until somebody says
// that it is noted down. Another tab and back does not lose it, and while it waits every page of
// administration says so; another person who signs in does not see it.
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { createStore, live, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const shown = createStore({}); // by name, as "people:wang"

export const showSecret = (name, secret) =>
  put(name, { ...secret, who: live.get().session.username, at: location.hash });
export const hideSecret = (name) => put(name, null);

function put(name, secret) {
  shown.set({ [name]: secret });
  live.set({ unkept: waiting().length });
}

// [name, secret] of those that are not noted down, of the one who is signed in.
const waiting = (state = shown.get()) =>
  Object.entries(state).filter(([, secret]) => secret?.who === live.get().session?.username);

export function useSecret(name) {
  const secret = useStore(shown, (state) => state[name]);
  return secret?.who === live.get().session?.username ? secret : null;
}

// The browser asks before it closes or reloads while one waits, on whatever page.
addEventListener("beforeunload", (event) => {
  if (waiting().length) event.preventDefault();
});

// That some wait elsewhere, and where.
export function Unkept() {
  const elsewhere = waiting(useStore(shown, (state) => state)).filter(([, { at }]) => at !== location.hash);
  if (!elsewhere.length) return null;
  return html`<p class="note unkept" role="status">
    <${Icon} name="key" size="18" />
    <span>${t("admin.unkept")}</span>
    ${elsewhere.map(([name, { at, title }]) => html`<a key=${name} href=${at}>${title}</a>`)}
  </p>`;
}

// Without HTTPS a browser has no clipboard for pages: then the text is marked, for Ctrl+C.
async function copy(element) {
  getSelection().selectAllChildren(element);
  try {
    await navigator.clipboard.writeText(element.textContent);
    return "copied";
  } catch {
    return "marked";
  }
}

export function Copied({ label, text, secret = false }) {
  const element = useRef();
  const [said, setSaid] = useState(null);
  return html`<div class="copied">
    <dt>${label}</dt>
    <dd>
      <code class=${secret ? "secret" : ""} ref=${element}>${text}</code>
      <button
        type="button"
        class="button small quiet"
        aria-label=${`${t("admin.copy")}: ${label}`}
        onClick=${() => copy(element.current).then(setSaid)}
      >
        ${t(said ? `admin.${said}` : "admin.copy")}
      </button>
    </dd>
  </div>`;
}

// All that wait under a name: "people" has "people:wang" and "people:li".
export function SecretCard({ name }) {
  const secrets = waiting(useStore(shown, (state) => state)).filter(([each]) => each.startsWith(`${name}:`));
  return secrets.map(([each, secret]) => html`<${Shown} key=${each} name=${each} secret=${secret} />`);
}

function Shown({ name, secret }) {
  const card = useRef();
  useEffect(() => card.current.focus(), []);
  return html`<section class="card secret-card" ref=${card} tabindex="-1" aria-label=${secret.title}>
    <h2>${secret.title}</h2>
    <p>${t("admin.shown_once")}</p>
    <dl>
      ${secret.rows.map(([label, text, hidden]) => html`<${Copied}
        key=${label}
        label=${label}
        text=${text}
        secret=${hidden}
      />`)}
    </dl>
    <div class="buttons">
      <button class="button primary" onClick=${() => hideSecret(name)}>${t("admin.kept")}</button>
    </div>
  </section>`;
}
