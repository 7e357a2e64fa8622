// The shifts of the rota, or the days on which it is otherwise, all in one form.
import { useGo } from "../desk/dialogs.js";
import { dayNumber } from "../format.js";
import { t } from "../i18n.js";
import { serverNow } from "../clock.js";
import { Buttons, Dialog, Failure } from "../parts.js";
import { html, useState } from "../ui.js";
import { faultsOf, isPlaced } from "./faults.js";
import { Input, tickedOf, Ticks } from "./inputs.js";

const MOST = { shifts: 50, exceptions: 200 };
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7]; // Monday first, as ISO 8601 counts
const NEW = {
  shifts: () => ({ contacts: [], weekdays: WEEKDAYS, begin: "08:00", end: "20:00" }),
  exceptions: () => ({ contacts: [], day: dayNumber(serverNow()), begin: "00:00", end: "00:00" }),
};
const KEPT_MS = 31 * 86_400_000; // a day that is long over is left out with the next change

const weekdayName = (n) => t("weekdays").split(" ")[n % 7];

function linesOf(part, items) {
  const since = dayNumber(serverNow() - KEPT_MS);
  const kept = part === "exceptions" ? items.filter(({ day }) => day >= since) : items;
  return kept.map((item, id) => ({ id, item }));
}

function itemsOf(answer, lines, part) {
  return lines.map(({ id }) => ({
    contacts: tickedOf(answer, `${id}:contacts`).map(Number),
    begin: answer[`${id}:begin`],
    end: answer[`${id}:end`],
    ...(part === "shifts"
      ? { weekdays: tickedOf(answer, `${id}:weekdays`).map(Number) }
      : { day: answer[`${id}:day`] }),
  }));
}

function byLine(problem, lines) {
  const found = {};
  for (const [field, message] of Object.entries(faultsOf(problem))) {
    const [, at, part = "contacts"] = field.match(/^\w+\.(\d+)(?:\.(\w+))?/) ?? [];
    if (lines[at]) found[`${lines[at].id}:${part}`] = message;
  }
  return found;
}

function Line({ id, item, part, contacts, faults, onRemove }) {
  const fault = (name) => faults[`${id}:${name}`];
  const time = (name) => html`<${Input}
    label=${t(`policies.${name}`)}
    name=${`${id}:${name}`}
    type="time"
    required
    defaultValue=${item[name]}
    fault=${fault(name)}
  />`;
  return html`<div class="columns policy-line" role="group" aria-label=${t(`policies.${part}`)}>
    <${Ticks}
      label=${t("policies.who")}
      name=${`${id}:contacts`}
      options=${contacts.map((one) => [one.id, one.name])}
      chosen=${item.contacts}
      fault=${fault("contacts")}
    />
    ${part === "shifts"
      ? html`<${Ticks}
          label=${t("policies.weekdays")}
          name=${`${id}:weekdays`}
          options=${WEEKDAYS.map((n) => [n, weekdayName(n)])}
          chosen=${item.weekdays}
          fault=${fault("weekdays")}
        />`
      : html`<${Input}
          label=${t("policies.day")}
          name=${`${id}:day`}
          type="date"
          required
          defaultValue=${item.day}
          fault=${fault("day")}
        />`}
    ${time("begin")} ${time("end")}
    <button type="button" class="button small" onClick=${onRemove}>${t("admin.take_out")}</button>
  </div>`;
}

export function RotaDialog({ part, rota, contacts, onGo, onClose }) {
  const [lines, setLines] = useState(() => linesOf(part, rota[part]));
  const [next, setNext] = useState(lines.length);
  const send = (answer) => onGo({ [part]: itemsOf(answer, lines, part) });
  const { submit, problem, busy } = useGo(send, onClose);
  const faults = byLine(problem, lines);
  const placed = isPlaced(problem, (field) => /^\w+\.\d+/.test(field));
  const add = () => {
    setLines([...lines, { id: next, item: NEW[part]() }]);
    setNext(next + 1);
  };
  return html`<${Dialog} title=${t(`policies.${part}_title`)} onClose=${onClose}>
    <form onSubmit=${submit} class="policy-form">
      <p>${t(`policies.${part}_line`)}</p>
      ${lines.map(({ id, item }) => html`<${Line}
        key=${id}
        id=${id}
        item=${item}
        part=${part}
        contacts=${contacts}
        faults=${faults}
        onRemove=${() => setLines(lines.filter((line) => line.id !== id))}
      />`)}
      ${lines.length < MOST[part] && html`<button type="button" class="button small" onClick=${add}>
        ${t(`policies.add_${part}`)}
      </button>`}
      ${problem && !placed && html`<${Failure} problem=${problem} />`}
      <${Buttons} onCancel=${onClose} busy=${busy} go=${t("admin.save")} />
    </form>
  <//>`;
}
