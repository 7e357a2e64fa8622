// What stands beside an alarm: the site's people and way in, water, evidence, notices to 119, the time line.
import { clockTime, dateTime, distance, bearing, latency, measured, unit } from "../format.js";
import { Icon, SeverityMark } from "../icons.js";
import { pick, t, word } from "../i18n.js";
import { alarmName, deviceName, personName } from "../parts.js";
import { html } from "../ui.js";

const Card = ({ title, icon, kind = "", children }) => html`<section class=${`card ${kind}`}>
  <h3><${Icon} name=${icon} size="18" />${title}</h3>
  ${children}
</section>`;

export function SiteCard({ alarm, onTest }) {
  const site = alarm.site;
  if (!site)
    return alarm.category === "fire"
      ? html`<${Card} title=${t("desk.site")} icon="door"><p class="hint">${t("desk.no_site")}</p><//>`
      : null;
  return html`<${Card} title=${site.name} icon="door" kind="site-card">
    ${site.address && html`<p>${site.address}</p>`}
    ${site.access_note && html`<p class="access"><b>${t("desk.access")}</b> ${site.access_note}</p>`}
    ${site.contacts?.length > 0 && html`<ul class="contacts" aria-label=${t("desk.contacts")}>
      ${site.contacts.map((contact) => html`<li key=${contact.phone}>
        <span>${contact.name}<small>${contact.role}</small></span>
        <a class="call" href=${`tel:${contact.phone}`}><${Icon} name="phone" size="16" />${contact.phone}</a>
      </li>`)}
    </ul>`}
    ${site.false_alarms_30d > 0 && html`<p class="hint">
      ${t("desk.false_30d", { n: site.false_alarms_30d })}
    </p>`}
    ${onTest && html`<button class="link" onClick=${onTest}>${t("desk.test_site")}</button>`}
  <//>`;
}

// The water page from where an alarm is: its own hydrant or tank is no help there.
function waterAround({ id, device, location: { lon, lat } }) {
  const of = new URLSearchParams({ alarm: id, ...(device ? { device } : {}) });
  return `#/water/${lon.toFixed(6)},${lat.toFixed(6)}?${of}`;
}

export function NearestWater({ alarm }) {
  if (!alarm.location) return null;
  const sources = alarm.nearest_water ?? [];
  return html`<${Card} title=${t("desk.nearest_water")} icon="water">
    <ul class="near">
      ${sources.slice(0, 4).map((source) => html`<li
        key=${source.code}
        class=${source.usable === false ? "off" : ""}
      >
        <a href=${`#/devices/${source.code}`}>${source.name || source.code}</a>
        <span>
          ${distance(source.distance_m)}
          ${source.bearing_deg === undefined ? "" : ` ${bearing(source.bearing_deg)}`}
        </span>
        <b>
          ${source.reasons?.length
            ? source.reasons.map((reason) => pick(reason.text, reason.text_en)).join("、")
            : source.pressure_mpa !== null && source.pressure_mpa !== undefined
              ? `${measured("pressure_mpa", source.pressure_mpa)}\u00a0${unit("pressure_mpa")}`
              : source.level_pct !== null && source.level_pct !== undefined
                ? `${measured("level_pct", source.level_pct)}\u00a0%`
                : "–"}
        </b>
      </li>`)}
    </ul>
    <a class="button small water-around" href=${waterAround(alarm)}>
      <${Icon} name="water" size="16" />
      ${t("water.around")}
    </a>
  <//>`;
}

export function Evidence({ items }) {
  if (!items?.length) return null;
  return html`<${Card} title=${t("desk.evidence")} icon="list">
    <ol class="evidence">
      ${items.map((item, i) => html`<li key=${i}>
        <time>${clockTime(item.at)}</time>
        <span>${pick(item.text, item.text_en)}</span>
      </li>`)}
    </ol>
  <//>`;
}

export function Notices({ items, fire }) {
  if (!items?.length) {
    if (!fire) return null;
    return html`<${Card} title=${t("desk.notices")} icon="phone">
      ${items ? html`<p class="hint">${t("desk.no_notices")}</p>` : html`<p class="loading">…</p>`}
    <//>`;
  }
  return html`<${Card} title=${t("desk.notices")} icon="phone">
    <ul class="notices">
      ${items.map((notice) => html`<li
        key=${notice.id}
        class=${`notice-${notice.state}`}
        data-notice=${notice.type}
        data-state=${notice.state}
      >
        <span>${word("notice", notice.type)}<small>${clockTime(notice.created_at)}</small></span>
        <b>
          ${word("notice_state", notice.state)}
          <small>
            ${notice.state === "delivered"
              ? t("desk.accepted_in", {
                  latency: latency((Date.parse(notice.delivered_at) - Date.parse(notice.created_at)) / 1000),
                })
              : notice.attempts
                ? t("system.attempts", { n: notice.attempts })
                : ""}
            ${" "}
            ${notice.desk_incident_id ?? ""}${notice.last_error ?? ""}
          </small>
        </b>
      </li>`)}
    </ul>
  <//>`;
}

// A reason is said in both languages.
const because = (detail) => (Array.isArray(detail?.reason) ? pick(...detail.reason) : (detail?.reason ?? ""));

const JUDGING = ["verified", "corrected"];

export function TimeLine({ items }) {
  if (!items?.length) return null;
  return html`<${Card} title=${t("desk.timeline")} icon="clock" kind="wide">
    <ol class="timeline">
      ${[...items].reverse().map((item, i) => html`<li
        key=${i}
        class=${`by-${(item.actor ?? "").split(":")[0]}`}
      >
        <time title=${item.at}>${dateTime(item.at)}</time>
        <span>
          <b>${word("outcome", item.outcome || item.act)}</b>
          ${JUDGING.includes(item.outcome) ? ` ${word("verification", item.detail?.verification)}` : ""}
          <small>${personName(item.actor)}</small>
          ${item.detail?.note && html`<q class="said">${item.detail.note}</q>`}
          ${because(item.detail) && html`<q>${because(item.detail)}</q>`}
        </span>
      </li>`)}
    </ol>
  <//>`;
}

export function Siblings({ items }) {
  if (!items?.length) return null;
  return html`<${Card} title=${t("desk.siblings")} icon="devices" kind="wide">
    <ul class="siblings">
      ${items.map((alarm) => html`<li key=${alarm.id}>
        <a href=${`#/desk/${alarm.id}`}>
          <${SeverityMark} severity=${alarm.severity} />
          ${alarmName(alarm)} · ${deviceName(alarm)}
        </a>
      </li>`)}
    </ul>
  <//>`;
}
