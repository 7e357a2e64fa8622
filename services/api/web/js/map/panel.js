// One device beside the map: live values, its open alarms, the last 24 hours.
import { isOpen } from "../alarms.js";
import { get } from "../api.js";
import { useNow } from "../clock.js";
import { ago, areaName, clockTime, dateTime } from "../format.js";
import { Icon } from "../icons.js";
import { t, word } from "../i18n.js";
import { alarmName, Failure, Severity, Status } from "../parts.js";
import { useRoute } from "../route.js";
import { live, putDevices, useDevice, useStore } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { DayChart } from "../devices/day-chart.js";
import { Values } from "../devices/values.js";

const WATER_PLACE = /^water\/-?[\d.]+,-?[\d.]+$/; // no other way back is followed

const waterAround = ({ lon, lat }) => `#/water/${lon.toFixed(6)},${lat.toFixed(6)}`;

export function DevicePanel({ code, onLook, onClose }) {
  const now = useNow();
  const device = useDevice(code);
  const { alarms, round, system } = useStore(live, (state) => state);
  const [full, setFull] = useState(null);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    const askedAt = performance.now();
    get(`/api/v1/devices/${encodeURIComponent(code)}`).then((read) => {
      putDevices([read], askedAt);
      setFull(read);
    }, setProblem);
  }, [code, round]);
  const test = full?.site && system?.test_windows?.find((each) => each.site_id === full.site);
  const back = useRoute().search.get("back") ?? "";
  const mine = [...alarms.values()].filter((alarm) => alarm.device === code && isOpen(alarm));
  return html`<aside class="map-panel" aria-label=${device?.name || code}>
    <header>
      <div>
        <h2>${device?.name || code}</h2>
        <p>
          ${code} · ${device ? word("kind", device.kind) : ""}
          ${device?.form ? ` · ${word("form", device.form)}` : ""} · ${areaName(device?.area)}
        </p>
      </div>
      <div class="panel-tools">
        ${onLook && device?.location && html`<button
          class="tool"
          onClick=${onLook}
          aria-label=${t("map.look")}
        >
          <${Icon} name="target" />
        </button>`}
        <button class="tool" onClick=${onClose} aria-label=${t("map.close")}><${Icon} name="cross" /></button>
      </div>
    </header>
    ${WATER_PLACE.test(back) && html`<a class="button small" href=${`#/${back}`}>
      <${Icon} name="back" size="16" />
      ${t("water.back")}
    </a>`}
    ${problem && html`<${Failure} problem=${problem} />`}
    ${device && html`<p class="panel-state">
      <${Status} status=${device.status} /> <span>${t("devices.seen")} ${ago(device.last_seen, now)}</span>
    </p>`}
    ${full?.out_of_service_until && device?.status === "out_of_service" && html`<p class="service-line">
      <${Icon} name="pause" size="18" />
      <span>
        ${t("handover.until", { at: dateTime(full.out_of_service_until) })} · ${full.out_of_service_reason}
      </span>
    </p>`}
    ${test && html`<p class="service-line">
      <i class="mark-flag" aria-hidden="true"></i>
      <span>${t("map.test_until", { until: clockTime(test.until, false) })} · ${test.reason}</span>
    </p>`}
    ${mine.map((alarm) => html`<a
      key=${alarm.id}
      class=${`panel-alarm wash-${alarm.severity}`}
      href=${`#/desk/${alarm.id}`}
    >
      <${Severity} severity=${alarm.severity} /> ${alarmName(alarm)}
    </a>`)}
    ${device?.state && html`<${Values} device=${device} now=${now} />`}
    ${full && html`<h3>${t("map.chart24")}</h3><${DayChart} device=${full} />`}
    ${device?.location && html`<a class="button wide" href=${waterAround(device.location)}>
      ${t("water.around")}
    </a>`}
    <a class="button wide" href=${`#/devices/${encodeURIComponent(code)}`}>${t("desk.device_page")}</a>
  </aside>`;
}
