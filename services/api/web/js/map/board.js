// The map itself: devices in one source that is never rebuilt by live changes (feature state colours them),
// open alarms as pulsing markers on top. Used by the map page, the wall and the water page.
// It opens while the devices are still on their way: graphics, worker and shaders take as long as they do.
import * as maplibre from "../../vendor/maplibre-gl.mjs";
import { knownDevices } from "../store.js";
import { distanceField, KINDS } from "./glyphs.js";
import { Markers } from "./markers.js";
import { COARSE_ZOOM, deviceLayers, mapStyle, namesOf, palette } from "./style.js";

const CLUSTER_BELOW_ZOOM = 13;
// One redraw for all devices that changed meanwhile; alarms do not wait, they are markers.
const COLOUR_EVERY_MS = 400;
const GROUND = ["base", "names"];
const NO_DEVICES = { type: "FeatureCollection", features: [] };

maplibre.prewarm(); // the worker starts while the first answers are on their way

// A probe canvas would cost a whole graphics context;
// the map itself is the probe, and remembers when it failed.
let webglFailed = typeof WebGL2RenderingContext === "undefined";
export const webglWorks = () => !webglFailed;

let pmtilesReady = null;
function usePmtiles() {
  pmtilesReady ??= new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), {
      src: "/static/vendor/pmtiles.js",
      onload: resolve,
      onerror: reject,
    });
    document.head.append(script);
  }).then(() => maplibre.addProtocol("pmtiles", new globalThis.pmtiles.Protocol().tile));
  return pmtilesReady;
}

export class Board {
  // `settings` is the answer of GET /map, `geojson` a promise of the devices; `onPick(code)` when one is
  // clicked, `onPlace(lon, lat)` for bare ground, `onGroundLost()` when tiles of the base map did not come,
  // `onFiltered(n)` when devices came under the filter or left it; `size` enlarges texts and shapes for a far
  // eye. `ready` comes true when the map holds the devices; it fails with what kept it from that.
  constructor(frame, { settings, geojson, onFiltered, size = 1, controls = true, ...heard }) {
    Object.assign(this, {
      settings,
      size,
      onFiltered,
      keep: null,
      moved: false, // devices came under the filter, or left it
      all: NO_DEVICES,
      names: namesOf([]),
      markers: new Markers(),
      ids: new Map(),
      states: new Map(),
      changed: new Set(),
      shown: null,
      put: false,
      timer: 0,
    });
    // Devices that are there before the map belong to its first style: the worker then has one errand less.
    geojson.then(
      (devices) => this.#know(devices),
      () => null,
    );
    const opened = (settings.basemap?.kind === "pmtiles" ? usePmtiles() : Promise.resolve())
      .then(() => this.#open(frame, controls, heard))
      .catch((cause) => {
        if (/webgl/i.test(JSON.stringify(cause?.message ?? ""))) webglFailed = true;
        throw cause;
      });
    this.ready = Promise.all([opened, geojson]).then(() => this.#put(frame));
  }

  #open(frame, controls, { onPick, onPlace, onGroundLost }) {
    this.map = new maplibre.Map({
      container: frame,
      style: this.#style(),
      bounds: this.settings.bounds,
      fitBoundsOptions: { padding: 50 },
      localIdeographFontFamily:
        "'Noto Sans CJK SC','Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif",
      attributionControl: this.settings.basemap?.attribution ? {} : false,
      dragRotate: false,
      pitchWithRotate: false,
      maxZoom: 19,
      fadeDuration: 0,
      refreshExpiredTiles: false,
    });
    const { map } = this;
    map.touchZoomRotate.disableRotation();
    if (controls) map.addControl(new maplibre.NavigationControl({ showCompass: false }), "bottom-right");
    if (controls) map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-left");
    return new Promise((resolve) => {
      map.on("style.load", () => {
        this.#dress();
        resolve();
      });
      // Tiles of the ground may stay away (the map goes on without them); anything else is a fault of ours.
      map.on("error", (event) =>
        GROUND.includes(event.sourceId) ? onGroundLost?.() : console.error(event.error),
      );
      map.on("click", (event) => {
        const box = [
          [event.point.x - 8, event.point.y - 8],
          [event.point.x + 8, event.point.y + 8],
        ];
        const [hit] = map.getLayer("devices")
          ? map.queryRenderedFeatures(box, { layers: ["devices", "clusters"] })
          : [];
        if (!hit) return onPlace?.(event.lngLat.lng, event.lngLat.lat);
        if (!hit.properties.cluster) return onPick?.(hit.properties.code);
        return map
          .getSource("devices")
          .getClusterExpansionZoom(hit.properties.cluster_id)
          .then((zoom) => map.easeTo({ center: hit.geometry.coordinates, zoom: zoom + 0.3 }));
      });
      for (const layer of ["devices", "clusters"]) {
        map.on("mouseenter", layer, () => {
          map.getCanvas().style.cursor = "pointer";
        });
        map.on("mouseleave", layer, () => {
          map.getCanvas().style.cursor = "";
        });
      }
    });
  }

  #know(devices) {
    this.all = devices;
    for (const feature of devices.features) this.ids.set(feature.properties.code, feature);
  }

