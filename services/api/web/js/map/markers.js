// Marks on the map that are elements of the page: open alarms, pulsing, and the page's own pins.
import * as maplibre from "../../vendor/maplibre-gl.mjs";
import { inQueueOrder, isFire, isWaiting } from "../alarms.js";
import { alarmName, alarmPlace, siteOrDevice } from "../parts.js";
import { SEVERITIES } from "../words/lists.js";

const MOST_MARKERS = 120;

// One mark a device, for the worst of its alarms.
function worstOfEach(alarms, placeOf) {
  const worst = new Map();
  const before = inQueueOrder("newest");
  for (const alarm of alarms) {
    const at = placeOf(alarm.device) ?? alarm.location;
    if (!at) continue;
    const key = alarm.device ?? `alarm-${alarm.id}`;
    if (!worst.has(key) || before(alarm, worst.get(key).alarm) < 0) worst.set(key, { alarm, at });
  }
  return [...worst].sort(([, a], [, b]) => before(a.alarm, b.alarm)).slice(0, MOST_MARKERS);
}

function dress(button, alarm, onPick) {
  button.classList.add("pin");
  for (const name of SEVERITIES) button.classList.toggle(`pin-${name}`, alarm.severity === name);
  button.classList.toggle("pin-fire", isFire(alarm));
  button.classList.toggle("pin-waiting", isWaiting(alarm));
  button.dataset.alarm = alarm.id;
  button.dataset.label = siteOrDevice(alarm);
  button.setAttribute("aria-label", `${alarmName(alarm)} ${alarmPlace(alarm)}`);
  button.title = button.getAttribute("aria-label");
  button.onclick = (event) => {
    event.stopPropagation();
    onPick?.(alarm);
  };
}

const DIGITS = 5; // about a metre

function say(marker) {
  const { lng, lat } = marker.getLngLat();
  marker.getElement().dataset.place = `${lng.toFixed(DIGITS)}, ${lat.toFixed(DIGITS)}`;
}

export class Markers {
  #alarms = new Map();
  #pins = new Map();
  #popup = null;

  // `placeOf(code)`: where a device stands now, if it is known; else the alarm says where.
  show(map, alarms, placeOf, onPick) {
    const chosen = worstOfEach(alarms, placeOf);
    const kept = new Set(chosen.map(([key]) => key));
    for (const [key, marker] of this.#alarms) {
      if (kept.has(key)) continue;
      marker.remove();
      this.#alarms.delete(key);
    }
    for (const [key, { alarm, at }] of chosen) {
      let marker = this.#alarms.get(key);
      if (!marker) {
        const element = document.createElement("button");
        element.append(document.createElement("i")); // the shape that says the severity
        marker = new maplibre.Marker({ element }).setLngLat([at.lon, at.lat]).addTo(map);
        this.#alarms.set(key, marker);
      }
      marker.setLngLat([at.lon, at.lat]);
      dress(marker.getElement(), alarm, onPick);
    }
  }

  // With `onMoved(lon, lat)` it can be dragged, and says where it stands.
  pin(map, name, lon, lat, onMoved) {
    let marker = this.#pins.get(name);
    if (!marker) {
      const element = document.createElement("div");
      element.className = `pin-${name}`;
      marker = new maplibre.Marker({ element, draggable: !!onMoved }).setLngLat([lon, lat]).addTo(map);
      if (onMoved) {
        marker.on("drag", () => say(marker));
        marker.on("dragend", () => onMoved(marker.getLngLat().lng, marker.getLngLat().lat));
      }
      this.#pins.set(name, marker);
    }
    marker.setLngLat([lon, lat]);
    if (onMoved) say(marker);
  }

  // Without an element: what stands there is closed.
  popUp(map, lngLat, element) {
    this.#popup?.remove();
    if (!element) return;
    this.#popup = new maplibre.Popup({ maxWidth: "320px" })
      .setLngLat(lngLat)
      .setDOMContent(element)
      .addTo(map);
  }

  unpin(name) {
    this.#pins.get(name)?.remove();
    this.#pins.delete(name);
  }
}
