// Notices to 119: what waits, what is held, what was refused; with release and sending again.
import { post } from "../api.js";
import { may } from "../may.js";
import { dateTime, latency } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { Failure } from "../parts.js";
import { live, useStore } from "../store.js";
import { readNotices } from "../stream.js";
import { html, useEffect, useState } from "../ui.js";

const SHOWN = 25;
const untaken = (notice) => notice.fire && ["dead", "waiting", "held"].includes(notice.state);
const ORDER = { dead: 0, waiting: 1, held: 2, delivered: 3, withdrawn: 4 };

export function Notices({ dispatch }) {
  const notices = useStore(live, (state) => state.notices);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    readNotices().catch(setProblem);
  }, []);
  const act = (notice, name) =>
    post(`/api/v1/notices/${notice.id}/${name}`)
      .then(readNotices)
      .then(() => setProblem(null), setProblem);
  const items = [...notices.values()]
    .sort(
      (a, b) =>
        untaken(b) - untaken(a)
        || ORDER[a.state] - ORDER[b.state]
        || Date.parse(b.created_at) - Date.parse(a.created_at),
    )
    .slice(0, SHOWN);
  return html`<section class="card">
    <h3>
      <${Icon} name="phone" size="18" />
      ${t("system.dispatch")}
      <small>
        ${["waiting", "held", "dead"]
          .map((name) => `${t(`system.${name}`)} ${dispatch?.[name] ?? 0}`)
          .join(" · ")} · ${t("system.delivered")} ${dispatch?.delivered_24h ?? "–"}
      </small>
    </h3>
    ${problem && html`<${Failure} problem=${problem} />`}
    ${items.length === 0
      ? html`<p class="hint">${t("system.no_notices")}</p>`
      : html`<table class="notice-table">
          <thead>
            <tr>
              <th>${t("system.state")}</th>
              <th>${t("system.what")}</th>
              <th>${t("system.tries")}</th>
              <th>${t("system.receipt")}</th>
              <th class="num">${may("act") ? t("system.act") : ""}</th>
            </tr>
          </thead>
          <tbody>
            ${items.map((notice) => html`<tr key=${notice.id} class=${`notice-${notice.state}`}>
              <td>
                <b>${word("notice_state", notice.state)}</b>
                <small>${dateTime(notice.created_at)}</small>
              </td>
              <td>
                ${word("notice", notice.type)}
                ${notice.fire
                  ? html`${" "}<span class="chip confidence-confirmed">${t("category.fire")}</span>`
                  : ""}
                <small>
                  <a href=${`#/desk/${notice.alarm_id}`}>#${notice.alarm_id}</a>
                  ${notice.channel && notice.channel !== "desk" ? ` · ${notice.channel}` : ""}
                </small>
              </td>
              <td>
                ${notice.attempts ? t("system.attempts", { n: notice.attempts }) : "–"}
                <small>
                  ${notice.state === "delivered"
                    ? latency((Date.parse(notice.delivered_at) - Date.parse(notice.created_at)) / 1000)
                    : [notice.last_status, notice.last_error].filter(Boolean).join(" ")}
                </small>
              </td>
              <td>${notice.desk_incident_id ?? ""}</td>
              <td class="num">
                ${may("act") && notice.state === "dead" && html`<button
                  class="button small"
                  onClick=${() => act(notice, "replay")}
                >
                  ${t("system.replay")}
                </button>`}
                ${may("act") && notice.state === "held" && html`<button
                  class="button small"
                  onClick=${() => act(notice, "release")}
                >
                  ${t("system.release")}
                </button>`}
              </td>
            </tr>`)}
          </tbody>
        </table>`}
  </section>`;
}
