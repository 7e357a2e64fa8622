// What is shown once: it stands in the page, not in a dialog that a stray key closes, until somebody says
// that it is kept; another tab and back does not lose it, another person who signs in does not see it.
import { t } from "../i18n.js";
import { createStore, live, useStore } from "../store.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const shown = createStore({});

export const showSecret = (name, secret) =>
  shown.set({ [name]: { ...secret, who: live.get().session.username } });
export const hideSecret = (name) => shown.set({ [name]: null });

export function useSecret(name) {
  const secret = useStore(shown, (state) => state[name]);
  return secret?.who === live.get().session?.username ? secret : null;
}

const warn = (event) => event.preventDefault();

// The browser asks before it closes or reloads a page that still shows one.
export function useGuard() {
  useEffect(() => {
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, []);
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

export function SecretCard({ name }) {
  const secret = useSecret(name);
  return secret && html`<${Shown} name=${name} secret=${secret} />`;
}

function Shown({ name, secret }) {
  const card = useRef();
  useGuard();
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
