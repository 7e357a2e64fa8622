// Who of the contacts is on call now and next: a calendar of the week, made of shifts by weekday and time,
// and of days on which it is otherwise.
import { get, put } from "../api.js";
import { clockTime, dateTime, dayText } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";
import { wallOf } from "../zone.js";
import { Changes } from "./changes.js";
import { ofCounty } from "./inputs.js";
import { RotaDialog } from "./rota-form.js";

const PATH = "/api/v1/policies/rota";
const DAYS = 8;
const READ_AGAIN_MS = 60_000;

// Turns, cut at the county's midnights: [day, [{from, to, contacts}]].
function byDay(turns) {
  const days = new Map();
  for (const { from, to, contacts } of turns) {
    for (let at = Date.parse(from); at < Date.parse(to); ) {
      const { hour, minute, second } = wallOf(at);
      const midnight = at - ((hour * 60 + minute) * 60 + second) * 1000 - (at % 1000) + 86_400_000;
      const end = Math.min(Date.parse(to), midnight);
      const day = dayText(at);
      if (!days.has(day)) days.set(day, []);
      days.get(day).push({ from: at, to: end, whole: end === midnight, contacts });
      at = end;
    }
  }
  return [...days].slice(0, DAYS - 1);
}

function useRota(stamp) {
  const [rota, setRota] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const read = () => get(`/api/v1/on-call?days=${DAYS}`).then(setRota, setProblem);
    read();
    const timer = setInterval(read, READ_AGAIN_MS);
    return () => clearInterval(timer);
  }, [stamp]);
  return { rota, problem };
}

function Calendar({ turns, namesOf }) {
  return html`<ol class="rota">
    ${byDay(turns).map(([day, spans]) => html`<li key=${day}>
      <h3>${day}</h3>
      <ul>
        ${spans.map((one) => html`<li key=${one.from} class=${one.contacts.length ? "" : "nobody"}>
          <small>${clockTime(one.from, false)}–${one.whole ? "24:00" : clockTime(one.to, false)}</small>
          ${" "}${namesOf(one.contacts) || t("policies.nobody")}
        </li>`)}
      </ul>
    </li>`)}
  </ol>`;
}

// `contacts`: all that one may see.
export function Rota({ contacts }) {
  const [policy, setPolicy] = useState(null);
  const [asked, setAsked] = useState(null);
  const stamp = `${policy?.version}:${contacts.map((one) => `${one.id}${one.enabled}`).join()}`;
  const { rota, problem } = useRota(stamp);
  const read = () => get(PATH).then(setPolicy, () => null);
  useEffect(() => {
    read();
  }, []);
  const nameOf = (id) => contacts.find((one) => one.id === id)?.name ?? `#${id}`;
  const namesOf = (ids) => ids.map(nameOf).join(t("admin.comma"));
  const next = rota?.turns[1];
  const change = (part) => setAsked(part);
  return html`<section class="card">
    <h2>
      <${Icon} name="person" size="18" />${t("policies.rota")}
      ${policy && ofCounty() && contacts.length > 0 && html`<span class="new">
        <button class="button small" onClick=${() => change("shifts")}>${t("policies.shifts")}</button>
        ${" "}
        <button class="button small" onClick=${() => change("exceptions")}>
          ${t("policies.exceptions")}
        </button>
      </span>`}
    </h2>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${rota && html`
      <p role="status" class="on-call">
        <b>
          ${rota.on_call.length
            ? t("admin.on_call_now", { names: namesOf(rota.on_call) })
            : t(contacts.some((one) => one.enabled) ? "policies.nobody_on_turn" : "admin.nobody_on_call")}
        </b>
        ${next && html`<small>
          ${t("policies.next", {
            at: dateTime(next.from),
            names: namesOf([...next.contacts, ...rota.always]) || t("policies.nobody"),
          })}
        </small>`}
      </p>
      ${rota.turns.some((turn) => turn.contacts.length)
        ? html`<${Calendar} turns=${rota.turns} namesOf=${namesOf} />`
        : html`<p class="hint">${t("policies.no_rota")}</p>`}
      ${rota.always.length > 0 && rota.turns.some((turn) => turn.contacts.length) && html`<p class="hint">
        ${t("policies.always", { names: namesOf(rota.always) })}
      </p>`}
    `}
    ${policy && html`<${Changes} policy=${policy} long />`}
    ${asked && html`<${RotaDialog}
      part=${asked}
      rota=${policy.body}
      contacts=${contacts}
      onGo=${(body) => put(PATH, body, policy.version).then(setPolicy)}
      onClose=${() => {
        setAsked(null);
        read(); // somebody else may have changed it meanwhile
      }}
    />`}
  </section>`;
}
