// Hand-overs that were signed: the list, one as it was signed, and taking over with a sign-in of one's own.
import { get, post } from "../api.js";
import { areaName, dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { may } from "../may.js";
import { Empty, Failure, Field, personName } from "../parts.js";
import { live } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { useGo } from "./dialogs.js";
import { Sheet } from "./handover-sheet.js";

const PATH = "/api/v1/handovers";

function useRead(path) {
  const [answer, setAnswer] = useState(null);
  const [problem, setProblem] = useState(null);
  const read = () => get(path).then(setAnswer, setProblem);
  useEffect(() => {
    read();
  }, [path]);
  return { answer, problem, read };
}

const span = (signed) => `${dateTime(signed.begun_at, true)} – ${dateTime(signed.ended_at, true)}`;
const areasOf = (signed) =>
  signed.areas.includes("*") ? t("handover.everywhere") : signed.areas.map(areaName).join("、");

export function SignedList() {
  const { answer, problem } = useRead(PATH);
  if (!answer) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  return html`<section class="card signed-list no-print">
    <h3>${t("handover.signed_list")} <b class="count">${answer.items.length}</b></h3>
    ${answer.items.length
      ? html`<ul class="plain">
          ${answer.items.map((signed) => html`<li key=${signed.id}>
            <a href=${`#/desk/handover/${signed.id}`}>${signed.shift} · ${span(signed)}</a>
            <small>
              ${t("handover.signed_by", { who: personName(signed.signed_by) })} ·${" "}
              ${signed.accepted_by
                ? t("handover.accepted_by", { who: personName(signed.accepted_by) })
                : t("handover.waits")}
            </small>
          </li>`)}
        </ul>`
      : html`<p class="hint">${t("handover.none")}</p>`}
  </section>`;
}

// The one who comes gives name and password on the screen of the one who goes, or is signed in already.
function Accept({ signed, onDone }) {
  const own = live.get().session;
  const mine = signed.signed_by !== `user:${own.username}`;
  const { submit, problem, busy } = useGo(
    ({ username, password, remarks }) =>
      post(`${PATH}/${signed.id}/accept`, mine ? { remarks } : { username, password, remarks }),
    onDone,
  );
  return html`<form class="card accept no-print" onSubmit=${submit}>
    <h3>${t("handover.accept")}</h3>
    <p class="hint">
      ${mine ? t("handover.accept_own", { who: own.username }) : t("handover.accept_line")}
    </p>
    ${!mine && html`
      <label>${t("login.user")}<input name="username" autocomplete="off" required maxlength="64" /></label>
      <label>
        ${t("login.password")}
        <input name="password" type="password" autocomplete="off" required maxlength="200" />
      </label>
    `}
    <label>
      ${t("handover.remarks")}
      <textarea name="remarks" rows="2" maxlength="2000"></textarea>
    </label>
    ${problem && html`<${Failure} problem=${problem} />`}
    <button class="button primary" disabled=${busy}>${t("handover.accept_go")}</button>
  </form>`;
}

const Signature = ({ title, who, at, remarks }) => html`<div class="signature">
  <b>${title}</b>
  <span>${who ? personName(who) : t("handover.waits")}</span>
  <small>${at ? dateTime(at, true) : ""}</small>
  ${remarks && html`<q>${remarks}</q>`}
</div>`;

export function Signed({ id }) {
  const { answer: signed, problem, read } = useRead(`${PATH}/${id}`);
  if (!signed)
    return !problem
      ? html`<p class="loading">…</p>`
      : problem.status === 404
        ? html`<${Empty} title=${t("handover.missing")} />`
        : html`<${Failure} problem=${problem} />`;
  return html`<div class="handover">
    <header>
      <a class="button quiet small no-print" href="#/desk/handover">
        <${Icon} name="back" size="16" />
        ${t("desk.tab.handover")}
      </a>
      <h2>${t("handover.sheet", { shift: signed.shift })}</h2>
      <button class="button quiet" onClick=${() => print()}>
        <${Icon} name="print" size="18" />
        ${t("handover.print")}
      </button>
    </header>
    <section class="card">
      <dl class="facts">
        <${Field} name=${t("handover.shift")}>${signed.shift}<//>
        <${Field} name=${t("handover.period")}>${span(signed)}<//>
        <${Field} name=${t("handover.areas")}>${areasOf(signed)}<//>
      </dl>
      <div class="signatures">
        <${Signature}
          title=${t("handover.gives")}
          who=${signed.signed_by}
          at=${signed.signed_at}
          remarks=${signed.remarks}
        />
        <${Signature}
          title=${t("handover.takes")}
          who=${signed.accepted_by}
          at=${signed.accepted_at}
          remarks=${signed.accepted_remarks}
        />
      </div>
    </section>
    ${!signed.accepted_by && may("act") && html`<${Accept} signed=${signed} onDone=${read} />`}
    <${Sheet} data=${signed.content} />
  </div>`;
}
