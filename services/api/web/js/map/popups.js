// What stands beside a press on the map: devices to choose from, a site under test, or a grid with its people
// and what they have to do.
import { get } from "../api.js";
import { clockTime } from "../format.js";
import { t, word } from "../i18n.js";
import { Failure, personName } from "../parts.js";
import { html, render } from "../ui.js";

function shown(content) {
  const element = document.createElement("div");
  element.className = "map-popup";
  render(content, element);
  return element;
}

export const testPopup = ({ site_name, until, reason, by }) => shown(html`
  <b>${site_name}</b>
  <p>${t("map.test_until", { until: clockTime(until, false) })}</p>
  <p>${reason}${by ? ` (${personName(by)})` : ""}</p>
  <p class="hint">${t("map.test_line")}</p>
`);

// Devices that stand at one place, to choose from.
export const severalPopup = (devices) => shown(html`
  <b>${t("map.several", { n: devices.length })}</b>
  <ul>
    ${devices.map((device) => html`<li key=${device.code}>
      <a href=${`#/map/${encodeURIComponent(device.code)}`}>${device.name || device.code}</a>
      ${" "}
      <small>${word("kind", device.kind)} · ${word("status", device.status)}</small>
    </li>`)}
  </ul>
`);

const Person = ({ person }) => html`<li>
  ${person.name}${person.role ? ` · ${person.role}` : ""}
  ${person.phone && html`${" "}<a href=${`tel:${person.phone}`}>${person.phone}</a>`}
</li>`;

const COUNTS = ["devices", "sites", "hazards", "inspections_due", "silent_devices"];

function Grid({ duties: { grid, counts } }) {
  return html`
    <b>${grid.name}</b> <small>${grid.id}</small>
    ${grid.people.length > 0
      ? html`<ul>${grid.people.map((person) => html`<${Person} key=${person.name} person=${person} />`)}</ul>`
      : html`<p class="hint">${t("map.grid_nobody")}</p>`}
    <dl>
      ${COUNTS.map((name) => html`<div key=${name} class=${counts[name] ? "" : "none"}>
        <dt>${t(`map.grid.${name}`)}</dt>
        <dd>${counts[name]}</dd>
      </div>`)}
    </dl>
  `;
}

// Read before it is shown: where a popup has room depends on its height.
export const gridPopup = (id) =>
  get(`/api/v1/grids/${encodeURIComponent(id)}/duties?limit=1`).then(
    (duties) => shown(html`<${Grid} duties=${duties} />`),
    (problem) => shown(html`<${Failure} problem=${problem} />`),
  );
