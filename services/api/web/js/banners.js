// What every page must show above everything else:
// no connection, nobody took it, 119 did not take it, drill, tests.
import { isOverdue, isUndelivered, nobodyCalls } from "./alarms.js";
import { useNow } from "./clock.js";
import { clockTime, span } from "./format.js";
import { Icon } from "./icons.js";
import { t } from "./i18n.js";
import { live, useStore } from "./store.js";
import { html } from "./ui.js";

const STALLED_AFTER_S = 10;

const Banner = ({ kind, icon, children, role = "status", to }) => html`<div
  class=${`banner ${kind}`}
  role=${role}
>
  <${Icon} name=${icon} size="18" />
  <span>${children}</span>
  ${to && html`<a class="goto" href=${to}>${t("banner.goto")}</a>`}
</div>`;

export function Banners() {
  const now = useNow();
  const { connection, lostAt, databaseAway, alarms, notices, system } = useStore(live, (state) => state);
  const overdue = [...alarms.values()].filter((alarm) => isOverdue(alarm, now));
  const undelivered = [...notices.values()].filter((notice) => isUndelivered(notice, now));
  const noDesk = nobodyCalls([...notices.values()], now);
  const behind_s = system?.watermark_at ? (now - Date.parse(system.watermark_at)) / 1000 : 0;
  const drill = system?.drill_until && Date.parse(system.drill_until) > now;
  const windows = (system?.test_windows ?? []).filter((each) => Date.parse(each.until) > now);
  return html`<div class="banners">
    ${connection === "lost" && html`<${Banner} kind="lost" icon="warn" role="alert">
      ${t(databaseAway ? "banner.database" : "banner.lost", { span: span((Date.now() - lostAt) / 1000) })}
    <//>`}
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
    ${connection === "live" && behind_s > STALLED_AFTER_S && html`<${Banner} kind="warn" icon="clock">
      ${t("banner.stalled", { span: span(behind_s) })}
    <//>`}
    ${drill && html`<${Banner} kind="drill" icon="play">
      ${t("banner.drill", { until: clockTime(system.drill_until, false) })}
    <//>`}
    ${windows.map((each) => html`<${Banner} kind="test" icon="note" key=${each.site_id}>
      ${t("banner.test", { site: each.site_name, until: clockTime(each.until, false), reason: each.reason })}
    <//>`)}
  </div>`;
}
