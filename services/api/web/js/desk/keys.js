// The keys of the desk, and the list of them that `?` opens.
import { t } from "../i18n.js";
import { Dialog } from "../parts.js";
import { html, useLayoutEffect, useRef } from "../ui.js";

const KEYS = [
  ["J K ↑ ↓", "desk.key.move"],
  ["A", "desk.key.take"],
  ["Shift A", "desk.key.take_group"],
  ["X", "desk.key.pick"],
  ["Shift X", "desk.key.pick_group"],
  ["U", "desk.key.next"],
  ["R F T", "desk.key.judge"],
  ["N", "desk.key.note"],
  ["S", "desk.key.shelve"],
  ["← →", "desk.key.fold"],
  ["Enter", "desk.key.confirm"],
  ["Ctrl Enter", "desk.key.confirm_note"],
  ["Esc", "desk.key.back"],
  ["?", "desk.key.help"],
];

export const Keys = () => html`<dl class="keys">
  ${KEYS.map(([keys, what]) => html`<div key=${what}>
    <dt>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt>
    <dd>${t(what)}</dd>
  </div>`)}
</dl>`;

export const KeysDialog = ({ onClose }) => html`<${Dialog} title=${t("desk.keys_title")} onClose=${onClose}>
  <${Keys} />
  <div class="buttons"><button class="button" onClick=${onClose} autofocus>${t("map.close")}</button></div>
<//>`;

const MOVES = ["j", "k", "ArrowDown", "ArrowUp"]; // what a key that is held goes on doing

// Hears keys from the moment the desk is drawn, and acts on what is drawn now: a quick second press must
// neither meet an old choice nor fall between two listeners. A key that is held, by a hand or a book on the
// keyboard, acts once: it would take one alarm after the other. `acts` are by key, with "Shift+" before where
// it is held.
export function useKeys(acts) {
  const drawn = useRef();
  drawn.current = acts;
  useLayoutEffect(() => {
    const press = (event) => {
      if (event.target.closest?.("input, textarea, select, dialog")) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const act = drawn.current[event.shiftKey && key !== "?" ? `Shift+${key}` : key];
      if (!act) return;
      event.preventDefault();
      if (!event.repeat || MOVES.includes(key)) act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
