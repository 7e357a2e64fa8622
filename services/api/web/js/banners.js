// What every page must show above everything else:
// no connection, nobody took it, 119 did not take it, drill, tests.
import { inQueueOrder, isLate, isOverdue, isUndelivered, nobodyCalls } from "./alarms.js";
import { useNow } from "./clock.js";
import { clockTime, dateTime, span } from "./format.js";
import { Icon } from "./icons.js";
import { t } from "./i18n.js";
import { Running, siteOrDevice } from "./parts.js";
import { prefs } from "./prefs.js";
import { onSound, soundState, wakeSound } from "./sound.js";
import { live, useStore } from "./store.js";
import { html, useEffect, useState } from "./ui.js";
import { behind_s, isStalled } from "./watching.js";

const MOST_NAMED = 2; // sites under test: on the day when a dozen are tested the fires keep their room
const SOUND_STARTS_WITHIN_MS = 1000; // where the browser allows it without a click

const Banner = ({ kind, icon, children, role = "status", to, said }) => html`<div
  class=${`banner ${kind}`}
  role=${said ? undefined : role}
>
  <${Icon} name=${icon} size="18" />
  ${said ? html`<${Running} said=${said} role=${role}>${children}<//>` : html`<span>${children}</span>`}
  ${to && html`<a class="goto" href=${to}>${t("banner.goto")}</a>`}
</div>`;

// A fire notice that 119 has not accepted in time: whose fire, for how long, and the number to call.
function LateNotice({ notices, alarms, now }) {
  const [oldest] = notices;
  const alarm = alarms.get(oldest.alarm_id);
  const site = siteOrDevice(alarm) || `#${oldest.alarm_id}`;
  const waited = span((now - Date.parse(oldest.created_at)) / 1000);
  const more = notices.length > 1 ? ` ${t("banner.late_more", { n: notices.length - 1 })}` : "";
  return html`<div class="banner warn late-notice" data-notice=${oldest.id}>
    <${Icon} name="phone" size="18" />
    <${Running} said=${t("banner.late_said", { site }) + more} role="alert">
      ${t("banner.late", { site, span: waited })}${more}
    <//>
    <a class="goto" href="tel:119">${t("banner.call_119")}</a>
    <a class="goto" href=${`#/desk/${oldest.alarm_id}`}>${t("banner.goto")}</a>
  </div>`;
}

// A browser that lets no page sound before a click: said in a bar, because a fire would not be heard.
function SoundBlocked() {
  const [asked, setAsked] = useState(false);
  const [, draw] = useState(0);
  const wanted = useStore(prefs, (p) => p.sound);
  useEffect(() => onSound(() => draw((n) => n + 1)), []);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(true), SOUND_STARTS_WITHIN_MS);
    return () => clearTimeout(timer);
  }, []);
  if (!asked || !wanted || soundState() !== "blocked") return null;
  return html`<div class="banner sound" role="alert">
    <${Icon} name="mute" size="18" />
    <span>${t("banner.sound")}</span>
    <button class="button small" onClick=${wakeSound}>${t("bar.sound_blocked")}</button>
  </div>`;
}

export function Banners() {
  const now = useNow();
  const state = useStore(live, (all) => all);
  const { connection, lostAt, databaseAway, outdated, alarms, notices, system } = state;
  const overdue = [...alarms.values()]
    .filter((alarm) => isOverdue(alarm, now))
    .sort(inQueueOrder("oldest")); // the bar leads to the first
  const undelivered = [...notices.values()].filter((notice) => isUndelivered(notice, now));
  const noDesk = nobodyCalls([...notices.values()], now);
  const late = [...notices.values()]
    .filter((notice) => isLate(notice, now) && !isUndelivered(notice, now))
    .sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
  const lost_ms = Date.now() - lostAt;
  const drill = system?.drill_until && Date.parse(system.drill_until) > now;
  const windows = (system?.test_windows ?? []).filter((each) => Date.parse(each.until) > now);
  const named = windows.length > MOST_NAMED + 1 ? windows.slice(0, MOST_NAMED) : windows;
  return html`<div class="banners">
    ${connection === "lost" && html`<${Banner}
      kind="lost"
      icon="warn"
      role="alert"
      said=${t(databaseAway ? "banner.database_said" : "banner.lost_said")}
    >
      ${t(databaseAway ? "banner.database" : "banner.lost", {
        at: dateTime(now - lost_ms),
        span: span(lost_ms / 1000),
      })}
    <//>`}
    ${outdated && html`<div class="banner test" role="status">
      <${Icon} name="warn" size="18" />
      <span>${t("banner.outdated")}</span>
      <button class="button small" onClick=${() => location.reload()}>${t("banner.reload")}</button>
    </div>`}
    ${overdue.length > 0 && html`<${Banner}
      kind="loud"
      icon="fire"
      role="alert"
      to=${`#/desk/${overdue[0].id}`}
    >
      ${t("banner.overdue", { n: overdue.length })}
    <//>`}
    ${noDesk && html`<${Banner} kind="loud" icon="phone" role="alert" to="#/system">
      ${t("banner.no_desk")}
    <//>`}
    ${!noDesk && undelivered.length > 0 && html`<${Banner}
      kind="loud"
      icon="phone"
      role="alert"
      to="#/system"
    >
      ${t("banner.undelivered", { n: undelivered.length })}
    <//>`}
    ${late.length > 0 && html`<${LateNotice} notices=${late} alarms=${alarms} now=${now} />`}
    <${SoundBlocked} />
    ${connection === "live" && isStalled(system, now) && html`<${Banner}
      kind="warn"
      icon="clock"
      said=${t("watching.stalled")}
    >
      ${t("banner.stalled", { span: span(behind_s(system, now)) })}
    <//>`}
    ${drill && html`<${Banner} kind="drill" icon="play">
      ${t("banner.drill", { until: clockTime(system.drill_until, false) })}
    <//>`}
    ${named.map((each) => html`<${Banner} kind="test" icon="note" key=${each.site_id}>
      ${t("banner.test", { site: each.site_name, until: clockTime(each.until, false), reason: each.reason })}
    <//>`)}
    ${named.length < windows.length && html`<${Banner} kind="test" icon="note" to="#/map">
      ${t("banner.test_more", { n: windows.length - named.length })}
    <//>`}
  </div>`;
}
