// What was just done, said above the tabs' pages for a while: made, saved, removed. One line, the newest.
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { createStore, useStore } from "../store.js";
import { html, useEffect } from "../ui.js";

const SHOWN_MS = 12_000;
const done = createStore({ text: null, turn: 0 });

// `deed`: made, saved, removed.
export const sayDone = (deed, name) =>
  done.set(({ turn }) => ({ text: t(`admin.done.${deed}`, { name }), turn: turn + 1 }));

export function Done() {
  const { text, turn } = useStore(done, (state) => state);
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(() => done.set({ text: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [turn]);
  return html`<p class="done" role="status">
    ${text && html`<${Icon} name="check" size="18" /> ${text}`}
  </p>`;
}
