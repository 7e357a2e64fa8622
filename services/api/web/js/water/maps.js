// The way to a source in the map application of the phone. Ours are WGS 84; Amap and Apple's map of China
// draw in GCJ-02 and take a position as theirs, so it is converted: 575 m lie between the two in Baode.
import { t } from "../i18n.js";
import { prefs, remember } from "../prefs.js";
import { useStore } from "../store.js";
import { html } from "../ui.js";
import { toGcj02 } from "./ground.js";

const APPLE = /iPhone|iPad|Macintosh/.test(navigator.userAgent);
const DIGITS = 6;

function amap(place, name) {
  const { lon, lat } = toGcj02(place);
  const to = new URLSearchParams({
    sourceApplication: "firetower",
    dlat: lat.toFixed(DIGITS),
    dlon: lon.toFixed(DIGITS),
    dname: name,
    dev: 0, // the position is GCJ-02 already
    t: 0, // by car
  });
  return APPLE ? `iosamap://path?${to}` : `amapuri://route/plan/?${to}`;
}

function apple(place) {
  const { lon, lat } = toGcj02(place);
  return `maps://?daddr=${lat.toFixed(DIGITS)},${lon.toFixed(DIGITS)}&dirflg=d`;
}

function system({ lon, lat }, name) {
  const at = `${lat.toFixed(DIGITS)},${lon.toFixed(DIGITS)}`;
  return `geo:${at}?q=${at}(${encodeURIComponent(name)})`;
}

const APPS = { system, amap, apple };
const usual = APPLE ? "apple" : "system";
const chosen = (name) => (APPS[name] ? name : usual);

export const wayTo = (place, name) => APPS[chosen(prefs.get().maps)](place, name);

export function MapApps() {
  const app = useStore(prefs, (p) => chosen(p.maps));
  return html`<select
    aria-label=${t("water.app")}
    value=${app}
    onChange=${(event) => remember({ maps: event.target.value })}
  >
    ${Object.keys(APPS).map((name) => html`<option key=${name} value=${name}>
      ${t(`water.app.${name}`)}
    </option>`)}
  </select>`;
}
