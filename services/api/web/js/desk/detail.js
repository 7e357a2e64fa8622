// One alarm: what, where, the running clock, what can be done, and everything known beside it.
import { begunAt, dispatchOf, isFire, isLate, isOpen, isShelved, isWaiting } from "../alarms.js";
import { get } from "../api.js";
import { useNow } from "../clock.js";
import { age, areaName, clockTime, dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { may } from "../may.js";
import {
  alarmName,
  Chip,
  deviceName,
  Failure,
  Field,
  onePress,
  oneTake,
  personName,
  Severity,
  siteOrDevice,
} from "../parts.js";
import { live, putAlarms, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { openTestWindow } from "./acts.js";
import { possible } from "./asked.js";
import { UntilDialog } from "./dialogs.js";
import { EarlyWarning } from "./early.js";
import { EscalationBar } from "./escalation.js";
import { Figures } from "./figures.js";
import { Evidence, NearestWater, Notices, Siblings, SiteCard, TimeLine } from "./facts.js";
import { MutedChips, MutedLines } from "./muted.js";
import { ToDo } from "./response.js";
import { TakeLine } from "./take-line.js";

// The detail is fetched again whenever the stream says the alarm or one of its notices changed, and after an
// act of ours (`round`): a note changes no version.
function useFullAlarm(id, known, round) {
  const [full, setFull] = useState(null);
  const [problem, setProblem] = useState(null);
  const notices = useStore(live, (state) => state.notices);
  const stamp = [...notices.values()]
    .filter((notice) => notice.alarm_id === id)
    .map((notice) => notice.state + notice.attempts)
    .join();
  useEffect(() => {
    let gone = false;
    get(`/api/v1/alarms/${id}`).then(
      (alarm) => {
        if (gone) return;
        setProblem(null);
        setFull(alarm);
        if (!known) putAlarms([alarm]);
      },
      (refused) => {
        if (!gone) setProblem(refused);
      },
    );
    return () => {
      gone = true;
    };
  }, [id, known?.version, known?.shelved_until, round, stamp]);
  return {
    full: full && known ? { ...full, ...known, site: full.site ?? known.site } : (full ?? known),
    problem,
  };
}

const BUTTONS = [
  ["acknowledge", "primary", "check"],
  ["real", "fire", "fire"],
  ["false", "", "cross"],
  ["test", "", "play"],
  ["note", "quiet", "note"],
  ["shelve", "quiet", "pause"],
  ["unshelve", "", "play"],
  ["clear", "quiet", "check"],
  ["correct", "quiet", "note"],
];

// Only what this person may do now is offered.
function Actions({ alarm, now, start, refused }) {
  const can = possible(alarm, now);
  const shown = BUTTONS.filter(([name]) => can[name]);
  if (!shown.length && !may("act")) return html`<p class="hint">${t("desk.viewer")}</p>`;
  return html`<div class="actions">
    ${shown.map(([name, kind, icon]) => html`<button
      key=${name}
      class=${`button ${kind}`}
      data-act=${name}
      onClick=${(name === "acknowledge" ? oneTake : onePress)(() => start(name, alarm))}
    >
      <${Icon} name=${icon} size="18" />
      ${t(`desk.${name}`)}
    </button>`)}
    <${TakeLine} alarm=${alarm} />
    ${refused && html`<${Failure} problem=${refused} />`}
  </div>`;
}

export function Detail({ id, known, round, start, refused, onBack, from = "queue" }) {
  const now = useNow();
  const notices = useStore(live, (state) => state.notices);
  const { full: alarm, problem } = useFullAlarm(id, known, round);
  const [testing, setTesting] = useState(false);
  if (!alarm) return problem ? html`<${Failure} problem=${problem} />` : html`<p class="loading">…</p>`;
  const fire = isFire(alarm);
  const sent = fire ? dispatchOf([...(alarm.notices ?? []), ...notices.values()].reverse(), alarm.id) : null;
  return html`<article
    class=${`detail detail-${alarm.severity} ${fire ? "is-fire" : ""} ${isWaiting(alarm) ? "waiting" : ""}`}
    aria-labelledby="alarm-name"
  >
    <header>
      <button class=${`back button quiet back-to-${from}`} onClick=${onBack}>
        <${Icon} name="back" size="18" />
        ${t(`desk.tab.${from}`)}
      </button>
      <div class="detail-line">
        <${Severity} severity=${alarm.severity} />
        <${Chip} kind=${`state-${alarm.state}`}>${word("state", alarm.state)}<//>
        ${fire && html`
          <${Chip} kind=${`confidence-${alarm.confidence}`}>${word("confidence", alarm.confidence)}<//>
          <${Chip} kind=${`verdict-${alarm.verification}`}>${word("verification", alarm.verification)}<//>
        `}
        <${MutedChips} alarm=${alarm} now=${now} />
        ${alarm.drill && html`<${Chip} kind="drill">${t("desk.drill")}<//>`}
        ${alarm.late_min && html`<${Chip} kind="late">${t("desk.late", { n: alarm.late_min })}<//>`}
        ${isShelved(alarm, now) && html`<${Chip} kind="shelved">
          ${t("desk.shelved_until", { at: dateTime(alarm.shelved_until) })}
        <//>`}
        <span class="detail-id">#${alarm.id}</span>
      </div>
      <h2 id="alarm-name" tabindex="-1">
        ${alarmName(alarm)}
        <small>${siteOrDevice(alarm)}</small>
      </h2>
      <p class="reason">${pick(alarm.reason, alarm.reason_en)}</p>
      ${isOpen(alarm) && html`<${MutedLines} alarm=${alarm} now=${now} />`}
      ${alarm.state === "closed"
        ? html`<p class="closed-line" role="status">
            <${Icon} name="check" size="18" />
            ${t("desk.closed_line", { at: dateTime(alarm.closed_at) })}
            ${fire && html`${" "}<b>${word("verification", alarm.verification)}</b>`}
          </p>`
        : html`<${ToDo} code=${alarm.code} />`}
      <${EscalationBar} alarm=${alarm} now=${now} />
      ${sent && html`<p class=${`sent-line sent-${sent.state}`} role="status">
        <${Icon} name=${sent.state === "delivered" ? "check" : "phone"} size="18" />
        ${t("desk.sent_line", {
          what: word("notice", sent.type),
          state: word("notice_state", sent.state),
          at: clockTime(sent.delivered_at ?? sent.created_at),
        })}
        ${isLate(sent, now) && html`${" "}<b aria-hidden="true">
          ${t("desk.not_accepted_for", { span: age(sent.created_at, now) })}
        </b> <a class="call" href="tel:119">${t("banner.call_119")}</a>`}
      </p>`}
    </header>
    <${Actions} alarm=${alarm} now=${now} start=${start} refused=${refused} />
    <dl class="facts">
      <${Field} name=${t("desk.since", { at: "" }).trim()}>
        ${dateTime(begunAt(alarm))} <em>${age(begunAt(alarm), Date.parse(alarm.closed_at) || now)}</em>
        ${alarm.since && html`${" "}<small>${t("desk.opened", { at: dateTime(alarm.opened_at) })}</small>`}
      <//>
      ${alarm.device && html`<${Field} name=${t("desk.device")}>
        <a href=${`#/devices/${alarm.device}`}>${deviceName(alarm)}</a>
        <a class="all-alarms" href=${`#/desk/history?device=${alarm.device}`}>${t("history.of_device")}</a>
      <//>`}
      ${(alarm.zone || alarm.component) && html`<${Field} name=${t("desk.component")}>
        ${[alarm.zone, alarm.component].filter(Boolean).join(" · ")}
      <//>`}
      <${Field} name=${t("desk.area")}>${areaName(alarm.area)}<//>
      <${Figures} alarm=${alarm} now=${now} />
      ${alarm.acknowledged_at && html`<${Field} name=${word("state", "acknowledged")}>
        ${t("desk.acknowledged_by", {
          who: personName(alarm.acknowledged_by),
          at: clockTime(alarm.acknowledged_at),
        })}
      <//>`}
      ${alarm.early_warning?.members.length > 1 && html`<${Field} name=${t("desk.event_devices")}>
        ${alarm.early_warning.members.map((code) => html`
          <a key=${code} href=${`#/devices/${code}`}>${code}</a>${" "}`)}
      <//>`}
      ${alarm.location && html`<${Field} name=${t("nav.map")}>
        <a href=${`#/map/${alarm.device}`}>${t("desk.on_map")}</a>
      <//>`}
    </dl>
    ${problem && html`<${Failure} problem=${problem} />`}
    <${EarlyWarning} alarm=${alarm} />
    <div class="detail-cards">
      <${SiteCard}
        alarm=${alarm}
        onTest=${may("operate") && alarm.site?.id ? () => setTesting(true) : null}
      />
      <${NearestWater} alarm=${alarm} />
      <${Evidence} items=${alarm.evidence} />
      <${Notices} items=${alarm.notices} fire=${fire} />
      <${TimeLine} items=${alarm.timeline} />
      <${Siblings} items=${alarm.siblings} />
    </div>
    ${testing && html`<${UntilDialog}
      title=${t("dialog.test_window_title", { site: alarm.site.name })}
      line=${t("dialog.test_window_line")}
      most=${8}
      onClose=${() => setTesting(false)}
      onGo=${(until, reason) => openTestWindow(alarm.site.id, until, reason)}
    />`}
  </article>`;
}
