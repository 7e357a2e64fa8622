// The change of shift on one page, printable: everything open, muted, stopped or not delivered.
import { get } from "../api.js";
import { useNow } from "../clock.js";
import { age, areaName, dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { inQueueOrder } from "../alarms.js";
import { alarmName, alarmPlace, Failure, personName, Severity } from "../parts.js";
import { live, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";

export function useHandover() {
  const [data, setData] = useState(null);
  const [problem, setProblem] = useState(null);
  const { alarms, notices, system } = useStore(live, (state) => state);
  const quiet = JSON.stringify([system?.test_windows, system?.drill_until]);
  useEffect(() => {
    const timer = setTimeout(
      () =>
        get("/api/v1/handover").then((each) => {
          setData(each);
          setProblem(null);
        }, setProblem),
      data ? 800 : 0,
    );
    return () => clearTimeout(timer);
  }, [alarms, notices, quiet]);
  return { data, problem };
}

const Part = ({ title, count, children }) => html`<section class="card">
  <h3>${title} <b class="count">${count}</b></h3>
  ${count ? children : html`<p class="hint">${t("handover.none")}</p>`}
</section>`;

function Alarms({ items, now }) {
  return html`<table>
    <thead>
      <tr>
        <th>${t("handover.severity")}</th>
        <th>${t("devices.alarm")}</th>
        <th>${t("handover.place")}</th>
        <th>${t("system.state")}</th>
        <th class="num">${t("handover.age")}</th>
      </tr>
    </thead>
    <tbody>
      ${[...items].sort(inQueueOrder("oldest")).map((alarm) => html`<tr key=${alarm.id}>
        <td><${Severity} severity=${alarm.severity} /></td>
        <td>
          <a href=${`#/desk/${alarm.id}`}>${alarmName(alarm)}</a>
          <small>${pick(alarm.reason, alarm.reason_en)}</small>
        </td>
        <td>${alarmPlace(alarm)}</td>
        <td>
          ${word("state", alarm.state)}
          ${alarm.acknowledged_by ? html`<small>${personName(alarm.acknowledged_by)}</small>` : ""}
          ${alarm.shelved_until
            ? html`<small>
                ${t("handover.until", { at: dateTime(alarm.shelved_until) })} ${alarm.shelve_reason ?? ""}
              </small>`
            : ""}
        </td>
        <td class="num">${age(alarm.opened_at, now)}</td>
      </tr>`)}
    </tbody>
  </table>`;
}

export function Handover() {
  const now = useNow();
  const { data, problem } = useHandover();
  if (!data) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  const windows = [
    ...(data.test_windows ?? []),
    ...(data.drill_until ? [{ site_name: t("desk.drill"), until: data.drill_until, reason: "" }] : []),
  ];
  return html`<div class="handover">
    <header>
      <h2>${t("handover.title")}</h2>
      <time>${dateTime(data.now)}</time>
      <button class="button quiet" onClick=${() => print()}>
        <${Icon} name="print" size="18" />
        ${t("handover.print")}
      </button>
    </header>
    <${Part} title=${t("handover.open")} count=${data.open_total ?? 0}>
      <${Alarms} items=${data.open} now=${now} />
      ${data.open_total > data.open.length && html`<p class="hint">
        ${t("wall.more", { n: data.open_total - data.open.length })}
      </p>`}
    <//>
    <${Part} title=${t("handover.shelved")} count=${data.shelved?.length ?? 0}>
      <${Alarms} items=${data.shelved} now=${now} />
    <//>
    <div class="pair">
      <${Part} title=${t("handover.windows")} count=${windows.length}>
        <ul class="plain">
          ${windows.map((each) => html`<li key=${each.site_name}>
            <b>${each.site_name}</b> ${t("handover.until", { at: dateTime(each.until) })}
            <small>${each.reason} ${each.by ? t("handover.by", { who: personName(each.by) }) : ""}</small>
          </li>`)}
        </ul>
      <//>
      <${Part} title=${t("handover.out")} count=${data.out_of_service?.length ?? 0}>
        <ul class="plain">
          ${data.out_of_service?.map((each) => html`<li key=${each.code}>
            <a href=${`#/devices/${each.code}`}>${each.name || each.code}</a> ${areaName(each.area)}
            <small>
              ${t("handover.until", { at: dateTime(each.until) })} · ${each.reason}${" "}
              ${each.by ? t("handover.by", { who: personName(each.by) }) : ""}
            </small>
          </li>`)}
        </ul>
      <//>
      <${Part}
        title=${t("handover.notices")}
        count=${data.notices?.filter((each) => each.state !== "delivered").length ?? 0}
      >
        <ul class="plain">
          ${data.notices
            ?.filter((each) => each.state !== "delivered")
            .map((each) => html`<li key=${each.id}>
              <a href=${`#/desk/${each.alarm_id}`}>${word("notice", each.type)} #${each.alarm_id}</a>
              ${" "}
              ${word("notice_state", each.state)}
              <small>${dateTime(each.created_at)} ${each.last_error ?? ""}</small>
            </li>`)}
        </ul>
      <//>
      <${Part} title=${t("handover.notes")} count=${data.notes?.length ?? 0}>
        <ul class="plain">
          ${data.notes?.map((each, i) => html`<li key=${i}>
            <a href=${`#/desk/${each.alarm_id}`}>#${each.alarm_id}</a> ${each.text}
            <small>${dateTime(each.at)} ${personName(each.actor)}</small>
          </li>`)}
        </ul>
      <//>
    </div>
  </div>`;
}
