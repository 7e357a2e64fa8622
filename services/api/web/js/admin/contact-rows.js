// The people of a site who are called: as many lines as there are people.
import { t } from "../i18n.js";
import { html, useState } from "../ui.js";
import { Input } from "./inputs.js";

const PARTS = ["name", "role", "phone"];
const MOST = 50;

// The lines of the form, in their order; one in which nothing stands is none.
export function contactsOf(answer) {
  const lines = {};
  for (const [name, value] of Object.entries(answer)) {
    const [, line, part] = name.match(/^contact:(\d+):(\w+)$/) ?? [];
    if (part) (lines[line] ??= {})[part] = value.trim();
  }
  const people = Object.values(lines).filter((person) => PARTS.some((part) => person[part]));
  if (people.some((person) => !person.name)) throw { text: t("admin.contact_name") };
  return people;
}

export function ContactRows({ contacts }) {
  const [lines, setLines] = useState(() => contacts.map((person, id) => ({ id, person })));
  const [next, setNext] = useState(contacts.length);
  const add = () => {
    setLines([...lines, { id: next, person: {} }]);
    setNext(next + 1);
  };
  return html`<fieldset class="contact-rows">
    <legend>${t("desk.contacts")}</legend>
    ${lines.map(({ id, person }) => html`<div class="columns contact-row" key=${id}>
      ${PARTS.map((part) => html`<${Input}
        key=${part}
        label=${t(`input.contact_${part}`)}
        name=${`contact:${id}:${part}`}
        maxlength="200"
        type=${part === "phone" ? "tel" : "text"}
        defaultValue=${person[part] ?? ""}
      />`)}
      <button
        type="button"
        class="button small"
        aria-label=${`${t("admin.take_out")}: ${person.name ?? id + 1}`}
        onClick=${() => setLines(lines.filter((line) => line.id !== id))}
      >
        ${t("admin.take_out")}
      </button>
    </div>`)}
    ${lines.length < MOST && html`<button type="button" class="button small" onClick=${add}>
      ${t("admin.add_contact")}
    </button>`}
  </fieldset>`;
}
