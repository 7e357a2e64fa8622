// The devices of one map as GeoJSON features, what became of them since, and which of them a filter shows.
import { collection } from "./overlays.js";

const pointOf = ({ lon, lat }) => ({ type: "Point", coordinates: [lon, lat] });
const isElsewhere = ({ geometry }, at) =>
  !!at && (geometry?.coordinates[0] !== at.lon || geometry.coordinates[1] !== at.lat);

const featureOf = ({ code, kind, name, area, status, alarm, location }) => ({
  type: "Feature",
  geometry: pointOf(location),
  properties: { code, kind, name, area, status, alarm: alarm ?? null },
});

export class Features {
  #ids = new Map();
  #holds;

  constructor(holds = () => true) {
    this.#holds = holds;
    this.all = collection([]);
    this.shown = null; // of a filter
    this.keep = null; // what the filter keeps
    this.states = new Map(); // by code: what colours it
    this.changed = new Set(); // codes that are to be coloured anew
    this.moved = false; // devices came under the filter, or left it
  }

  get visible() {
    return this.shown ?? this.all;
  }

  know(devices) {
    this.all = devices;
    for (const feature of devices.features) this.#ids.set(feature.properties.code, feature);
  }

  // Take what is known of devices now. Returns the features that are new or stand elsewhere.
  change(items) {
    const fresh = [];
    for (const item of items) {
      if (!this.#ids.has(item.code)) {
        if (!item.location || !this.#holds(item)) continue;
        this.#add(featureOf(item));
        fresh.push(this.#ids.get(item.code));
      }
      const known = this.#ids.get(item.code);
      if (isElsewhere(known, item.location)) {
        known.geometry = pointOf(item.location);
        fresh.push(known);
      }
      const kept = this.keep?.(known.properties);
      this.#renew(known.properties, item);
      this.moved ||= this.keep?.(known.properties) !== kept;
    }
    return fresh;
  }

  #add(feature) {
    this.#ids.set(feature.properties.code, feature);
    this.all.features.push(feature);
    this.moved ||= !!this.keep?.(feature.properties);
  }

  #renew(properties, item) {
    for (const name of ["kind", "name", "area"]) if (item[name] !== undefined) properties[name] = item[name];
    const { code, status, alarm } = item;
    const before = this.states.get(code) ?? properties;
    const state = {
      status: status ?? before.status,
      alarm: alarm === undefined ? before.alarm : (alarm ?? ""),
    };
    if (before.status === state.status && (before.alarm ?? "") === (state.alarm ?? "")) return;
    Object.assign(properties, state);
    this.states.set(code, state);
    this.changed.add(code);
  }

  // Let go of devices that are not here to be seen any more. Returns whether one of them was.
  forget(codes) {
    const gone = codes.filter((code) => this.#ids.has(code));
    for (const code of gone) for (const each of [this.#ids, this.states, this.changed]) each.delete(code);
    if (!gone.length) return false;
    const features = this.all.features.filter(({ properties: { code } }) => this.#ids.has(code));
    this.all = { ...this.all, features };
    this.filter(this.keep);
    this.moved = true;
    return true;
  }

  // Without `keep` all are shown.
  filter(keep) {
    this.keep = keep;
    this.moved = false;
    const kept = () => this.all.features.filter((feature) => keep(feature.properties));
    this.shown = keep ? collection(kept()) : null;
  }

  whereIs(code) {
    const coordinates = this.#ids.get(code)?.geometry?.coordinates;
    return coordinates && { lon: coordinates[0], lat: coordinates[1] };
  }
}
