// The map as a table: for browsers without WebGL, for keyboards and for screen readers.
import { areaName } from "../format.js";
import { SeverityMark } from "../icons.js";
import { t, word } from "../i18n.js";
import { Status } from "../parts.js";
import { knownDevices, onDevices } from "../store.js";
import { html, useEffect, useState } from "../ui.js";
import { SEVERITIES } from "../words/lists.js";

const STEP = 200;
const urgency = ({ alarm }) => (alarm ? SEVERITIES.indexOf(alarm) : SEVERITIES.length);

export function DeviceList({ keep }) {
  const [, draw] = useState(0);
  const [most, setMost] = useState(STEP);
  useEffect(() => {
    let timer = 0;
    const leave = onDevices(() => {
      timer ||= setTimeout(() => {
        timer = 0;
        draw((n) => n + 1);
      }, 1000);
    });
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, []);
  const here = [...knownDevices.values()].filter(({ location }) => location);
  const rows = here
    .filter(keep ?? (() => true))
    .sort((a, b) => urgency(a) - urgency(b));
  return html`
    <p class="hint" role="status">${t("map.shown", { n: rows.length, all: here.length })}</p>
    <table class="device-table">
      <thead>
        <tr>
          <th>${t("devices.name")}</th>
          <th>${t("devices.kind")}</th>
          <th>${t("devices.area")}</th>
          <th>${t("devices.status")}</th>
          <th>${t("devices.alarm")}</th>
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, most).map((device) => html`<tr key=${device.code}>
          <td>
            <a href=${`#/map/${device.code}`}>${device.name || device.code}</a>
            <small>${device.code}</small>
          </td>
          <td>${word("kind", device.kind)}</td>
          <td>${areaName(device.area)}</td>
          <td><${Status} status=${device.status} /></td>
          <td>
            ${device.alarm && html`
              <${SeverityMark} severity=${device.alarm} /> ${word("severity", device.alarm)}
            `}
          </td>
        </tr>`)}
      </tbody>
    </table>
    ${rows.length > most && html`<button class="button wide" onClick=${() => setMost(most + STEP)}>
      ${t("devices.more")} (${rows.length - most})
    </button>`}
  `;
}