  // The devices as they arrived, and what has become known of them in the meantime.
  #put(frame) {
    if (!this.map) return;
    if (this.styled !== this.all) this.map.getSource("devices").setData(this.all);
    this.map.once("idle", () => {
      frame.dataset.drawn = String(Math.round(performance.now()));
    });
    this.put = true;
    this.change([...knownDevices.values()]);
  }

  #style() {
    const colours = palette();
    const style = mapStyle(this.settings, colours);
    this.styled = this.shown ?? this.all;
    this.namesDrawn = this.names;
    style.sources.areas = { type: "geojson", data: this.names, maxzoom: COARSE_ZOOM };
    style.sources.devices = {
      type: "geojson",
      data: this.styled,
      promoteId: "code",
      cluster: true,
      clusterMaxZoom: CLUSTER_BELOW_ZOOM - 1,
      clusterRadius: 42,
    };
    style.layers.push(...deviceLayers(colours, this.size));
    return style;
  }

  #dress() {
    for (const kind of KINDS)
      if (!this.map.hasImage(kind))
        this.map.addImage(kind, distanceField(kind), { sdf: true, pixelRatio: 1 });
    for (const [code, state] of this.states) this.map.setFeatureState({ source: "devices", id: code }, state);
  }

  // The names on the ground.
  nameAreas(areas) {
    if (areas !== this.named) Object.assign(this, { named: areas, names: namesOf(areas) });
    const source = this.map?.getSource("areas");
    if (!source || this.namesDrawn === this.names) return;
    this.namesDrawn = this.names;
    source.setData(this.names);
  }

  extent() {
    const points = this.all.features.map((feature) => feature.geometry?.coordinates).filter(Boolean);
    if (!points.length) return this.settings.bounds;
    const lons = points.map(([lon]) => lon).sort((a, b) => a - b);
    const lats = points.map(([, lat]) => lat).sort((a, b) => a - b);
    return [
      [lons[0], lats[0]],
      [lons.at(-1), lats.at(-1)],
    ];
  }

  // Live changes: colours by feature state; a device nobody knew is added, nothing is rebuilt.
  change(items) {
    if (!this.put) return; // #put takes all that is known
    const fresh = [];
    for (const { code, status, alarm, location, kind, name, area } of items) {
      if (!this.ids.has(code)) {
        if (!location) continue;
        const feature = {
          type: "Feature",
          geometry: { type: "Point", coordinates: [location.lon, location.lat] },
          properties: { code, kind, name, area, status, alarm: alarm ?? null },
        };
        this.ids.set(code, feature);
        this.all.features.push(feature);
        fresh.push(feature);
        this.moved ||= !!this.keep?.(feature.properties);
      }
      const { properties } = this.ids.get(code);
      const before = this.states.get(code) ?? properties;
      const state = {
        status: status ?? before.status,
        alarm: alarm === undefined ? before.alarm : (alarm ?? ""),
      };
      if (before.status === state.status && (before.alarm ?? "") === (state.alarm ?? "")) continue;
      const kept = this.keep?.(properties);
      Object.assign(properties, state);
      this.moved ||= this.keep?.(properties) !== kept;
      this.states.set(code, state);
      this.changed.add(code);
    }
    if (fresh.length && !this.shown) this.map?.getSource("devices")?.updateData({ add: fresh });
    if (this.changed.size || this.moved) this.timer ||= setTimeout(() => this.#colour(), COLOUR_EVERY_MS);
  }

  #colour() {
    this.timer = 0;
    if (this.map?.getSource("devices"))
      for (const code of this.changed)
        this.map.setFeatureState({ source: "devices", id: code }, this.states.get(code));
    this.changed.clear();
    if (this.moved) this.onFiltered?.(this.filter(this.keep));
  }

  // Only a person's filter hands the source other features. Returns how many are shown.
  filter(keep) {
    Object.assign(this, { keep, moved: false });
    if (keep || this.shown) {
      this.shown = keep
        ? {
            type: "FeatureCollection",
            features: this.all.features.filter((feature) => keep(feature.properties)),
          }
        : null;
      this.map?.getSource("devices")?.setData(this.shown ?? this.all);
    }
    return (this.shown ?? this.all).features.length;
  }

  showAlarms(alarms, onPick) {
    this.markers.show(this.map, alarms, (code) => this.whereIs(code), onPick);
  }

  whereIs(code) {
    const coordinates = this.ids.get(code)?.geometry?.coordinates;
    return coordinates && { lon: coordinates[0], lat: coordinates[1] };
  }

  // A mark of the page's own ("here", "chosen"), beside the alarms.
  pin(name, lon, lat) {
    this.markers.pin(this.map, name, lon, lat);
  }

  unpin(name) {
    this.markers.unpin(name);
  }

  // `offset`: where in the frame, in pixels from its middle, when a panel covers a part of it.
  flyTo(lon, lat, zoom = 15.5, offset = [0, 0]) {
    this.map?.easeTo({ center: [lon, lat], zoom: Math.max(zoom, this.map.getZoom()), offset, duration: 600 });
  }

  fit(bounds = this.extent(), padding = 50) {
    this.map?.fitBounds(bounds, { padding, duration: 600, maxZoom: 16.5 });
  }

  // Another theme: new style, then our sources and states again.
  repaint() {
    if (!this.map) return;
    this.map.setStyle(this.#style(), { diff: false });
  }

  close() {
    clearTimeout(this.timer);
    this.map?.remove();
    this.map = null;
  }
}
