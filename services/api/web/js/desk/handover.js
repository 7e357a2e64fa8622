// The change of shift: what stands now, signed by the one who goes; what was signed before.
import { post } from "../api.js";
import { dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t } from "../i18n.js";
import { may } from "../may.js";
import { Failure } from "../parts.js";
import { useMove } from "../route.js";
import { live } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { inputTime, inputTimeOf, wallOf } from "../zone.js";
import { useGo } from "./dialogs.js";
import { useHandover } from "./handover-data.js";
import { Sheet } from "./handover-sheet.js";
import { Signed, SignedList } from "./handover-signed.js";

const DAY_BEGINS_H = 6;
const DAY_ENDS_H = 18;

// A shift is named by the hour in its middle.
function usualName(begun, now) {
  const { hour } = wallOf((begun + now) / 2);
  return t(hour >= DAY_BEGINS_H && hour < DAY_ENDS_H ? "handover.day_shift" : "handover.night_shift");
}

function Sign({ data, onFrom }) {
  const begun = Date.parse(data.begun_at);
  const move = useMove();
  const [name, setName] = useState(null); // what the officer calls the shift
  const { submit, problem, busy } = useGo(
    ({ shift, remarks }) =>
      post("/api/v1/handovers", { shift, from: data.begun_at, remarks }).then(({ id }) =>
        move(`desk/handover/${id}`),
      ),
    () => null,
  );
  return html`<form class="card sign no-print" onSubmit=${submit}>
    <h3>${t("handover.sign")}</h3>
    <div class="sign-fields">
      <label>
        ${t("handover.shift")}
        <input
          name="shift"
          required
          maxlength="200"
          value=${name ?? usualName(begun, Date.parse(data.now))}
          onInput=${(event) => setName(event.target.value)}
        />
      </label>
      <label>
        ${t("handover.from")}
        <input
          type="datetime-local"
          value=${inputTime(begun)}
          onChange=${(event) => {
            const at = inputTimeOf(event.target.value);
            if (at !== null) onFrom(new Date(at).toISOString());
          }}
        />
      </label>
      <p class="fact-line">
        ${t("handover.officer")}: <b>${live.get().session.username}</b> · ${t("handover.to")}${" "}
        ${dateTime(data.now)}
      </p>
    </div>
    <label>
      ${t("handover.remarks")}
      <textarea name="remarks" rows="3" maxlength="2000" placeholder=${t("handover.remarks_hint")}></textarea>
    </label>
    ${problem && html`<${Failure} problem=${problem} />`}
    <button class="button primary" disabled=${busy}>${t("handover.sign_go")}</button>
  </form>`;
}

function Now() {
  const [from, setFrom] = useState("");
  const { data, problem } = useHandover(from);
  // Where nothing was signed before, a shift began twelve hours ago: before this page was opened, not ever
  // later.
  useEffect(() => {
    if (data && !from) setFrom(data.begun_at);
  }, [data]);
  if (!data) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  return html`<div class="handover">
    <header>
      <h2>${t("handover.title")}</h2>
      <time>${dateTime(data.begun_at, true)} – ${dateTime(data.now, true)}</time>
      <button class="button quiet" onClick=${() => print()}>
        <${Icon} name="print" size="18" />
        ${t("handover.print")}
      </button>
    </header>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${may("act") && html`<${Sign} data=${data} onFrom=${setFrom} />`}
    <${Sheet} data=${data} />
    <${SignedList} />
  </div>`;
}

export const Handover = ({ id }) => (id ? html`<${Signed} key=${id} id=${id} />` : html`<${Now} />`);
