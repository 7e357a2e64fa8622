// Work that failed and was set aside: what it was, the error as it was, and a button that has it tried again.
import { get, post, query } from "../api.js";
import { may } from "../may.js";
import { dateTime } from "../format.js";
import { t } from "../i18n.js";
import { Icon } from "../icons.js";
import { Failure } from "../parts.js";
import { html, useEffect, useState } from "../ui.js";

const STEP = 50;
const EVERY_MS = 10_000;

export function SetAside() {
  const [items, setItems] = useState([]);
  const [problem, setProblem] = useState(null);
  const read = () =>
    get(query("/api/v1/set-aside", { limit: STEP })).then((page) => {
      setProblem(null);
      setItems(page.items);
    }, setProblem);
  useEffect(() => {
    read();
    const timer = setInterval(read, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const act = (unit, deed) => post(`/api/v1/set-aside/${unit.id}/${deed}`).then(read, setProblem);
  if (items.length === 0 && !problem) return "";
  return html`<section class="card set-aside">
    <h3><${Icon} name="cross" size="18" />${t("system.set_aside")}</h3>
    <p class="hint">${t("system.set_aside_line")}</p>
    ${problem && html`<${Failure} problem=${problem} />`}
    <table class="reject-table">
      <thead>
        <tr>
          <th>${t("system.when")}</th>
          <th>${t("system.work")}</th>
          <th>${t("system.why")}</th>
          <th class="num">${may("operate") ? t("system.act") : ""}</th>
        </tr>
      </thead>
      <tbody>${items.map((unit) => html`<${Row} key=${unit.id} unit=${unit} act=${act} />`)}</tbody>
    </table>
  </section>`;
}

function Row({ unit, act }) {
  const asked = unit.retry_requested_at !== null;
  return html`<tr class=${unit.fire ? "attention" : ""}>
    <td>${dateTime(unit.last_at)}<small>${t("system.attempts", { n: unit.failures })}</small></td>
    <td>
      <b>${unit.program} · ${unit.kind}</b> ${unit.fire && html`<b class="bad">${t("system.maybe_fire")}</b>`}
      <small>${unit.name}</small>
    </td>
    <td><code>${unit.error}</code></td>
    <td class="num">
      ${asked
        ? html`<small>${t("system.replaying")}</small>`
        : may("operate") && html`
            <button class="button small" onClick=${() => act(unit, "retry")}>${t("system.retry")}</button>
            <button class="button small" onClick=${() => act(unit, "drop")}>${t("system.drop")}</button>
          `}
    </td>
  </tr>`;
}
