// All alarms that ever were: the filters stand in the address, so a view can be kept and sent on; what they
// let through can be taken away as CSV or as an Excel workbook.
import { query } from "../api.js";
import { serverNow } from "../clock.js";
import { download, downloadFile, fileName } from "../download.js";
import { age, dateTime, span } from "../format.js";
import { language, t, word } from "../i18n.js";
import { alarmName, alarmPlace, classes, Empty, Failure, personName, Severity } from "../parts.js";
import { go, useRoute } from "../route.js";
import { html, useState } from "../ui.js";
import { daysOf, useAlarms } from "./history-data.js";
import { HistoryFilters, Ranges } from "./history-filters.js";
import { Story } from "./story.js";

const addressOf = (values, id) => query(`desk/history${id ? `/${id}` : ""}`, values);

// All that the filters let through, as one file.
function Saved({ wanted, days }) {
  const [state, setState] = useState({});
  const press = (save) => () => {
    setState({ busy: true });
    save().then(
      () => setState({}),
      (problem) => setState({ problem }),
    );
  };
  const csv = () => download("/api/v1/alarms", wanted, fileName("alarms", ...days));
  const workbook = () => downloadFile("/api/v1/alarms.xlsx", { ...wanted, lang: language() });
  return html`
    <button class="button small" disabled=${state.busy} onClick=${press(workbook)}>
      ${t("file.excel")}
    </button>
    <button class="button small" disabled=${state.busy} onClick=${press(csv)}>${t("file.csv")}</button>
    ${state.problem && html`<${Failure} problem=${state.problem} />`}
  `;
}

const isFire = (alarm) => alarm.category === "fire";
const lasted = (alarm) =>
  alarm.closed_at
    ? span((Date.parse(alarm.closed_at) - Date.parse(alarm.opened_at)) / 1000)
    : age(alarm.opened_at, serverNow());

const When = ({ at }) => {
  const [day, time] = dateTime(at, true).split(" ");
  return html`<td class="when"><span>${day}</span>${" "}<span>${time}</span></td>`;
};

const Line = ({ alarm, to }) => html`<tr class=${classes(isFire(alarm) && "of-fire")}>
  <${When} at=${alarm.opened_at} />
  <td>
    <a href=${`#/${to}`} data-alarm=${alarm.id}>${alarmName(alarm)}</a>
    <${Severity} severity=${alarm.severity} />
  </td>
  <td>
    ${alarmPlace(alarm)}
    <small>${alarm.device}</small>
  </td>
  <td>
    ${word("state", alarm.state)}
    ${isFire(alarm) && html`<small class=${`judged-${alarm.verification}`}>
      ${word("verification", alarm.verification)}
    </small>`}
  </td>
  <td class="opt">${personName(alarm.acknowledged_by)}</td>
  <td class="num opt">${lasted(alarm)}</td>
</tr>`;

export function History({ id }) {
  const { search } = useRoute();
  const values = Object.fromEntries(search);
  const { wanted, items, next, more, problem } = useAlarms(values, !id);
  if (id) return html`<${Story} key=${id} id=${id} onBack=${() => go(addressOf(values))} />`;
  const set = (patch) => go(addressOf({ ...values, ...patch }), true);
  return html`<section class="history">
    <${Ranges} values=${values} set=${set} />
    <${HistoryFilters} values=${values} set=${set} />
    ${problem && html`<${Failure} problem=${problem} />`}
    ${!items
      ? html`<p class="loading">…</p>`
      : html`<div class="history-head" role="status">
            <b>${t("history.count", { n: `${items.length}${next ? "+" : ""}` })}</b>
            <${Saved} wanted=${wanted} days=${daysOf(values)} />
          </div>
          ${items.length === 0
            ? html`<${Empty} title=${t("history.none")} />`
            : html`<div class="card table-card">
                <table class="history-table">
                  <thead>
                    <tr>
                      <th>${t("history.opened")}</th>
                      <th>${t("devices.alarm")}</th>
                      <th>${t("handover.place")}</th>
                      <th>${t("system.state")}</th>
                      <th class="opt">${t("history.taken_by")}</th>
                      <th class="num opt">${t("history.lasted")}</th>
                    </tr>
                  </thead>
                  <tbody>
                    ${items.map((alarm) => html`<${Line}
                      key=${alarm.id}
                      alarm=${alarm}
                      to=${addressOf(values, alarm.id)}
                    />`)}
                  </tbody>
                </table>
                ${next && html`<button class="button wide" onClick=${more}>${t("devices.more")}</button>`}
              </div>`}`}
  </section>`;
}
