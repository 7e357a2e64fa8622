// The sheet of a hand-over: what is open, what was closed, what is put aside or stopped, what 119 did not
// get.
import { begunAt, inQueueOrder } from "../alarms.js";
import { age, areaName, dateTime } from "../format.js";
import { pick, t, word } from "../i18n.js";
import { alarmName, alarmPlace, personName, Severity } from "../parts.js";
import { html } from "../ui.js";

const Part = ({ title, count, children }) => html`<section class="card">
  <h3>${title} <b class="count">${count}</b></h3>
  ${count ? children : html`<p class="hint">${t("handover.none")}</p>`}
</section>`;

const More = ({ shown, total }) =>
  total > shown && html`<p class="hint">${t("wall.more", { n: total - shown })}</p>`;

// What 119 was told last; nothing where nothing was sent.
const Told = ({ dispatch }) =>
  dispatch
    ? html`
        ${word("notice_state", dispatch.state)}
        <small>${word("notice", dispatch.type)} ${dateTime(dispatch.at)}</small>
      `
    : html`<span class="hint">${t("handover.not_told")}</span>`;

const Verdict = ({ alarm }) => html`
  ${alarm.verification === "none" ? "–" : word("verification", alarm.verification)}
  ${alarm.judged && html`<small>
    ${personName(alarm.judged.by)} ${dateTime(alarm.judged.at)} ${alarm.judged.note ?? ""}
  </small>`}
`;

function State({ alarm }) {
  return html`
    ${word("state", alarm.state)}
    ${alarm.acknowledged_by ? html`<small>${personName(alarm.acknowledged_by)}</small>` : ""}
    ${alarm.shelved_until
      ? html`<small>
          ${t("handover.until", { at: dateTime(alarm.shelved_until) })} ${alarm.shelve_reason ?? ""}
        </small>`
      : ""}
  `;
}

function Alarms({ items, now, closed = false }) {
  return html`<div class="sheet-table"><table>
    <thead>
      <tr>
        <th>${t("handover.severity")}</th>
        <th>${t("devices.alarm")}</th>
        <th>${t("handover.place")}</th>
        ${!closed && html`<th>${t("system.state")}</th>`}
        <th>${t("handover.verdict")}</th>
        <th>${t("handover.told")}</th>
        <th class="num">${t(closed ? "handover.closed_at" : "handover.age")}</th>
      </tr>
    </thead>
    <tbody>
      ${items.map((alarm) => html`<tr key=${alarm.id}>
        <td><${Severity} severity=${alarm.severity} /></td>
        <td>
          <a href=${`#/desk/${closed ? "history/" : ""}${alarm.id}`}>${alarmName(alarm)}</a>
          <small>${pick(alarm.reason, alarm.reason_en)}</small>
        </td>
        <td>${alarmPlace(alarm)}</td>
        ${!closed && html`<td><${State} alarm=${alarm} /></td>`}
        <td><${Verdict} alarm=${alarm} /></td>
        <td><${Told} dispatch=${alarm.dispatch} /></td>
        <td class="num">${closed ? dateTime(alarm.closed_at) : age(begunAt(alarm), now)}</td>
      </tr>`)}
    </tbody>
  </table></div>`;
}

const by = (who) => (who ? t("handover.by", { who: personName(who) }) : "");

// Ages are those of the moment that the sheet tells of.
export function Sheet({ data }) {
  const now = Date.parse(data.now);
  const windows = [
    ...data.test_windows,
    ...(data.drill_until ? [{ site_name: t("desk.drill"), until: data.drill_until, reason: "" }] : []),
  ];
  return html`
    <${Part} title=${t("handover.open")} count=${data.open_total}>
      <${Alarms} items=${[...data.open].sort(inQueueOrder("oldest"))} now=${now} />
      <${More} shown=${data.open.length} total=${data.open_total} />
    <//>
    <${Part} title=${t("handover.closed")} count=${data.closed_total}>
      <${Alarms} items=${data.closed} now=${now} closed />
      <${More} shown=${data.closed.length} total=${data.closed_total} />
    <//>
    <${Part} title=${t("handover.shelved")} count=${data.shelved.length}>
      <${Alarms} items=${data.shelved} now=${now} />
    <//>
    <div class="pair">
      <${Part} title=${t("handover.windows")} count=${windows.length}>
        <ul class="plain">
          ${windows.map((each) => html`<li key=${each.site_name}>
            <b>${each.site_name}</b> ${t("handover.until", { at: dateTime(each.until) })}
            <small>${each.reason} ${by(each.by)}</small>
          </li>`)}
        </ul>
      <//>
      <${Part} title=${t("handover.out")} count=${data.out_of_service.length}>
        <ul class="plain">
          ${data.out_of_service.map((each) => html`<li key=${each.code}>
            <a href=${`#/devices/${each.code}`}>${each.name || each.code}</a> ${areaName(each.area)}
            <small>
              ${t("handover.until", { at: dateTime(each.until) })} · ${each.reason} ${by(each.by)}
            </small>
          </li>`)}
        </ul>
      <//>
      <${Part} title=${t("handover.notices")} count=${data.notices.length}>
        <ul class="plain">
          ${data.notices.map((each) => html`<li key=${each.id}>
            <a href=${`#/desk/${each.alarm_id}`}>${word("notice", each.type)} #${each.alarm_id}</a>
            ${" "}
            ${word("notice_state", each.state)}
            <small>${dateTime(each.created_at)} ${each.last_error ?? ""}</small>
          </li>`)}
        </ul>
      <//>
      <${Part} title=${t("handover.notes")} count=${data.notes.length}>
        <ul class="plain">
          ${data.notes.map((each, i) => html`<li key=${i}>
            <a href=${`#/desk/${each.alarm_id}`}>#${each.alarm_id}</a> ${each.text}
            <small>${dateTime(each.at)} ${personName(each.actor)}</small>
          </li>`)}
        </ul>
      <//>
    </div>
  `;
}
