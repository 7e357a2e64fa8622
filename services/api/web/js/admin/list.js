// A list of the server, part after part, read anew after every change made here; and the table that shows it.
import { get, query } from "../api.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Empty, Failure } from "../parts.js";
import { html, useEffect, useRef, useState } from "../ui.js";

const PART = 200;
const TYPED_AFTER_MS = 250;

// `read()` never fails: what was changed is changed, whether or not the list could be read again.
// `part` null: a list that comes whole.
export function useList(path, wanted = {}, part = PART) {
  const [{ items, next }, put] = useState({ items: null, next: null });
  const [problem, setProblem] = useState(null);
  const asked = useRef(0);
  const first = useRef(true);
  const read = (cursor) => {
    const mine = (asked.current += 1);
    return get(query(path, { ...wanted, limit: part, cursor })).then(
      (page) => {
        if (mine !== asked.current) return;
        setProblem(null);
        put((before) => ({ items: cursor ? [...before.items, ...page.items] : page.items, next: page.next }));
      },
      (refused) => mine === asked.current && setProblem(refused),
    );
  };
  useEffect(() => {
    const timer = setTimeout(() => read(), first.current ? 0 : TYPED_AFTER_MS);
    first.current = false;
    return () => clearTimeout(timer);
  }, [path, JSON.stringify(wanted)]);
  return { items, problem, setProblem, read: () => read(), more: next ? () => read(next) : null };
}

// `list`: what `useList` returns. `titles`: of the columns. `empty`: {title, line} in place of no rows.
// `row(item)` draws one.
export function ListTable({ list, titles, empty, row }) {
  const { items, problem, more } = list;
  return html`
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items?.length === 0 && html`<${Empty} ...${empty} />`}
    ${items?.length > 0 && html`<div class="scroll"><table class="admin-table">
      <thead>
        <tr>
          ${titles.map((title) => html`<th key=${title}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${items.map(row)}
      </tbody>
    </table></div>`}
    ${more && html`<button class="button wide" onClick=${more}>${t("devices.more")}</button>`}
  `;
}

// The card of a list with a search box and a button for a new one. `find`: the text in the box.
// `add`: {text, href} of the button. `table`: what `ListTable` takes, without `list`.
// What was searched for stays while one looks at what was found, and comes back.
const searched = new Map();

export function SearchedList({ path, icon, title, find, add, ...table }) {
  const [q, setText] = useState(searched.get(path) ?? "");
  const setQ = (text) => {
    searched.set(path, text);
    setText(text);
  };
  const list = useList(path, { q });
  return html`<section class="card">
    <h2>
      <${Icon} name=${icon} size="18" />${title}
      <a class="button primary new" href=${add.href}>${add.text}</a>
    </h2>
    <input
      type="search"
      placeholder=${find}
      aria-label=${find}
      value=${q}
      onInput=${(event) => setQ(event.target.value)}
    />
    <${ListTable} list=${list} ...${table} />
  </section>`;
}
